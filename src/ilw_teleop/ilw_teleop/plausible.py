"""Can a reading be what its type says: metres, radians, a rotation? No ROS, no clock."""

from collections.abc import Callable
import math
from typing import Any

import numpy as np

from ilw_core.contract import ActionSpec

FARTHEST_M = 250.0
"""No 2D lidar reaches further; 3D ones neither by much"""


def doubts_of(kind: str, message: Any, action: ActionSpec) -> list[str]:
    """
    Return what is wrong with a message, a sentence each.

    :param kind: its type; of one that nobody here knows, nothing is said.
    :param message: the message, or a plain object with its fields.
    """
    check = _CHECKS.get(kind)
    return [] if check is None else check(message, action)


def field_index(action: ActionSpec, tail: str) -> int | None:
    """Return which field of a planar twist ends in ``linear.x`` or ``angular.z``."""
    return next((i for i, name in enumerate(action.names) if name.endswith(tail)), None)


def _scan(scan: Any, _: ActionSpec) -> list[str]:
    found = []
    ranges = np.asarray(scan.ranges, dtype=np.float64)
    if not len(ranges):
        return ['has no beams. Is the lidar turning? Look at the driver.']
    turn = max(abs(scan.angle_min), abs(scan.angle_max))
    if not math.isfinite(turn) or turn > 2 * math.pi + 0.1:
        found.append(f'its angles must be radians within a turn. Got {scan.angle_min:g} to '
                     f'{scan.angle_max:g}: degrees? Correct the driver.')
    else:
        width = scan.angle_increment * (len(ranges) - 1)
        # Some drivers leave out, or count twice, the beam where the circle closes.
        if abs(width - (scan.angle_max - scan.angle_min)) > 2.5 * abs(scan.angle_increment) or (
                len(ranges) > 1 and scan.angle_increment == 0.0):
            found.append(f'its {len(ranges)} beams, {scan.angle_increment:g} rad apart, do not '
                         f'reach from {scan.angle_min:g} to {scan.angle_max:g}. Correct the '
                         f'driver.')
    if not (math.isfinite(scan.range_min) and 0.0 <= scan.range_min < scan.range_max):
        found.append(f'range_min must be below range_max, both not negative. Got '
                     f'{scan.range_min:g} and {scan.range_max:g}. Correct the driver.')
    finite = ranges[np.isfinite(ranges) & (ranges > 0.0)]
    beyond = float(np.mean(finite > 1.01 * scan.range_max)) if len(finite) else 0.0
    far = float(np.median(finite)) if len(finite) else 0.0
    if far > FARTHEST_M or (math.isfinite(scan.range_max) and scan.range_max > 4 * FARTHEST_M):
        found.append(f'its ranges must be metres. The middle one is {far:g}, range_max '
                     f'{scan.range_max:g}: millimetres? Correct the driver.')
    elif beyond > 0.5:
        found.append(f'{beyond:.0%} of its ranges are beyond range_max ({scan.range_max:g} m), '
                     f'the middle one is {far:g}: another unit? Correct the driver.')
    if not len(finite) and not np.any(ranges == np.inf):
        found.append('sees nothing: every range is 0 or NaN. Is the lens covered, or the lidar '
                     'still starting?')
    return found


def _odometry(odom: Any, action: ActionSpec) -> list[str]:
    found = _rotation(odom.pose.pose.orientation)
    twist, at = odom.twist.twist, odom.pose.pose.position
    if not all(map(math.isfinite, (at.x, at.y, twist.linear.x, twist.angular.z))):
        return [*found, 'holds a value that is not finite. Look at the driver.']
    for tail, speed, slack, units, wrong in (
            ('linear.x', twist.linear.x, 0.5, 'm/s', 'millimetres'),
            ('angular.z', twist.angular.z, 1.0, 'rad/s', 'degrees')):
        i = field_index(action, tail)
        if i is None:
            continue
        # Three times the limit: a person may have been faster than the policy is let.
        most = 3.0 * max(abs(float(action.low[i])), abs(float(action.high[i]))) + slack
        if abs(speed) > most:
            found.append(f'twist.{tail} must be {units} that this robot can reach (up to '
                         f'{most:g}). Got {speed:g}: {wrong}? Correct the driver.')
    return found


def _rotation(q: Any) -> list[str]:
    length = math.hypot(q.x, q.y, q.z, q.w)
    if abs(length - 1.0) <= 0.01:
        return []
    return [f'its orientation must be a quaternion of length 1. Got length {length:.3g}. Correct '
            f'the driver: all zeros are no rotation, w = 1 is none.']


def _goal(goal: Any, _: ActionSpec) -> list[str]:
    q = goal.pose.orientation
    if not any((q.x, q.y, q.z, q.w)):  # tools that set a point leave the heading empty
        return []
    return _rotation(q)


def _pose(pose: Any, _: ActionSpec) -> list[str]:
    return _rotation(pose.pose.pose.orientation)


def _joints(joints: Any, _: ActionSpec) -> list[str]:
    values = [*joints.position, *joints.velocity]
    if all(map(math.isfinite, values)):
        return []
    return ['holds a value that is not finite. Look at the driver.']


_CHECKS: dict[str, Callable[[Any, ActionSpec], list[str]]] = {
    'sensor_msgs/msg/LaserScan': _scan,
    'nav_msgs/msg/Odometry': _odometry,
    'geometry_msgs/msg/PoseStamped': _goal,
    'geometry_msgs/msg/PoseWithCovarianceStamped': _pose,
    'sensor_msgs/msg/JointState': _joints,
}
