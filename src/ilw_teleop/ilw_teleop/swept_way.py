"""How far a circle drives along an arc until it touches a point. Numbers only."""

import math

import numpy as np

_STRAIGHT = 1e-3  # rad/m; a circle of one kilometre


def way_to(points: np.ndarray, radius_m: float, speed: float, turn: float) -> float:
    """
    Return the way along the arc until a circle touches one of the points.

    :param points: ``(N, 2)`` in the frame of the circle, x ahead.
    :param speed: forward or backward; with ``turn`` it gives the arc.
    :returns: 0 where it touches one in front of its centre already; infinite if never.
    """
    if speed == 0.0 or not len(points):
        return math.inf
    x, y = points[:, 0] * math.copysign(1.0, speed), points[:, 1]
    away = np.hypot(x, y)
    if np.any((away < radius_m) & (x > 0.0)):
        return 0.0
    ahead = away >= radius_m
    x, y = x[ahead], y[ahead]
    curvature = turn / speed  # backwards the mirrored arc bends the other way
    if abs(curvature) < _STRAIGHT:
        hits = (np.abs(y) < radius_m) & (x > 0.0)
        ways = x[hits] - np.sqrt(radius_m ** 2 - y[hits] ** 2)
        return float(ways.min(initial=math.inf))
    arc = 1.0 / abs(curvature)
    y = y * math.copysign(1.0, curvature)  # now the arc's centre is at (0, +arc)
    far = np.hypot(x, y - arc)
    hits = np.abs(far - arc) < radius_m
    x, y, far = x[hits], y[hits], np.maximum(far[hits], 1e-9)
    along = np.arctan2(x, arc - y) % (2 * math.pi)
    early = np.arccos(np.clip((arc ** 2 + far ** 2 - radius_m ** 2) / (2 * arc * far), -1, 1))
    ways = (along - early) % (2 * math.pi) * arc
    return float(ways.min(initial=math.inf))
