"""What a driver would publish, as plain objects shaped like ROS messages."""

import math
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.contract.planar_twist import plain_twist

ODOM, BASE, LASER = 'odom', 'base_link', 'base_scan'
JOINTS = ('wheel_left_joint', 'wheel_right_joint')

Pose = tuple[float, float, float]


def header(stamp_ns: int, frame_id: str) -> Plain:
    """Return a ``std_msgs/Header``."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return Plain(stamp=Plain(sec=sec, nanosec=nanosec), frame_id=frame_id)


def odometry(stamp_ns: int, pose: Pose, forward_mps: float, turn_radps: float) -> Plain:
    """Return a ``nav_msgs/Odometry``."""
    return Plain(
        header=header(stamp_ns, ODOM), child_frame_id=BASE, pose=Plain(pose=_flat(pose)),
        twist=Plain(twist=plain_twist(forward_mps, turn_radps)))


def joint_state(stamp_ns: int, position: tuple[float, float],
                velocity: tuple[float, float]) -> Plain:
    """Return a ``sensor_msgs/JointState`` of the wheels [rad, rad/s]."""
    return Plain(header=header(stamp_ns, BASE), name=list(JOINTS),
                 position=np.array(position), velocity=np.array(velocity))


def laser_scan(stamp_ns: int, ranges: np.ndarray, *, range_min_m: float, range_max_m: float,
               scan_s: float) -> Plain:
    """Return a ``sensor_msgs/LaserScan`` of the full circle, beam 0 straight back."""
    step = 2.0 * math.pi / len(ranges)
    first, last, step, low, high, scan = (
        float(np.float32(v)) for v in (-math.pi, math.pi - step, step, range_min_m, range_max_m,
                                       scan_s))  # as wide as in the message
    return Plain(header=header(stamp_ns, LASER), angle_min=first, angle_max=last,
                 angle_increment=step, time_increment=0.0, scan_time=scan, range_min=low,
                 range_max=high, ranges=np.asarray(ranges, dtype=np.float32))


def pose_stamped(stamp_ns: int, x: float, y: float) -> Plain:
    """Return a ``geometry_msgs/PoseStamped`` of a place in the frame of odometry."""
    return Plain(header=header(stamp_ns, ODOM), pose=_flat((x, y, 0.0)))


def transform(odom: Plain) -> Plain:
    """Return the ``geometry_msgs/TransformStamped`` odom -> base_link of an odometry."""
    place = odom.pose.pose
    return Plain(header=odom.header, child_frame_id=BASE,
                 transform=Plain(translation=place.position, rotation=place.orientation))


def mount(stamp_ns: int, height_m: float) -> Plain:
    """Return the ``geometry_msgs/TransformStamped`` base_link -> base_scan, as drawn."""
    return Plain(header=header(stamp_ns, BASE), child_frame_id=LASER,
                 transform=Plain(translation=_vector(z=height_m), rotation=_turned(0.0)))


def _vector(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Plain:
    return Plain(x=float(x), y=float(y), z=float(z))


def _turned(yaw: float) -> Plain:
    return Plain(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def _flat(pose: Pose) -> Plain:
    x, y, yaw = pose
    return Plain(position=_vector(x, y), orientation=_turned(yaw))
