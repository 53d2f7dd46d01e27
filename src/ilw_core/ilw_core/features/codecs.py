"""
Turn messages into numbers: one codec per kind of feature.

A codec names the fields it reads, so it takes an rclpy message, a message decoded from a bag, a
plain namespace, and columns read out of a bag's bytes alike, and gives bit-identical numbers for
all four. Missing is never zero: what is not known is NaN and becomes ``valid = False`` one level
up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from operator import attrgetter
from typing import Any

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.features.lidar_sectors import TURN_RAD, Sectors, sector_minimum
from ilw_core.features.lidar_spec import PLAIN, LidarSpec

_UNSAID = {'angle_max': None, 'range_max': math.inf}
"""Fields that only check others, and what they are where an object leaves them out"""

_ROTATION_SLACK = 0.02
"""Of a quaternion's squared length: drivers round"""

Messages = dict[str, Any]
Fields = tuple[tuple[str, str], ...]

MAX_SECTORS = 4096

_BLOCK = 128
"""Scans at once: what is computed of them stays in the processor's cache"""


@dataclass(frozen=True)
class FeatureSpec:
    """One named vector of an observation."""

    name: str
    """Name of the entry in the contract."""
    kind: str
    """Name of the codec."""
    names: tuple[str, ...]
    """(D,) what each number is, unit included."""
    low: tuple[float, ...]
    """(D,) smallest value that can occur."""
    high: tuple[float, ...]
    """(D,) largest value that can occur."""
    fields: Fields
    """What is read: contract entry and dotted path in its message, in the order of arguments."""
    one: Callable[..., Any]
    """The fields of one message each -> (D,) numbers, NaN where not known."""
    many: Callable[..., np.ndarray] | None = None
    """Columns of N values each -> (N, D) float32, to the bit what ``one`` gives; None: by row."""
    mirror: tuple[tuple[int, ...], tuple[float, ...]] | None = None
    """Left-right reflection: (source index, sign) per number; None when there is none."""
    declaring: Callable[[LidarSpec], 'FeatureSpec'] | None = None
    """The same of a lidar of which something is declared; None: it reads no lidar."""
    sectors: Sectors | None = None
    """Where a lidar's sectors look; None: it reads no lidar."""

    @property
    def dim(self) -> int:
        """Length of the vector."""
        return len(self.names)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Contract entries whose messages are read."""
        return tuple(dict.fromkeys(entry for entry, _ in self.fields))

    def encode(self, messages: Messages) -> np.ndarray:
        """Return the vector of one message per needed entry, ``(D,)`` float32."""
        values = [read(messages[entry]) for entry, read in self._readers]
        return np.asarray(self.one(*values), dtype=np.float32)

    def encode_columns(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """
        Return the vectors of many messages at once.

        :param columns: one per field, ``(N,)`` or, for a sequence, ``(N, L)``.
        :returns: ``(N, D)`` float32.
        """
        if self.many is not None:
            return self.many(*columns)
        rows = [self.one(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
        return np.asarray(rows, dtype=np.float32).reshape(-1, self.dim)

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(entry, _unsaid(path) if path in _UNSAID else attrgetter(path))
                for entry, path in self.fields]


def _unsaid(path: str) -> Callable[[Any], Any]:
    return lambda message: getattr(message, path, _UNSAID[path])


def yaw_of(orientation: Any) -> float:
    """Return the heading of a quaternion [rad], in (-pi, pi]; NaN where it is no rotation."""
    return _yaw(orientation.x, orientation.y, orientation.z, orientation.w)


def _yaw(x: float, y: float, z: float, w: float) -> float:
    if not abs(x * x + y * y + z * z + w * w - 1.0) <= _ROTATION_SLACK:
        return math.nan
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def _paths(entry: str, *paths: str) -> Fields:
    return tuple((entry, path) for path in paths)


_QUATERNION = tuple(f'pose.pose.orientation.{axis}' for axis in 'xyzw')


_SCAN_FIELDS = ('ranges', 'angle_min', 'angle_max', 'angle_increment', 'range_min', 'range_max')


def _lidar_sectors(name: str, options: Section) -> FeatureSpec:
    count = options.integer('sectors', low=1, high=MAX_SECTORS)
    cap_m = options.number('range_max_m', low=0.1, high=1000.0)
    field_rad = None
    if options.has('field_of_view_rad'):
        first, last = options.numbers('field_of_view_rad', 2)
        if not (first < last <= first + TURN_RAD and abs(first) <= TURN_RAD):
            raise options.error('field_of_view_rad', 'two angles in radians within a turn, the '
                                'smaller first', [first, last])
        field_rad = first, last
    options.take('field_of_view_rad')
    return _sectors_of(name, Sectors(count, field_rad), cap_m, PLAIN)


def _sectors_of(name: str, sectors: Sectors, cap_m: float, spec: LidarSpec) -> FeatureSpec:
    def some(ranges: Any, angle_min: float, angle_max: float, increment: float,
             range_min: float, range_max: float) -> np.ndarray:
        return sector_minimum(ranges, angle_min, increment, range_min, cap_m, sectors,
                              angle_max=angle_max, range_max=range_max, spec=spec)

    def many(ranges: np.ndarray, *geometry: np.ndarray) -> np.ndarray:
        alike: dict[tuple[float, ...], list[int]] = {}
        for row, each in enumerate(zip(*(column.tolist() for column in geometry), strict=True)):
            alike.setdefault(each, []).append(row)
        nearest = np.empty((len(ranges), sectors.count), dtype=np.float32)
        for each, rows in alike.items():
            for begin in range(0, len(rows), _BLOCK):
                block = (slice(begin, begin + _BLOCK) if len(alike) == 1 else
                         rows[begin:begin + _BLOCK])
                nearest[block] = some(ranges[block], *each)
        return nearest

    return FeatureSpec(
        name, 'lidar_sectors', tuple(f'{name}.{i}_m' for i in range(sectors.count)),
        (0.0,) * sectors.count, (cap_m,) * sectors.count, _paths(name, *_SCAN_FIELDS), some, many,
        (sectors.mirror, (1.0,) * sectors.count) if sectors.symmetric else None,
        lambda declared: _sectors_of(name, sectors, cap_m, declared), sectors)


def _goal_polar(name: str, options: Section) -> FeatureSpec:
    pose_entry = options.text('pose_from')
    distance_max_m = options.number('distance_max_m', 20.0, low=0.1, high=1e6)

    def one(goal_x: float, goal_y: float, x: float, y: float,
            *orientation: float) -> tuple[float, ...]:
        dx, dy = goal_x - x, goal_y - y
        if not math.isfinite(dx + dy):  # a goal at infinity is none
            return math.nan, math.nan, math.nan
        bearing = math.atan2(dy, dx) - _yaw(*orientation)
        return min(math.hypot(dx, dy), distance_max_m), math.sin(bearing), math.cos(bearing)

    return FeatureSpec(
        name, 'goal_polar', (f'{name}.distance_m', f'{name}.bearing_sin', f'{name}.bearing_cos'),
        (0.0, -1.0, -1.0), (distance_max_m, 1.0, 1.0),
        _paths(name, 'pose.position.x', 'pose.position.y') + _paths(
            pose_entry, 'pose.pose.position.x', 'pose.pose.position.y', *_QUATERNION),
        one, mirror=((0, 1, 2), (1.0, -1.0, 1.0)))


def _body_twist(name: str, options: Section) -> FeatureSpec:
    speed_max_mps = options.number('speed_max_mps', 2.0, low=0.01, high=100.0)
    turn_max_radps = options.number('turn_max_radps', 6.0, low=0.01, high=100.0)

    def one(forward_mps: float, turn_radps: float) -> tuple[float, ...]:
        return forward_mps, turn_radps

    def many(forward_mps: np.ndarray, turn_radps: np.ndarray) -> np.ndarray:
        return np.stack([forward_mps, turn_radps], axis=1).astype(np.float32)

    return FeatureSpec(
        name, 'body_twist', (f'{name}.forward_mps', f'{name}.turn_radps'),
        (-speed_max_mps, -turn_max_radps), (speed_max_mps, turn_max_radps),
        _paths(name, 'twist.twist.linear.x', 'twist.twist.angular.z'), one, many,
        ((0, 1), (1.0, -1.0)))


def _pose2d(name: str, options: Section) -> FeatureSpec:
    x_min, x_max = options.numbers('x_m', 2)
    y_min, y_max = options.numbers('y_m', 2)

    def one(x: float, y: float, *orientation: float) -> tuple[float, ...]:
        yaw = _yaw(*orientation)
        return x, y, math.sin(yaw), math.cos(yaw)

    return FeatureSpec(
        name, 'pose2d', (f'{name}.x_m', f'{name}.y_m', f'{name}.yaw_sin', f'{name}.yaw_cos'),
        (x_min, y_min, -1.0, -1.0), (x_max, y_max, 1.0, 1.0),
        _paths(name, 'pose.pose.position.x', 'pose.pose.position.y', *_QUATERNION), one)


CODECS: dict[str, Callable[[str, Section], FeatureSpec]] = {
    'lidar_sectors': _lidar_sectors,
    'goal_polar': _goal_polar,
    'body_twist': _body_twist,
    'pose2d': _pose2d,
}
"""Every kind of feature a contract may name. To add one: write its function and its line here."""
