"""
Turn messages into numbers: one codec per kind of feature.

A codec reads fields by name, so it takes an rclpy message, a message decoded from a bag and a
plain namespace alike, and gives bit-identical numbers for all three. Missing is never zero: what
is not known is NaN in ``encode`` and becomes ``valid = False`` one level up.
"""

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ilw_core.schema import Section

Messages = dict[str, Any]


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
    needs: tuple[str, ...]
    """Contract entries whose messages are read, its own first."""
    encode: Callable[[Messages], np.ndarray]
    """Messages by entry name -> (D,) float32, NaN where not known."""
    mirror: tuple[tuple[int, ...], tuple[float, ...]] | None = None
    """Left-right reflection: (source index, sign) per number; None when there is none."""

    @property
    def dim(self) -> int:
        """Length of the vector."""
        return len(self.names)


def yaw_of(orientation: Any) -> float:
    """Return the heading of a quaternion [rad], in (-pi, pi]."""
    x, y, z, w = orientation.x, orientation.y, orientation.z, orientation.w
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def sector_minimum(
    ranges: np.ndarray, angle_min: float, angle_increment: float, range_min: float,
    range_max: float, sectors: int,
) -> np.ndarray:
    """
    Return the nearest return in each of ``sectors`` equal slices of the full circle.

    Sector 0 is centred straight ahead and sectors go counter-clockwise. No return means free up to
    ``range_max``; a reading below ``range_min`` or NaN is not a measurement and is left out.

    :param ranges: ``(N,)`` metres, as in ``sensor_msgs/LaserScan.ranges``.
    :returns: ``(sectors,)`` float32 metres; NaN for a slice no beam looked into.
    """
    ranges = np.asarray(ranges, dtype=np.float32)
    angles = angle_min + angle_increment * np.arange(len(ranges))
    slot = np.floor(angles * (sectors / (2.0 * math.pi)) + 0.5).astype(np.int64) % sectors
    measured = ~np.isnan(ranges) & (ranges >= np.float32(range_min))
    clipped = np.minimum(ranges, np.float32(range_max))
    nearest = np.full(sectors, np.inf, dtype=np.float32)
    np.minimum.at(nearest, slot[measured], clipped[measured])
    return np.where(np.isinf(nearest), np.float32(np.nan), nearest)


def _lidar_sectors(name: str, options: Section) -> FeatureSpec:
    sectors = options.integer('sectors', low=1)
    range_max_m = options.number('range_max_m', low=0.1, high=1000.0)

    def encode(messages: Messages) -> np.ndarray:
        scan = messages[name]
        return sector_minimum(scan.ranges, scan.angle_min, scan.angle_increment,
                              scan.range_min, range_max_m, sectors)

    return FeatureSpec(
        name, 'lidar_sectors', tuple(f'{name}.{i}_m' for i in range(sectors)),
        (0.0,) * sectors, (range_max_m,) * sectors, (name,), encode,
        (tuple((-i) % sectors for i in range(sectors)), (1.0,) * sectors))


def _goal_polar(name: str, options: Section) -> FeatureSpec:
    pose_entry = options.text('pose_from')
    distance_max_m = options.number('distance_max_m', 20.0, low=0.1, high=1e6)

    def encode(messages: Messages) -> np.ndarray:
        goal, pose = messages[name].pose.position, messages[pose_entry].pose.pose
        dx, dy = goal.x - pose.position.x, goal.y - pose.position.y
        distance = math.hypot(dx, dy)
        bearing = math.atan2(dy, dx) - yaw_of(pose.orientation)
        return np.array([min(distance, distance_max_m), math.sin(bearing), math.cos(bearing)],
                        dtype=np.float32)

    return FeatureSpec(
        name, 'goal_polar', (f'{name}.distance_m', f'{name}.bearing_sin', f'{name}.bearing_cos'),
        (0.0, -1.0, -1.0), (distance_max_m, 1.0, 1.0), (name, pose_entry), encode,
        ((0, 1, 2), (1.0, -1.0, 1.0)))


def _body_twist(name: str, options: Section) -> FeatureSpec:
    speed_max_mps = options.number('speed_max_mps', 2.0, low=0.01, high=100.0)
    turn_max_radps = options.number('turn_max_radps', 6.0, low=0.01, high=100.0)

    def encode(messages: Messages) -> np.ndarray:
        twist = messages[name].twist.twist
        return np.array([twist.linear.x, twist.angular.z], dtype=np.float32)

    return FeatureSpec(
        name, 'body_twist', (f'{name}.forward_mps', f'{name}.turn_radps'),
        (-speed_max_mps, -turn_max_radps), (speed_max_mps, turn_max_radps), (name,), encode,
        ((0, 1), (1.0, -1.0)))


def _pose2d(name: str, options: Section) -> FeatureSpec:
    x_min, x_max = options.numbers('x_m', 2)
    y_min, y_max = options.numbers('y_m', 2)

    def encode(messages: Messages) -> np.ndarray:
        pose = messages[name].pose.pose
        yaw = yaw_of(pose.orientation)
        return np.array([pose.position.x, pose.position.y, math.sin(yaw), math.cos(yaw)],
                        dtype=np.float32)

    return FeatureSpec(
        name, 'pose2d', (f'{name}.x_m', f'{name}.y_m', f'{name}.yaw_sin', f'{name}.yaw_cos'),
        (x_min, y_min, -1.0, -1.0), (x_max, y_max, 1.0, 1.0), (name,), encode)


CODECS: dict[str, Callable[[str, Section], FeatureSpec]] = {
    'lidar_sectors': _lidar_sectors,
    'goal_polar': _goal_polar,
    'body_twist': _body_twist,
    'pose2d': _pose2d,
}
"""Every kind of feature a contract may name. To add one: write its function and its line here."""
