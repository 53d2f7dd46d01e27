"""
What one scan shows around the robot: where something is, may be, or was never looked at.

A beam that measured nothing leaves a gap. One no wider than a dropout is bridged, a little nearer
than its neighbours say; whatever lies in a wider one is not known, and may be anywhere along it.
"""

from dataclasses import dataclass
from functools import lru_cache
import math

import numpy as np

from ilw_core.features.lidar import DISTANCE, FREE, NOTHING, TOO_NEAR, ScanGeometry
from ilw_core.features.lidar_spec import LidarSpec
from ilw_teleop.guards.swept_way import Places

_TURN_RAD = 2.0 * math.pi
_BRIDGE_RAD = 0.0876
"""5 degrees: the width of a chair leg at half a metre"""
_WIDEST_STEP_RAD = 0.4
"""Between the beams of a lidar with larger steps a person fits"""
_ALIKE_RATIO, _NEARER, _EDGE_NEARER = 1.5, 0.97, 0.8
"""Neighbours of one surface; how much nearer a bridge is, on it and at the edge of one"""
_DIRECTIONS = np.arange(0.0, _TURN_RAD, _TURN_RAD / 240)
"""In which nobody looked: every 1.5 degrees, from the first beam on"""
_ALONG = np.array([0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0])
"""Places along a direction where nobody looked, in radii of the robot"""
_GRAZE = 0.99
"""Of the robot's radius: what only its side would graze is beside it, not ahead"""
DECLARED_FROM = 2.5
"""Radii of the robot: nearer than this it may be blind where its lidar is declared not to look"""


@dataclass(frozen=True)
class Survey:
    """All in the robot's frame [m]."""

    hits: np.ndarray
    """(N, 2) what was measured"""
    things: Places
    """Where something is: hits, and bridges over dropouts"""
    near: Places
    """Where something too near to be measured may be"""
    unseen: Places
    """Where something may be, as no beam that looks there measured anything"""
    outside: Places
    """The same where the lidar is declared not to look"""
    sight_m: float
    """A way that ends before the farthest that a beam without a return has seen"""
    radius_m: float

    def way_to_things(self, speed: float, turn: float, reach_m: float) -> float:
        """Return how far the robot gets along its arc until it touches something."""
        return self.things.way(self.radius_m, speed, turn, reach_m)

    def way_to_near(self, speed: float, turn: float, reach_m: float) -> float:
        """Return how far it gets until it may touch something too near to be measured."""
        return self._guess(self.near, 1.0, speed, turn, reach_m)

    def way_to_unseen(self, speed: float, turn: float, reach_m: float) -> float:
        """Return how far it gets until it comes where nobody looked; what is at hand, it meets."""
        return min(self.sight_m if speed else math.inf,
                   self._guess(self.unseen, 1.0, speed, turn, reach_m),
                   self._guess(self.outside, DECLARED_FROM, speed, turn, reach_m))

    def _guess(self, places: Places, radii: float, speed: float, turn: float,
               reach_m: float) -> float:
        at_hand = radii * self.radius_m
        met = places.way(_GRAZE * self.radius_m, speed, turn, max(reach_m, at_hand))
        return 0.0 if met <= at_hand else met


NOWHERE = Places(np.zeros((0, 2)))


def survey(ranges: np.ndarray, kinds: np.ndarray, geometry: ScanGeometry, spec: LidarSpec,
           mount: tuple[float, float, float], radius_m: float, reach_m: float = 0.0) -> Survey:
    """
    Return what a scan that is evidence shows.

    :param ranges: ``(L,)`` metres.
    :param kinds: ``(L,)`` what each beam says, of ``lidar.read_beams``.
    :param mount: x, y, yaw of the lidar in the robot's frame.
    :param radius_m: of the circle that holds the robot.
    :param reach_m: so far the robot may go until it stands.
    """
    step = abs(geometry.increment)
    turn = _TURN_RAD / step  # beams of a full turn
    at, (cos, sin) = np.array(mount[:2]), _beams(geometry, mount[2])
    met = kinds == DISTANCE
    far = ranges[met]
    hits = np.stack([at[0] + far * cos[met], at[1] + far * sin[met]], axis=1)
    known = np.flatnonzero(kinds != NOTHING)
    width = np.diff(known, append=known[0] + turn)  # in beams, the last one round the back
    most = _BRIDGE_RAD
    if step <= _WIDEST_STEP_RAD:
        most = max(1.5 * step, _BRIDGE_RAD)
        if len(kinds) == known[-1] - known[0] + 1 and width[-1] <= 2.5:
            width[-1] = 1.0  # some drivers leave out the beam where the circle closes
    wide = width * step > most
    things, close = hits, kinds == TOO_NEAR
    if len(known) < len(kinds):
        bridges, closed = _bridges(ranges, kinds, (known, width, wide), (cos, sin), turn)
        things, close = np.concatenate([hits, at + bridges]), close | closed
    near = NOWHERE
    if close.any():
        near = Places(_rays(geometry, mount, _at_beams(np.flatnonzero(close), geometry),
                            _ALONG * radius_m, start_m=radius_m, end_m=geometry.range_min))
    unseen = outside = NOWHERE
    if wide.any():
        place = (_DIRECTIONS * math.copysign(1.0, geometry.increment) / step) % turn
        blind, seen = _blind(place, known, width, wide, step), np.ones(len(place), dtype=bool)
        if spec.sees_rad is not None:
            first, last = spec.sees_rad
            seen = ((_DIRECTIONS + geometry.angle_min - first) % _TURN_RAD <= last - first) & (
                place <= len(kinds) - 1)
        unseen, outside = (
            Places(np.concatenate([
                _rays(geometry, mount, _DIRECTIONS[where], _ALONG * radius_m, start_m=start),
                # Farther away an arc comes in over an edge.
                _rays(geometry, mount, _DIRECTIONS[edges_of_runs(where)],
                      np.arange((_ALONG[-1] + 0.5) * radius_m, reach_m + start, 0.5 * radius_m),
                      start_m=start)]))
            for where, start in ((blind & seen, radius_m),
                                 (blind & ~seen, DECLARED_FROM * radius_m)))
    sight_m = math.inf
    if np.any(kinds == FREE):
        sight_m = max(0.0, geometry.range_max - radius_m - math.hypot(*mount[:2]))
    return Survey(hits, Places(things), near, unseen, outside, sight_m, radius_m)


def edges_of_runs(where: np.ndarray) -> np.ndarray:
    """Return the first and last direction of each run of true ones in a circle, ``(D,)`` bool."""
    edges: np.ndarray = where & ~(np.roll(where, 1) & np.roll(where, -1))
    return edges


@lru_cache(maxsize=8)
def _beams(geometry: ScanGeometry, yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosine and sine of each beam in the robot's frame, ``(L,)`` each."""
    angles = yaw + geometry.angle_min + geometry.increment * np.arange(geometry.beams)
    return np.cos(angles), np.sin(angles)


def _bridges(ranges: np.ndarray, kinds: np.ndarray,
             gaps: tuple[np.ndarray, np.ndarray, np.ndarray],
             beams: tuple[np.ndarray, np.ndarray],
             turn: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what closes narrow gaps: points from the lidar ``(B, 2)``, and too near ``(L,)``."""
    (known, width, wide), (cos, sin) = gaps, beams
    holes = np.flatnonzero(kinds == NOTHING)
    gap = np.searchsorted(known, holes) - 1  # -1: round the back
    holes, gap = holes[~wide[gap]], gap[~wide[gap]]
    left, right = known[gap], known[(gap + 1) % len(known)]
    closed = np.zeros(len(kinds), dtype=bool)
    closed[holes[(kinds[left] == TOO_NEAR) | (kinds[right] == TOO_NEAR)]] = True
    met = [np.where(kinds[end] == DISTANCE, ranges[end], np.inf) for end in (left, right)]
    some = np.isfinite(np.minimum(*met)) & ~closed[holes]
    holes, gap, left, right = holes[some], gap[some], left[some], right[some]
    first, second = met[0][some], met[1][some]
    least = np.minimum(first, second)
    points = (_EDGE_NEARER * least)[:, None] * np.stack([cos[holes], sin[holes]], axis=1)
    alike = np.maximum(first, second) <= _ALIKE_RATIO * least
    share = ((holes - left) % turn / width[gap])[alike, None]
    ends = [far[alike, None] * np.stack([cos[end[alike]], sin[end[alike]]], axis=1)
            for far, end in ((first, left), (second, right))]
    points[alike] = _NEARER * ((1.0 - share) * ends[0] + share * ends[1])
    return points, closed


def _at_beams(beams: np.ndarray, geometry: ScanGeometry) -> np.ndarray:
    """Return the directions beams look in, from the first one on [rad], none twice."""
    every = _DIRECTIONS[1]
    slot = np.round(geometry.increment * beams / every).astype(np.int64) % len(_DIRECTIONS)
    return _DIRECTIONS[np.unique(slot)]


def _blind(place: np.ndarray, known: np.ndarray, width: np.ndarray, wide: np.ndarray,
           step: float) -> np.ndarray:
    """Return which places between beams, ``(D,)`` and counted in beams, are in a wide gap."""
    gap = np.searchsorted(known, place, side='right') - 1
    past = (place - known[gap]) % (_TURN_RAD / step)
    edge = min(0.5, 0.5 * _BRIDGE_RAD / step)  # a beam sees half of the way to the next
    return wide[gap] & (past >= edge) & (width[gap] - past >= edge)


def _rays(geometry: ScanGeometry, mount: tuple[float, float, float], directions: np.ndarray,
          places_m: np.ndarray, *, start_m: float, end_m: float = math.inf) -> np.ndarray:
    """
    Return places ``(N, 2)`` along directions in which nobody knows what there is.

    :param directions: from the first beam on.
    :param start_m: they begin so far from the robot's centre.
    :param end_m: they end so far from the lidar, but not before they begin.
    """
    if not len(directions):
        return np.zeros((0, 2))
    angles = mount[2] + geometry.angle_min + directions
    unit = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (D, 2)
    at = np.array(mount[:2])
    along = unit @ at
    inside = along ** 2 - at @ at + start_m ** 2
    begin = np.where(inside > 0.0, np.maximum(0.0, np.sqrt(np.abs(inside)) - along), 0.0)[:, None]
    far = np.minimum(begin + places_m, np.maximum(begin, end_m))  # (D, P)
    places: np.ndarray = (at + far[..., None] * unit[:, None, :]).reshape(-1, 2)
    return places
