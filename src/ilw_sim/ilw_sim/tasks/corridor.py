"""A corridor that walls divide: from one end to the other, through a narrow door in each."""

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_sim.tasks.drawn import Draft, DrawnRooms, any_yaw
from ilw_sim.tasks.scene import Box, Scene, Shape

_FROM_WALL_M = 0.45       # of a start or goal: room to turn round
_THICK_M = 0.1


class CorridorTask:
    """Doors are anywhere across the corridor, so that the way bends before each of them."""

    def __init__(self, contract: Contract, options: Section) -> None:
        self._size = (options.number('length_m', 8.0, low=3.0, high=50.0),
                      options.number('width_m', 2.4, low=1.2, high=20.0))
        self._doors = options.integer('doors', 4, low=1, high=20)
        self._door_m = options.number('door_m', 0.7, low=0.3, high=self._size[1] - 0.2)
        if self._size[0] / (self._doors + 1) < 3 * _FROM_WALL_M:
            raise options.error('doors', f'at most {int(self._size[0] / 3 / _FROM_WALL_M) - 1} '
                                f'in {self._size[0]:g} m', self._doors)
        self._rooms = DrawnRooms(contract, options, self._size, self._size[0])

    def make_scene(self, rng: np.random.Generator, *, measured: bool = True) -> Scene:
        """Return a corridor with new doors; start and goal are at its two ends."""
        return self._rooms.first(lambda: self._draw(rng), measured=measured)

    def _draw(self, rng: np.random.Generator) -> Draft:
        length_m, width_m = self._size
        every_m = length_m / (self._doors + 1)
        walls: list[Shape] = []
        for k in range(self._doors):
            x = (k + 1 + rng.uniform(-0.15, 0.15)) * every_m
            y = rng.uniform(0.6 * self._door_m, width_m - 0.6 * self._door_m)
            for low, high in ((0.0, y - self._door_m / 2), (y + self._door_m / 2, width_m)):
                walls.append(Box('wall', float(x), float(low + high) / 2, 0.0,
                                 (_THICK_M / 2, float(high - low) / 2)))
        ends = [(float(rng.uniform(_FROM_WALL_M, 0.85 * every_m - _FROM_WALL_M)),
                 float(rng.uniform(_FROM_WALL_M, width_m - _FROM_WALL_M))) for _ in range(2)]
        ends[1] = (length_m - ends[1][0], ends[1][1])
        start, goal = ends if rng.random() < 0.5 else ends[::-1]
        return tuple(walls), (*start, any_yaw(rng)), goal
