"""Can a reading be what its type says: metres, radians, a rotation? No ROS, no clock."""

from collections.abc import Callable
import math
from typing import Any

import numpy as np

from ilw_core.contract import ActionSpec, Contract
from ilw_core.lidar import ScanGeometry, unread, why_no_evidence
from ilw_core.lidar_sectors import unseen_sectors

SCAN = 'sensor_msgs/msg/LaserScan'


def doubts_of(kind: str, message: Any, contract: Contract, topic: str) -> list[str]:
    """
    Return what is wrong with a message, a sentence each.

    :param kind: its type; of one that nobody here knows, nothing is said.
    :param message: the message, or a plain object with its fields.
    :param topic: where it came.
    """
    if kind == SCAN:
        return scan_doubts(message, contract, topic)
    check = _CHECKS.get(kind)
    return [] if check is None else check(message, contract.action)


def field_index(action: ActionSpec, tail: str) -> int | None:
    """Return which field of a planar twist ends in ``linear.x`` or ``angular.z``."""
    return next((i for i, name in enumerate(action.names) if name.endswith(tail)), None)


def scan_doubts(scan: Any, contract: Contract, topic: str) -> list[str]:
    """
    Return what is wrong with a scan, and what of it the contract cannot use, a sentence each.

    :param contract: declares what is known of the lidar.
    """
    geometry, lidar = ScanGeometry.of(scan), contract.lidar
    ranges = np.asarray(scan.ranges, dtype=np.float64)
    why = why_no_evidence(ranges, geometry, lidar)
    found = [why] if why else unread(ranges, geometry, lidar)
    for source in contract.sources:
        if not found and source.topic == topic and source.feature.sectors is not None:
            found = [unseen_sectors(source.name, source.feature.sectors, geometry, lidar)]
    return [text for text in found if text]


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
    'nav_msgs/msg/Odometry': _odometry,
    'geometry_msgs/msg/PoseStamped': _goal,
    'geometry_msgs/msg/PoseWithCovarianceStamped': _pose,
    'sensor_msgs/msg/JointState': _joints,
}
