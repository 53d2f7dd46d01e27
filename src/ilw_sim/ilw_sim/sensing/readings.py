"""
What the sensors say, shaped like ROS messages but plain: the codecs and the node read the same.

Nothing here knows ROS or physics; float32 where the message has float32, so that an observation
built in process has the bits of one that came through the network.
"""

from collections.abc import Sequence
import math
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.contract.planar_twist import plain_twist

EXACT = 1e-9
"""A variance that stands for none: zero means unknown in a covariance"""
EXACT_POSE = np.diag([EXACT] * 6).ravel()
_PLANAR = [0, 1, 5, 6, 7, 11, 30, 31, 35]
"""Where x, y and heading stand in a 6 x 6 matrix, row after row"""
ODOM, BASE, SCAN, IMU, MAP = 'odom', 'base_link', 'base_scan', 'imu_link', 'map'


def header(stamp_ns: int, frame_id: str) -> Plain:
    """Return a ``std_msgs/Header``."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    return Plain(stamp=Plain(sec=sec, nanosec=nanosec), frame_id=frame_id)


def vector(x: float, y: float, z: float) -> Plain:
    """Return a ``geometry_msgs/Vector3`` or ``Point``."""
    return Plain(x=float(x), y=float(y), z=float(z))


def turned(yaw: float) -> Plain:
    """Return the ``geometry_msgs/Quaternion`` of a heading [rad]."""
    return Plain(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def pose2d(x: float, y: float, yaw: float) -> Plain:
    """Return a ``geometry_msgs/Pose`` on the ground."""
    return Plain(position=vector(x, y, 0.0), orientation=turned(yaw))


def odometry(
    stamp_ns: int, frame_id: str, pose: tuple[float, float, float], twist: tuple[float, float],
    pose_covariance: np.ndarray = EXACT_POSE, twist_covariance: np.ndarray = EXACT_POSE,
) -> Plain:
    """
    Return a ``nav_msgs/Odometry``: pose (x, y, yaw) in the frame, twist (v, w) in the body.

    :param pose_covariance: ``(36,)`` as in the message; the twist's, too.
    """
    return Plain(
        header=header(stamp_ns, frame_id), child_frame_id=BASE,
        pose=Plain(pose=pose2d(*pose), covariance=pose_covariance),
        twist=Plain(twist=plain_twist(*twist), covariance=twist_covariance))


def laser_scan(
    stamp_ns: int, ranges: np.ndarray, *, range_min: float, range_max: float, scan_time: float,
) -> Plain:
    """Return a ``sensor_msgs/LaserScan`` of the full circle, beam 0 straight ahead."""
    step = 2.0 * math.pi / len(ranges)
    f32 = [float(np.float32(v)) for v in (step, step * (len(ranges) - 1), range_min, range_max)]
    return Plain(
        header=header(stamp_ns, SCAN), angle_min=0.0, angle_max=f32[1], angle_increment=f32[0],
        time_increment=0.0, scan_time=float(np.float32(scan_time)), range_min=f32[2],
        range_max=f32[3], ranges=np.asarray(ranges, dtype=np.float32))


def joint_state(
    stamp_ns: int, names: tuple[str, ...], position: np.ndarray, velocity: np.ndarray,
) -> Plain:
    """Return a ``sensor_msgs/JointState`` [rad, rad/s]."""
    return Plain(header=header(stamp_ns, BASE), name=list(names),
                 position=np.asarray(position, dtype=np.float64),
                 velocity=np.asarray(velocity, dtype=np.float64))


def imu(
    stamp_ns: int, gyro: np.ndarray, acceleration: np.ndarray, gyro_noise_radps: float,
    acceleration_noise_mps2: float,
) -> Plain:
    """
    Return a ``sensor_msgs/Imu`` without orientation; acceleration includes gravity's.

    :param gyro_noise_radps: standard deviation of each axis; of acceleration's, too.
    """
    unknown = np.zeros(9)
    unknown[0] = -1.0  # as the message asks for where there is no estimate
    return Plain(header=header(stamp_ns, IMU), orientation_covariance=unknown,
                 angular_velocity=vector(*gyro),
                 angular_velocity_covariance=alike(gyro_noise_radps),
                 linear_acceleration=vector(*acceleration),
                 linear_acceleration_covariance=alike(acceleration_noise_mps2))


def alike(noise: float) -> np.ndarray:
    """Return the covariance, ``(9,)``, of three values with the same independent noise."""
    return np.diag([noise * noise + EXACT] * 3).ravel()


def planar(xx: float, xy: float, yy: float, xt: float, yt: float, tt: float) -> np.ndarray:
    """Return the covariance, ``(36,)``, of x, y and heading; the other three are exact."""
    full = EXACT_POSE.copy()
    full[_PLANAR] += (xx, xy, xt, xy, yy, yt, xt, yt, tt)
    return full


def pose_stamped(stamp_ns: int, frame_id: str, pose: tuple[float, float, float]) -> Plain:
    """Return a ``geometry_msgs/PoseStamped``."""
    return Plain(header=header(stamp_ns, frame_id), pose=pose2d(*pose))


def mounted(
    stamp_ns: int, parent: str, child: str, xyz: Sequence[float], xyzw: Sequence[float],
) -> Plain:
    """Return a ``geometry_msgs/TransformStamped``: place and quaternion of a part of the robot."""
    x, y, z, w = (float(v) for v in xyzw)
    return Plain(header=header(stamp_ns, parent), child_frame_id=child, transform=Plain(
        translation=vector(*xyz), rotation=Plain(x=x, y=y, z=z, w=w)))


def transform(
    stamp_ns: int, parent: str, child: str, pose: tuple[float, float, float],
) -> Plain:
    """Return a ``geometry_msgs/TransformStamped`` on the ground."""
    x, y, yaw = pose
    return Plain(header=header(stamp_ns, parent), child_frame_id=child,
                 transform=Plain(translation=vector(x, y, 0), rotation=turned(yaw)))


def occupancy(
    stamp_ns: int, cells: np.ndarray, resolution_m: float, origin: tuple[float, float],
) -> Plain:
    """Return a ``nav_msgs/OccupancyGrid`` of ``(H, W)``: 100 occupied, 0 free, -1 unknown."""
    stamp = header(stamp_ns, MAP)
    return Plain(
        header=stamp,
        info=Plain(map_load_time=stamp.stamp, resolution=float(np.float32(resolution_m)),
                   width=cells.shape[1], height=cells.shape[0],
                   origin=pose2d(*origin, 0.0)),
        data=cells.ravel().astype(np.int8))


def compose(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[
        float, float, float]:
    """Return the planar pose ``b``, given in the frame ``a``, in the frame of ``a``'s parent."""
    cos, sin = math.cos(a[2]), math.sin(a[2])
    return a[0] + cos * b[0] - sin * b[1], a[1] + sin * b[0] + cos * b[1], wrap(a[2] + b[2])


def inverse(pose: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the planar pose that undoes this one."""
    cos, sin = math.cos(pose[2]), math.sin(pose[2])
    return (-cos * pose[0] - sin * pose[1], sin * pose[0] - cos * pose[1], -pose[2])


def wrap(angle: float) -> float:
    """Return an angle in [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi
