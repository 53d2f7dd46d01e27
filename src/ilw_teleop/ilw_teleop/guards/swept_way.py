"""How far a circle drives along an arc until it touches a point. Numbers only."""

import math

import numpy as np

_STRAIGHT = 1e-4  # rad/m; a circle of ten kilometres, 5 mm off after 10 m


class Places:
    """
    Points around a circle, nearest first.

    :param points: ``(N, 2)`` in the frame of the circle, x ahead.
    """

    def __init__(self, points: np.ndarray) -> None:
        away = np.hypot(points[:, 0], points[:, 1])
        order = np.argsort(away)
        self._away = away[order]
        self._x, self._y = points[order, 0], points[order, 1]

    def __len__(self) -> int:
        return len(self._away)

    def way(self, radius_m: float, speed: float, turn: float, reach_m: float) -> float:
        """
        Return the way along the arc until the circle touches one of the points.

        :param speed: forward or backward; with ``turn`` it gives the arc.
        :param reach_m: farther ones do not matter.
        :returns: 0 where it touches one in front of its centre already; infinite if none matters.
        """
        if speed == 0.0 or not len(self._away):
            return math.inf
        within = int(self._away.searchsorted(reach_m + radius_m, side='right'))
        if not within:
            return math.inf
        x, y = self._x[:within] * math.copysign(1.0, speed), self._y[:within]
        touched = int(self._away.searchsorted(radius_m))
        if touched:
            if (x[:touched] > 0.0).any():
                return 0.0
            x, y = x[touched:], y[touched:]
        curvature = turn / speed  # backwards the mirrored arc bends the other way
        if abs(curvature) < _STRAIGHT:
            hits = (np.abs(y) < radius_m) & (x > 0.0)
            ways = np.maximum(x[hits] - np.sqrt(radius_m ** 2 - y[hits] ** 2), 0.0)
            return float(ways.min(initial=math.inf))
        arc = 1.0 / abs(curvature)
        y = y * math.copysign(1.0, curvature)  # now the arc's centre is at (0, +arc)
        far = np.hypot(x, y - arc)
        hits = np.abs(far - arc) < radius_m
        x, y, far = x[hits], y[hits], far[hits]
        along = np.arctan2(x, arc - y) % (2 * math.pi)
        early = np.arccos(np.clip((arc ** 2 + far ** 2 - radius_m ** 2) / (2 * arc * far), -1, 1))
        # Never below 0 but for rounding: it would touch already. What is at its very edge is met.
        ways = np.maximum(along - early, 0.0) * arc
        return float(ways.min(initial=math.inf))
