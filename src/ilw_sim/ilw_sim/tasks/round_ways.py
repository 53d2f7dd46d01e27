"""Ways along a smooth closed curve: a lap of a track, and a wall to keep a distance to."""

import math

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_sim.tasks.drawn import Draft, DrawnRooms
from ilw_sim.tasks.outline import Outline, walked, wall_between
from ilw_sim.tasks.scene import Scene

_ASKEW_RAD = 0.4      # of the heading at the start, off the way
_BEHIND_M = 0.5       # what closes a track, behind the start; the goal is as far behind that
_BOXES = 36           # a wall of so many is round within 2 cm


class TrackTask:
    """One lap of a winding lane, either way round; what closes it is behind the start."""

    def __init__(self, contract: Contract, options: Section) -> None:
        side_m = options.number('size_m', 7.0, low=4.0, high=50.0)
        self._lane_m = options.number('lane_m', 1.1, low=0.5, high=side_m / 4)
        self._middle, self._radius_m = (side_m / 2, side_m / 2), 0.33 * side_m
        self._rooms = DrawnRooms(contract, options, (side_m, side_m), 8.0 * self._radius_m)

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return a new track."""
        return self._rooms.first(lambda: self._draw(rng), measured=measured)

    def _draw(self, rng: np.random.Generator) -> Draft:
        lane = Outline(rng, self._middle, self._radius_m)
        half_m = self._lane_m / 2
        first, clockwise = int(rng.integers(len(lane.points))), rng.random() < 0.5
        way, inner, outer = (_from(points, first, clockwise) for points in (
            lane.points, lane.beside(-half_m), lane.beside(half_m)))
        closed = -walked(way[::-1], _BEHIND_M)
        goal = way[-walked(way[::-1], 2 * _BEHIND_M + 0.1)]
        walls = (*lane.wall(-half_m, _BOXES), *lane.wall(half_m, _BOXES),
                 wall_between(inner[closed], outer[closed]))
        return walls, _start(rng, way), (float(goal[0]), float(goal[1]))


class WallTask:
    """A wall on the right, which is a room's or a pillar's; along it to a goal."""

    def __init__(self, contract: Contract, options: Section) -> None:
        side_m = options.number('size_m', 7.0, low=4.0, high=50.0)
        self._wall_m = options.number('wall_m', 0.6, low=0.2, high=side_m / 10)
        self._way_m = options.number('way_m', 5.0, low=1.0, high=side_m)
        self._side_m, self._middle = side_m, (side_m / 2, side_m / 2)
        self._rooms = DrawnRooms(contract, options, (side_m, side_m), self._way_m)

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return a new wall, half of the times around the robot."""
        return self._rooms.first(lambda: self._draw(rng), measured=measured)

    def _draw(self, rng: np.random.Generator) -> Draft:
        around = rng.random() < 0.5
        wall = Outline(rng, self._middle, (0.38 if around else 0.22) * self._side_m)
        way = _from(wall.beside(-self._wall_m if around else self._wall_m),
                    int(rng.integers(len(wall.points))), not around)
        goal = way[walked(way, self._way_m)]
        return wall.wall(0.0, _BOXES), _start(rng, way), (float(goal[0]), float(goal[1]))


def _from(points: np.ndarray, first: int, clockwise: bool) -> np.ndarray:
    """Return the points of a curve, ``(N, 2)``, from one of them on, either way round."""
    turned = np.roll(points, -first, axis=0)
    return np.roll(turned[::-1], 1, axis=0) if clockwise else turned


def _start(rng: np.random.Generator, way: np.ndarray) -> tuple[float, float, float]:
    """Return x, y, yaw at the first point of a way, roughly along it."""
    (x, y), (dx, dy) = way[0], way[1] - way[0]
    yaw = math.atan2(dy, dx) + rng.uniform(-_ASKEW_RAD, _ASKEW_RAD)
    return float(x), float(y), float((yaw + math.pi) % (2.0 * math.pi) - math.pi)
