"""Names of what an arm publishes about what lies on the table."""

TARGET = 'target'
"""``std_msgs/Int32``: which of the objects is meant, counted from 0"""
TOOL = 'tool_pose'
"""``geometry_msgs/PoseStamped`` of the tool, in the frame of the arm's base"""
WRENCH = 'wrench'
"""``geometry_msgs/WrenchStamped``: what presses on the gripper, at the tool and in its frame"""
JOINTS = 'joint_states'
"""``sensor_msgs/JointState`` of arm and fingers"""


def object_topic(name: str) -> str:
    """Return the topic of an object's pose, a ``geometry_msgs/PoseStamped``."""
    return f'objects/{name}/pose'
