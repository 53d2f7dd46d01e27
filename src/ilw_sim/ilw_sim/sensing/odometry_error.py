"""
How far odometry may be off: the covariance of dead reckoning from two wheels.

As in R. Siegwart, I. Nourbakhsh, D. Scaramuzza, Introduction to Autonomous Mobile Robots, 2nd ed.
2011, section 5.2.4, eq. 5.7 to 5.11. Differences: a wheel's error has a part that stays the same
for an episode (its assumed radius) beside the one that is new in each tick (slip).
"""

import math

import numpy as np

from ilw_sim.sensing import readings


class OdometryError:
    """
    Grows with the way driven since the start of an episode.

    :param scale_ratio: standard deviation of a wheel's radius, ratio of it.
    :param slip_ratio: standard deviation of a wheel's travel in one tick, ratio of it.
    :param track_m: distance between the wheels.
    """

    def __init__(self, scale_ratio: float, slip_ratio: float, track_m: float) -> None:
        self._scale, self._slip, self._track_m = scale_ratio ** 2, slip_ratio ** 2, track_m
        self._way_m = [0.0, 0.0]
        self._xx = self._xy = self._yy = self._xt = self._yt = self._tt = 0.0

    def move(self, heading_rad: float, left_m: float, right_m: float) -> None:
        """
        Take in one tick.

        :param heading_rad: halfway through the tick.
        :param left_m: how far the left wheel rolled.
        """
        left, right = self._wheel(0, left_m), self._wheel(1, right_m)
        distance_m, cos, sin = (left_m + right_m) / 2, math.cos(heading_rad), math.sin(heading_rad)
        a, b = -distance_m * sin, distance_m * cos
        self._xx += 2 * a * self._xt + a * a * self._tt
        self._xy += a * self._yt + b * self._xt + a * b * self._tt
        self._yy += 2 * b * self._yt + b * b * self._tt
        self._xt += a * self._tt
        self._yt += b * self._tt
        along, across = (left + right) / 4, (right - left) / (2 * self._track_m)
        self._xx += cos * cos * along
        self._xy += cos * sin * along
        self._yy += sin * sin * along
        self._xt += cos * across
        self._yt += sin * across
        self._tt += (left + right) / self._track_m ** 2

    def pose_covariance(self) -> np.ndarray:
        """Return that of ``nav_msgs/Odometry.pose``, ``(36,)`` [m^2, m rad, rad^2]."""
        return readings.planar(self._xx, self._xy, self._yy, self._xt, self._yt, self._tt)

    def twist_covariance(self, twist: tuple[float, float], noise_mps: float,
                         noise_radps: float) -> np.ndarray:
        """
        Return that of ``nav_msgs/Odometry.twist``, ``(36,)``.

        :param noise_mps: standard deviation of noise beside the wheels'; of the turn rate, too.
        """
        half = twist[1] * self._track_m / 2
        left, right = ((self._scale + self._slip) * (twist[0] + side * half) ** 2
                       for side in (-1.0, 1.0))
        return readings.planar(
            (left + right) / 4 + noise_mps ** 2, 0.0, 0.0, (right - left) / (2 * self._track_m),
            0.0, (left + right) / self._track_m ** 2 + noise_radps ** 2)

    def _wheel(self, side: int, travel_m: float) -> float:
        """Return the variance of a wheel's travel in this tick [m^2]."""
        before = self._way_m[side]
        self._way_m[side] = after = before + travel_m
        # Of an error that stays the same the standard deviations add, not the variances.
        return self._slip * travel_m ** 2 + max(0.0, self._scale * (after ** 2 - before ** 2))
