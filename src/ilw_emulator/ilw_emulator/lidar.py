"""A 2D lidar on a machine: what it measures from where it really sits. No clock, no ROS."""

import math

import numpy as np

from ilw_emulator.drive import Pose
from ilw_emulator.room import Room
from ilw_emulator.traits import LidarTraits


class Lidar:
    """Measures a room; beam 0 looks straight back, beams go counter-clockwise."""

    def __init__(self, traits: LidarTraits, room: Room, rng: np.random.Generator) -> None:
        self._traits, self._room, self._rng = traits, room, rng
        beams = round(traits.beams)
        self._angles = -math.pi + 2.0 * math.pi / beams * np.arange(beams)

    def ranges(self, pose: Pose) -> np.ndarray:
        """Return one scan ``(beams,)`` float64 [m] of a base at ``pose``; ``inf``: no return."""
        t, (x, y, yaw) = self._traits, pose
        cos, sin = math.cos(yaw), math.sin(yaw)
        ranges = self._room.ranges(x + cos * t.mount_x_m - sin * t.mount_y_m,
                                   y + sin * t.mount_x_m + cos * t.mount_y_m,
                                   self._angles + (yaw + t.mount_yaw_rad), t.range_max_m)
        if t.noise_m:
            ranges = ranges + t.noise_m * self._rng.standard_normal(len(ranges))
        ranges = np.asarray(np.maximum(ranges, t.range_min_m))
        ranges[ranges > t.range_max_m] = np.inf  # noise is no distance
        if t.missing_ratio:
            ranges[self._rng.random(len(ranges)) < t.missing_ratio] = np.inf
        return ranges
