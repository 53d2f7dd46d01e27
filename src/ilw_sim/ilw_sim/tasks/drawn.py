"""Worlds that are drawn until one can be solved."""

from collections.abc import Callable
import math

import numpy as np

from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_sim.physics.robot import robot_of
from ilw_sim.tasks.grid import path_lengths, reachable
from ilw_sim.tasks.scene import Scene, Shape, make_grid, room_walls

_TRIES = 200
_RESOLUTION_M = 0.1  # fine enough for lengths; the clearance on it is exact

_REACHED_M = 0.3     # of a goal without a radius, where a rule says what counts

Draft = tuple[tuple[Shape, ...], tuple[float, float, float], tuple[float, float]]
"""What stands in a room, start (x, y, yaw) and goal (x, y)"""


class DrawnRooms:
    """
    Rooms of one size, in which what is drawn must leave a way.

    :param options: ``clearance_m`` is taken from it: free space kept around start and way.
    :param way_m: the longest; how far a task makes its robot go.
    :raises ContractError: nobody can drive so far in the contract's time.
    """

    def __init__(self, contract: Contract, options: Section, size: tuple[float, float],
                 way_m: float) -> None:
        self._name, self._size = contract.name, size
        self._robot_m = robot_of(contract).radius_m
        self._radius_m = contract.goal_radius_m or _REACHED_M
        self._clearance_m = options.number('clearance_m', 0.2, low=self._robot_m)
        if far := too_far(contract, way_m):
            raise ContractError(f'{options.where}: {far}')

    def first(self, draw: Callable[[], Draft], *, measured: bool) -> Scene:
        """
        Return the first draft in which the goal can be reached, four walls around it.

        :param measured: as of ``Task.make_scene``.
        :raises ContractError: there is none.
        """
        for _ in range(_TRIES):
            shapes, start, goal = draw()
            everything = room_walls(self._size) + shapes
            grid = make_grid(self._size, everything, _RESOLUTION_M)
            free = grid.clearance_m >= self._clearance_m
            if not (free[grid.cell(*start[:2])]
                    and reachable(grid, free, start[:2], goal, self._radius_m)):
                continue
            shortest_m = path_lengths(grid, goal, self._radius_m, self._robot_m)[
                grid.cell(*start[:2])] if measured else math.nan
            return Scene(self._size, everything, start, goal, float(shortest_m))
        raise ContractError(f'{self._name}: no solvable world in {_TRIES} tries. Ask for a '
                            f'smaller clearance_m, or for more room.')


def any_yaw(rng: np.random.Generator) -> float:
    """Return a heading [rad]."""
    return float(rng.uniform(-math.pi, math.pi))
