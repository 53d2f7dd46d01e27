"""What each task is: its world from a random generator. No physics."""

from dataclasses import replace
import math
from typing import Protocol

import numpy as np

from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_sim.physics.robot import robot_of
from ilw_sim.tasks.corridor import CorridorTask
from ilw_sim.tasks.dock import DockTask
from ilw_sim.tasks.grid import Grid, path_lengths, reachable
from ilw_sim.tasks.map_task import MapTask
from ilw_sim.tasks.round_ways import TrackTask, WallTask
from ilw_sim.tasks.scene import (
    Box,
    Cylinder,
    Scene,
    Shape,
    make_grid,
    maze_walls,
    room_walls,
)

_TRIES = 200
_RESOLUTION_M = 0.1  # fine enough for lengths; the clearance on it is exact


class Task(Protocol):
    """Makes the world of an episode. To add one: write a class and its line in ``TASKS``."""

    def __init__(self, contract: Contract, options: Section) -> None: ...

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """
        Return a solvable world; every draw comes from ``rng``.

        :param measured: ``False``: ``shortest_path_m`` may be NaN, where it takes long.
        """


class MazeTask:
    """One maze; the robot starts anywhere in it."""

    def __init__(self, contract: Contract, options: Section) -> None:
        robot_m = robot_of(contract).radius_m
        self._radius_m = contract.goal_radius_m
        cell_m = options.number('cell_m', 1.0, low=0.5)
        rows = options.take('rows', required=True)
        if not isinstance(rows, list) or len({len(str(row)) for row in rows}) != 1:
            raise options.error('rows', 'a list of texts of equal length', rows)
        self._clearance_m = options.number('clearance_m', 0.36, low=robot_m)
        column, row = options.numbers('goal_cell', 2)
        self._goal = ((column + 0.5) * cell_m, (row + 0.5) * cell_m)
        self._size = ((len(rows[0]) - 1) / 2 * cell_m, (len(rows) - 1) / 2 * cell_m)
        self._shapes: tuple[Shape, ...] = maze_walls([str(row) for row in rows], cell_m)
        self._grid = make_grid(self._size, self._shapes, _RESOLUTION_M)
        self._path = path_lengths(self._grid, self._goal, self._radius_m, robot_m)
        self._starts = np.argwhere((self._grid.clearance_m >= self._clearance_m)
                                   & np.isfinite(self._path) & (self._path > self._radius_m))
        if not len(self._starts):
            raise ContractError(f'{options.where}.rows has no free cell from which goal_cell '
                                f'can be reached. Open a way to it.')
        longest_m = float(self._path[tuple(self._starts.T)].max()) + self._radius_m
        if far := too_far(contract, longest_m):
            raise ContractError(f'{options.where}.rows: {far}')

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return the maze with a random start."""
        row, column = self._starts[rng.integers(len(self._starts))]
        shift = rng.uniform(-0.5, 0.5, 2) * _RESOLUTION_M
        x, y = (v + s for v, s in zip(self._grid.centre(row, column), shift, strict=True))
        yaw = rng.uniform(-math.pi, math.pi)
        return Scene(self._size, self._shapes, (float(x), float(y), float(yaw)), self._goal,
                     float(self._path[row, column]))


class ClutterTask:
    """A square room; obstacles, start and goal are new in every episode."""

    def __init__(self, contract: Contract, options: Section) -> None:
        robot_m = self._robot_m = robot_of(contract).radius_m
        self._radius_m = contract.goal_radius_m
        size_m = options.number('size_m', 8.0, low=3.0, high=50.0)
        self._size = (size_m, size_m)
        self._count = options.integer('obstacles', 14)
        low, high = options.numbers('obstacle_size_m', 2)
        self._obstacle_m = (low, high)
        self._clearance_m = options.number('clearance_m', 0.35, low=robot_m)
        self._start_m = options.number('start_clearance_m', 0.7, low=robot_m)
        self._apart_m = options.number('start_to_goal_m', 3.0, low=0.5, high=size_m)
        if far := too_far(contract, self._apart_m):
            raise options.error('start_to_goal_m', f'a way that can be driven: {far}',
                                self._apart_m)
        self._walls = room_walls(self._size)
        self._empty = make_grid(self._size, self._walls, _RESOLUTION_M)
        self._centres = self._empty.centres()

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return a new room in which the goal can be reached with the clearance asked for."""
        for _ in range(_TRIES):
            obstacles = tuple(self._obstacle(rng) for _ in range(self._count))
            grid = self._grid(obstacles)
            free = np.argwhere(grid.clearance_m >= self._clearance_m)
            if len(free) < 2:
                continue
            start, goal = (grid.centre(*free[i]) for i in rng.integers(len(free), size=2))
            tight = grid.clearance_m[grid.cell(*start)] < self._start_m
            if tight or math.dist(start, goal) < self._apart_m:
                continue
            passable = grid.clearance_m >= self._clearance_m
            if not reachable(grid, passable, start, goal, self._radius_m):
                continue
            shortest = path_lengths(grid, goal, self._radius_m, self._robot_m)[
                grid.cell(*start)] if measured else math.nan
            yaw = rng.uniform(-math.pi, math.pi)
            return Scene(self._size, self._walls + obstacles, (*start, float(yaw)), goal,
                         float(shortest))
        raise ContractError(f'clutter: no solvable room in {_TRIES} tries. '
                            f'Ask for fewer obstacles or less clearance_m.')

    def _grid(self, obstacles: tuple[Shape, ...]) -> Grid:
        """Return the room's clearance, as far as anything asks for it: each obstacle's near it."""
        grid = replace(self._empty, clearance_m=self._empty.clearance_m.copy())
        for each in obstacles:
            reach = each.extent_m + max(self._clearance_m, self._start_m)
            (bottom, left), (top, right) = (
                grid.cell(each.x + side, each.y + side) for side in (-reach, reach))
            near = slice(bottom, top + 1), slice(left, right + 1)
            part = grid.clearance_m[near]
            np.minimum(part, each.distance(*(axis[near] for axis in self._centres)), out=part)
        return grid

    def _obstacle(self, rng: np.random.Generator) -> Shape:
        x, y = rng.uniform(0.0, self._size[0], 2)
        round_one, yaw = rng.random() < 0.5, rng.uniform(0.0, math.pi)
        a, b = rng.uniform(*self._obstacle_m, 2) / 2
        if round_one:
            return Cylinder(float(x), float(y), float(a))
        return Box('box', float(x), float(y), float(yaw), (float(a), float(b)))


TASKS: dict[str, type[Task]] = {
    'maze': MazeTask, 'clutter': ClutterTask, 'map': MapTask, 'corridor': CorridorTask,
    'track': TrackTask, 'follow_wall': WallTask, 'dock': DockTask}
"""Every world a contract's ``scene.task`` may name."""
