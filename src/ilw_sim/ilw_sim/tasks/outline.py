"""A smooth closed curve, new in each world, and walls along it. Numbers only."""

import math

import numpy as np

from ilw_sim.tasks.scene import Box

_POINTS = 360
_THICK_M = 0.06


class Outline:
    """
    A circle whose radius two waves change, so that it bends both ways but never meets itself.

    :param middle: x, y [m].
    :param waves: how much of the radius the waves of two and of three periods may be.
    """

    def __init__(self, rng: np.random.Generator, middle: tuple[float, float], radius_m: float,
                 waves: tuple[float, float] = (0.18, 0.1)) -> None:
        angle = np.arange(_POINTS) * (2.0 * math.pi / _POINTS)
        two, three = (size * rng.uniform(0.3, 1.0) * np.cos(k * angle + rng.uniform(-3.2, 3.2))
                      for k, size in zip((2, 3), waves, strict=True))
        radius = radius_m * (1.0 + two + three)
        self.points = np.stack([middle[0] + radius * np.cos(angle),
                                middle[1] + radius * np.sin(angle)], axis=1)
        """(N, 2) counter-clockwise"""
        ahead = np.roll(self.points, -1, axis=0) - np.roll(self.points, 1, axis=0)
        ahead /= np.hypot(*ahead.T)[:, None]
        self.outward = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)
        """(N, 2) unit normals"""

    def beside(self, out_m: float) -> np.ndarray:
        """Return the points so far outside of the curve, ``(N, 2)``; inside, if negative."""
        return self.points + out_m * self.outward

    def wall(self, out_m: float, boxes: int) -> tuple[Box, ...]:
        """Return a closed wall so far outside of the curve."""
        corners = self.beside(out_m)[::_POINTS // boxes]
        return tuple(wall_between(a, b) for a, b in
                     zip(corners, np.roll(corners, -1, axis=0), strict=True))


def wall_between(a: np.ndarray, b: np.ndarray) -> Box:
    """Return a wall from one point to another, so much longer that walls meet."""
    (x, y), (dx, dy) = (a + b) / 2, b - a
    return Box('wall', float(x), float(y), math.atan2(dy, dx),
               (math.hypot(dx, dy) / 2 + _THICK_M / 2, _THICK_M / 2))


def walked(way: np.ndarray, length_m: float) -> int:
    """Return the index of the point of a way, ``(N, 2)``, that is so far from its first one."""
    driven = np.cumsum(np.hypot(*np.diff(way, axis=0).T))
    return int(np.searchsorted(driven, length_m)) + 1
