"""Where the robot is by odometry, and where its goal: for what a person is told."""

from collections.abc import Callable
import time

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node

from ilw_core.contract.file import Contract
from ilw_core.features.goal import somewhere, topics_of
from ilw_core.features.rotation import yaw_of
from ilw_ros.convert import stamp_ns
from ilw_ros.health import note_dropped
from ilw_ros.qos import LATCHED, STATE


class GoalEar:
    """
    Follows both.

    :param on_pose: called with each new pose.
    """

    def __init__(self, node: Node, contract: Contract,
                 on_pose: Callable[[], None] = lambda: None) -> None:
        self._node, self._on_pose = node, on_pose
        self.pose: tuple[float, float, float] | None = None
        self.pose_wall_ns, self.stamp_ns = 0, 0
        self._goal: tuple[float, float] | None = None
        self._frames = {'odom': '', 'goal': ''}
        odometry, goal = topics_of(contract)
        node.create_subscription(Odometry, odometry, self._on_odometry, STATE)
        node.create_subscription(PoseStamped, goal, self._on_goal, LATCHED)

    @property
    def goal(self) -> tuple[float, float] | None:
        """Where the goal is [m]; ``None`` in another frame than odometry: it is elsewhere."""
        frames = {frame.lstrip('/') for frame in self._frames.values()} - {''}
        return self._goal if len(frames) < 2 else None

    def _on_odometry(self, odometry: Odometry) -> None:
        at, yaw = odometry.pose.pose.position, yaw_of(odometry.pose.pose.orientation)
        if not somewhere(at.x, at.y, yaw):
            note_dropped(self._node, 'odom')
            return
        self.pose, self.pose_wall_ns = (at.x, at.y, yaw), time.monotonic_ns()
        self.stamp_ns = stamp_ns(odometry.header.stamp)
        self._frames['odom'] = odometry.header.frame_id
        self._on_pose()

    def _on_goal(self, goal: PoseStamped) -> None:
        at = goal.pose.position
        if not somewhere(at.x, at.y):
            note_dropped(self._node, 'goal')
            return
        self._frames['goal'], self._goal = goal.header.frame_id, (at.x, at.y)
