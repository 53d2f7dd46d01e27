"""What each task of an arm is: its world from a random generator. The contract says its end."""

import math
from typing import Protocol

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_sim.arm.scene import ArmScene, Cube

_TRIES = 200
_JOINTS_OFF_RAD = 0.05
"""So far from home a joint may begin: no two episodes begin alike"""


class ArmTask(Protocol):
    """Makes the world of an episode. To add one: write a class and its line in ``ARM_TASKS``."""

    objects: tuple[str, ...]
    """Names of what lies on the table"""

    def __init__(self, options: Section) -> None: ...

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a world; every draw comes from ``rng``."""


class Area:
    """
    The part of the table where cubes lie; keys of a contract's ``scene``.

    ``x_m``, ``y_m``: from and to; ``yaw_rad``: a cube is turned by up to this; ``cube_m``: side.
    """

    def __init__(self, options: Section) -> None:
        self._x_m, self._y_m = options.numbers('x_m', 2), options.numbers('y_m', 2)
        for key, (low, high) in (('x_m', self._x_m), ('y_m', self._y_m)):
            if low >= high:
                raise options.error(key, 'two numbers, the smaller first', [low, high])
        self._yaw_rad = options.number('yaw_rad', 0.0, low=0.0, high=math.pi / 4)
        self.side_m = options.number('cube_m', 0.04, low=0.02, high=0.07)

    def cube(self, rng: np.random.Generator, name: str, colour: str) -> Cube:
        """Return a cube anywhere in the area."""
        x, y = rng.uniform(*self._x_m), rng.uniform(*self._y_m)
        yaw = rng.uniform(-self._yaw_rad, self._yaw_rad)
        return Cube(name, float(x), float(y), float(yaw), self.side_m, colour)


class LiftTask:
    """One cube, to be lifted."""

    objects: tuple[str, ...] = ('cube',)

    def __init__(self, options: Section) -> None:
        self._area = Area(options)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with a cube."""
        return ArmScene((self._area.cube(rng, 'cube', 'red'),), 0, _begin(rng, joints))


class ReachTask:
    """A red and a blue cube, ``apart_m`` from each other at least; one of them is meant."""

    objects: tuple[str, ...] = ('red', 'blue')

    def __init__(self, options: Section) -> None:
        self._area = Area(options)
        self._apart_m = options.number('apart_m', 0.12, low=0.05, high=0.5)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with two cubes."""
        for _ in range(_TRIES):
            cubes = tuple(self._area.cube(rng, colour, colour) for colour in self.objects)
            if math.hypot(cubes[0].x - cubes[1].x, cubes[0].y - cubes[1].y) >= self._apart_m:
                return ArmScene(cubes, int(rng.integers(2)), _begin(rng, joints))
        raise ContractError(f'reach: no two cubes lie {self._apart_m:g} m apart in {_TRIES} '
                            'tries. Ask for less apart_m, or a larger x_m and y_m.')


ARM_TASKS: dict[str, type[ArmTask]] = {'reach': ReachTask, 'lift': LiftTask}
"""Every world with an arm that a contract's ``scene.task`` may name."""


def is_arm(contract: Contract) -> bool:
    """Tell whether a contract's scene is a task for an arm."""
    return contract.scene.get('task') in ARM_TASKS


def _begin(rng: np.random.Generator, joints: int) -> tuple[float, ...]:
    return tuple(rng.uniform(-_JOINTS_OFF_RAD, _JOINTS_OFF_RAD, joints).tolist())
