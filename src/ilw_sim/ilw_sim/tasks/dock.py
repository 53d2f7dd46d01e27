"""A bay to drive into: the robot has to stand in it, facing its end."""

import math

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_sim.tasks.drawn import Draft, DrawnRooms, any_yaw
from ilw_sim.tasks.scene import Box, Cylinder, Scene

_THICK_M = 0.1
_TO_END_M = 0.16          # from the goal to the end of the bay: who heads for it faces the end
_BEFORE_M = 0.5           # from the bay's mouth to the place that it is driven into from
_WALL_M = 0.6             # from a wall of the room, of start and pillars
_AROUND_M = 1.1           # likewise of the bay's end and the place before it: a way all around


class DockTask:
    """A room with a bay anywhere, turned anyhow, and a few pillars between it and the start."""

    def __init__(self, contract: Contract, options: Section) -> None:
        self._side_m = options.number('size_m', 6.0, low=5.0, high=50.0)
        self._bay_m = (options.number('bay_depth_m', 0.7, low=0.3, high=2.0),
                       options.number('bay_width_m', 0.7, low=0.4, high=2.0))
        self._apart_m = options.number('start_to_goal_m', 2.0, low=0.5, high=self._side_m / 2)
        self._pillars = options.integer('pillars', 2, high=20)
        self._rooms = DrawnRooms(contract, options, (self._side_m, self._side_m), self._apart_m)

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return a new room."""
        return self._rooms.first(lambda: self._draw(rng), measured=measured)

    def _draw(self, rng: np.random.Generator) -> Draft:
        depth_m, width_m = self._bay_m
        inner = (_WALL_M, self._side_m - _WALL_M)
        middle, around_m = self._side_m / 2, self._side_m / 2 - _AROUND_M
        before = np.full(2, np.inf)
        while np.abs(before - middle).max() > around_m:
            yaw, end = any_yaw(rng), middle + around_m * rng.uniform(-1.0, 1.0, 2)
            cos, sin = math.cos(yaw), math.sin(yaw)
            before = end - (depth_m + _BEFORE_M) * np.array([cos, sin])

        def place(ahead_m: float, left_m: float) -> tuple[float, float]:
            """Return x, y of a place seen from the middle of the bay's end, facing it."""
            return (float(end[0] + ahead_m * cos - left_m * sin),
                    float(end[1] + ahead_m * sin + left_m * cos))

        half_m, out_m = _THICK_M / 2, width_m / 2 + _THICK_M / 2
        bay = (Box('wall', *place(half_m, 0.0), yaw, (half_m, width_m / 2 + _THICK_M)),
               *(Box('wall', *place(-depth_m / 2, side * out_m), yaw, (depth_m / 2, half_m))
                 for side in (-1, 1)))
        goal = place(-_TO_END_M, 0.0)
        while math.dist(start := rng.uniform(*inner, 2), goal) < self._apart_m:
            pass
        pillars = tuple(Cylinder(float(x), float(y), float(rng.uniform(0.1, 0.25)))
                        for x, y in rng.uniform(*inner, (self._pillars, 2))
                        if math.dist((x, y), before) > 2 * _BEFORE_M)
        return (*bay, *pillars), (float(start[0]), float(start[1]), any_yaw(rng)), goal
