"""What an arm and its table say, shaped like ROS messages but plain."""

from types import SimpleNamespace as Plain
from typing import TYPE_CHECKING

import numpy as np

from ilw_core.contract.planar_twist import spatial_twist
from ilw_sim.arm.topics import JOINTS, TARGET, TOOL, WRENCH, object_topic
from ilw_sim.sensing.readings import EXACT_POSE, header, joint_state, vector

if TYPE_CHECKING:  # it brings PyBullet
    from ilw_sim.arm.world import ArmWorld, Placed

WORLD = 'world'
"""Frame on the table that the arm's base stands in"""


def read(world: 'ArmWorld', objects: tuple[str, ...], target: int,
         stamp_ns: int) -> dict[str, Plain]:
    """Return the messages of one tick by topic."""
    base = world.model.base
    position, speed, effort = world.joints()
    joints = joint_state(stamp_ns, world.names, position, speed)
    joints.effort = effort
    tool = world.tool()
    placed = zip(objects, world.things(), strict=True)
    return {
        JOINTS: joints, TOOL: pose_stamped(stamp_ns, base, tool),
        'sim/ground_truth': odometry(
            stamp_ns, (base, world.model.tool), tool, world.tool_twist()),
        WRENCH: Plain(header=header(stamp_ns, world.model.tool), wrench=_wrench(world.wrench)),
        TARGET: Plain(data=target),
        **{object_topic(name): pose_stamped(stamp_ns, base, at) for name, at in placed}}


def pose_stamped(stamp_ns: int, frame_id: str, at: 'Placed') -> Plain:
    """Return a ``geometry_msgs/PoseStamped``."""
    return Plain(header=header(stamp_ns, frame_id), pose=_pose(at))


def odometry(stamp_ns: int, frames: tuple[str, str], at: 'Placed', twist: np.ndarray) -> Plain:
    """Return a ``nav_msgs/Odometry`` of the tool, ``(6,)`` twist in the frame of the base."""
    return Plain(
        header=header(stamp_ns, frames[0]), child_frame_id=frames[1],
        pose=Plain(pose=_pose(at), covariance=EXACT_POSE),
        twist=Plain(twist=spatial_twist(twist), covariance=EXACT_POSE))


def _wrench(six: np.ndarray) -> Plain:
    return Plain(force=vector(*six[:3].tolist()), torque=vector(*six[3:].tolist()))


def _pose(at: 'Placed') -> Plain:
    x, y, z, w = at.xyzw
    return Plain(position=vector(*at.xyz), orientation=Plain(x=x, y=y, z=z, w=w))
