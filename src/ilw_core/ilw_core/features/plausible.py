"""Can a reading be what its type says: metres, radians, a rotation? Of one message or of many."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter
from typing import Any

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, TURN, field_index
from ilw_core.features.image_decode import ImageUnreadError
from ilw_core.features.lidar import ScanGeometry, unread, why_no_evidence
from ilw_core.features.lidar_sectors import unseen_sectors

SCAN, ODOMETRY = 'sensor_msgs/msg/LaserScan', 'nav_msgs/msg/Odometry'
_SPIKES = 0.1
"""Part of the speeds that may be beyond reach: another unit makes most of them so"""
Read = Callable[[str], np.ndarray]
"""Dotted path of a field -> its values in N messages, ``(N,)``; of a sequence ``(N, L)``"""


@dataclass(frozen=True)
class Doubt:
    """One thing that cannot be so."""

    path: str
    """Of the field, or of what holds it, as ``pose.pose.orientation``"""
    text: str
    """The rule, what the first such message has, what to do"""
    wrong: np.ndarray
    """(N,) bool: the messages of which it is true"""
    rare: float = 0.02
    """So large a part of them may have it without a mistake in the driver, as when it starts"""


def doubts_of(kind: str, message: Any, contract: Contract, topic: str) -> list[str]:
    """
    Return what is wrong with a message, a sentence each.

    :param kind: its type; of one that nobody here knows, nothing is said.
    :param message: the message, or a plain object with its fields.
    :param topic: where it came.
    """
    if kind == SCAN:
        return scan_doubts(message, contract, topic)
    if any(source.topic == topic for source in contract.images):
        return image_doubts(message, contract, topic)
    found = doubts_in(kind, lambda path: np.array([attrgetter(path)(message)]), contract.action)
    return [doubt.text for doubt in found]


def doubts_in(kind: str, read: Read, action: ActionSpec) -> list[Doubt]:
    """
    Return what is wrong with any of N messages of one type other than a scan.

    :param read: gives their fields.
    """
    check = _CHECKS.get(kind)
    return [] if check is None else [doubt for doubt in check(read, action) if doubt.wrong.any()]


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


def image_doubts(message: Any, contract: Contract, topic: str) -> list[str]:
    """Return why the entries that observe a camera get no image from a message."""
    found = []
    for source in contract.images:
        if source.topic == topic:
            try:
                source.feature.image({source.name: message})
            except ImageUnreadError as error:
                found.append(f'gives no image for {source.name}: {error}')
    return found


def rotation(read: Read, path: str, *, empty_is_none: bool = False) -> Doubt:
    """
    Return which orientations are no rotation.

    :param path: of the quaternion.
    :param empty_is_none: all zeros mean that there is no orientation, which is fine.
    """
    length = reduce(np.hypot, (read(f'{path}.{axis}').astype(np.float64) for axis in 'xyzw'))
    wrong = ~(np.abs(length - 1.0) <= 0.01)  # true for NaN, too
    if empty_is_none:
        wrong &= length != 0.0
    return Doubt(path, 'its orientation must be a quaternion of length 1. Got length '
                 f'{_first(length, wrong):.3g}. Correct the driver: what is not turned '
                 'has w = 1, and nothing is all zeros.', wrong)


def _first(values: np.ndarray, wrong: np.ndarray) -> float:
    return float(values[int(np.argmax(wrong))])


def _finite(read: Read, path: str, fields: Iterable[str]) -> Doubt:
    values = np.stack([np.asarray(read(f'{path}.{field}'), np.float64) for field in fields])
    return Doubt(path, 'holds a value that is not finite. Look at the driver.',
                 ~np.isfinite(values).all(axis=0))


def _speeds(read: Read, path: str, action: ActionSpec) -> list[Doubt]:
    found = []
    for tail, slack, units, wrong in ((FORWARD, 0.5, 'm/s', 'millimetres'),
                                      (TURN, 1.0, 'rad/s', 'degrees')):
        i = field_index(action, tail)
        if i is None:
            continue
        # Three times the limit: a person may have been faster than the policy is let.
        most = 3.0 * max(abs(float(action.low[i])), abs(float(action.high[i]))) + slack
        speed = read(f'{path}.{tail}' if path else tail)
        with np.errstate(invalid='ignore'):
            beyond = np.isfinite(speed) & (np.abs(speed) > most)
        found.append(Doubt(
            path, f'twist.{tail} must be {units} that this robot can reach (up to {most:g}). Got '
            f'{_first(speed, beyond):g}: {wrong}? Correct the driver.', beyond, rare=_SPIKES))
    return found


def _odometry(read: Read, action: ActionSpec) -> list[Doubt]:
    return [rotation(read, 'pose.pose.orientation'),
            _finite(read, 'pose.pose.position', 'xy'),
            _finite(read, 'twist.twist', (FORWARD, TURN)),
            *_speeds(read, 'twist.twist', action)]


def _goal(read: Read, _: ActionSpec) -> list[Doubt]:
    # Tools that set a point leave the heading empty.
    return [rotation(read, 'pose.orientation', empty_is_none=True)]


def _pose(read: Read, _: ActionSpec) -> list[Doubt]:
    return [rotation(read, 'pose.pose.orientation')]


def _joints(read: Read, _: ActionSpec) -> list[Doubt]:
    return [Doubt(path, 'holds a value that is not finite. Look at the driver.',
                  ~np.isfinite(read(path)).all(axis=-1)) for path in ('position', 'velocity')]


_CHECKS: dict[str, Callable[[Read, ActionSpec], list[Doubt]]] = {
    ODOMETRY: _odometry,
    'geometry_msgs/msg/Twist': lambda read, action: _speeds(read, '', action),
    'geometry_msgs/msg/TwistStamped': lambda read, action: _speeds(read, 'twist', action),
    'geometry_msgs/msg/PoseStamped': _goal,
    'geometry_msgs/msg/PoseWithCovarianceStamped': _pose,
    'sensor_msgs/msg/JointState': _joints,
}
