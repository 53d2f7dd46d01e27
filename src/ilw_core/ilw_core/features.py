"""
Turn messages into numbers: one codec per kind of feature.

A codec names the fields it reads, so it takes an rclpy message, a message decoded from a bag, a
plain namespace, and columns read out of a bag's bytes alike, and gives bit-identical numbers for
all four. Missing is never zero: what is not known is NaN and becomes ``valid = False`` one level
up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
import math
from operator import attrgetter
from typing import Any

import numpy as np

from ilw_core.schema import Section

Messages = dict[str, Any]
Fields = tuple[tuple[str, str], ...]

MAX_SECTORS = 4096
MAX_BEAMS = 100_000
"""A scan of more is no scan; the densest lidars have a tenth of it"""
_MAX_TURN_RAD = 1000.0
"""The same for angles; a scan goes round once, or from -2 pi to 2 pi"""


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
        return [(entry, attrgetter(path)) for entry, path in self.fields]


def yaw_of(orientation: Any) -> float:
    """Return the heading of a quaternion [rad], in (-pi, pi]."""
    return _yaw(orientation.x, orientation.y, orientation.z, orientation.w)


def sector_minimum(
    ranges: np.ndarray, angle_min: float, angle_increment: float,
    range_min: float | np.ndarray, range_max: float, sectors: int,
) -> np.ndarray:
    """
    Return the nearest return in each of ``sectors`` equal slices of the full circle.

    Sector 0 is centred straight ahead and sectors go counter-clockwise. No return means free up to
    ``range_max``; a reading below ``range_min`` or NaN is not a measurement and is left out.

    :param ranges: ``(..., L)`` metres, as in ``sensor_msgs/LaserScan.ranges``.
    :param range_min: one number, or one per scan, ``(..., 1)``.
    :returns: ``(..., sectors)`` float32 metres; NaN for a slice no beam looked into, or for
        all of a scan whose angles or number of beams are nonsense.
    """
    ranges = np.asarray(ranges, dtype=np.float32)
    widest = abs(angle_min) + abs(angle_increment) * ranges.shape[-1]
    if not widest <= _MAX_TURN_RAD or ranges.shape[-1] > MAX_BEAMS:  # true for NaN, too
        return np.full((*ranges.shape[:-1], sectors), np.nan, dtype=np.float32)
    order, starts, slots = _slices(angle_min, angle_increment, ranges.shape[-1], sectors)
    measured = ranges >= np.asarray(range_min, dtype=np.float32)  # false for NaN
    nothing = np.float32(np.inf)
    clipped = np.where(measured, np.minimum(ranges, np.float32(range_max)), nothing)
    nearest = np.full((*ranges.shape[:-1], sectors), np.nan, dtype=np.float32)
    if len(slots):
        # Adding zero makes -0.0 into 0.0, or the order of the beams could be seen in the bits.
        nearest[..., slots] = np.minimum.reduceat(clipped[..., order], starts, axis=-1) + 0.0
        nearest[np.isinf(nearest)] = np.nan
    return nearest


@lru_cache(maxsize=64)
def _slices(
    angle_min: float, angle_increment: float, beams: int, sectors: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the beams ordered by slice, where each slice begins, and which slices those are."""
    angles = angle_min + angle_increment * np.arange(beams)
    slot = np.floor(angles * (sectors / (2.0 * math.pi)) + 0.5).astype(np.int64) % sectors
    slots, starts = np.unique(np.sort(slot), return_index=True)
    return np.argsort(slot, kind='stable'), starts, slots


def _yaw(x: float, y: float, z: float, w: float) -> float:
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def _paths(entry: str, *paths: str) -> Fields:
    return tuple((entry, path) for path in paths)


_QUATERNION = tuple(f'pose.pose.orientation.{axis}' for axis in 'xyzw')


def _lidar_sectors(name: str, options: Section) -> FeatureSpec:
    sectors = options.integer('sectors', low=1, high=MAX_SECTORS)
    range_max_m = options.number('range_max_m', low=0.1, high=1000.0)

    def one(ranges: Any, angle_min: float, angle_increment: float,
            range_min: float) -> np.ndarray:
        return sector_minimum(ranges, angle_min, angle_increment, range_min, range_max_m, sectors)

    def many(ranges: np.ndarray, angle_min: np.ndarray, angle_increment: np.ndarray,
             range_min: np.ndarray) -> np.ndarray:
        alike: dict[tuple[float, float], list[int]] = {}
        for row, geometry in enumerate(zip(angle_min.tolist(), angle_increment.tolist(),
                                           strict=True)):
            alike.setdefault(geometry, []).append(row)
        if len(alike) == 1:
            return sector_minimum(ranges, *next(iter(alike)), range_min[:, None], range_max_m,
                                  sectors)
        nearest = np.empty((len(ranges), sectors), dtype=np.float32)
        for geometry, rows in alike.items():
            nearest[rows] = sector_minimum(ranges[rows], *geometry, range_min[rows, None],
                                           range_max_m, sectors)
        return nearest

    return FeatureSpec(
        name, 'lidar_sectors', tuple(f'{name}.{i}_m' for i in range(sectors)),
        (0.0,) * sectors, (range_max_m,) * sectors,
        _paths(name, 'ranges', 'angle_min', 'angle_increment', 'range_min'), one, many,
        (tuple((-i) % sectors for i in range(sectors)), (1.0,) * sectors))


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
