"""Where things of an arm's task lie, drawn from a random generator; what such a task is."""

import math
from typing import Protocol

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_sim.arm.scene import ArmScene
from ilw_sim.arm.tasks.view import ArmExpert

_TRIES = 200
_JOINTS_OFF_RAD = 0.05
"""So far from home a joint may begin: no two episodes begin alike"""


class ArmTask(Protocol):
    """Makes the world of an episode. To add one: a file with a class, and a line in ``tasks``."""

    objects: tuple[str, ...]
    """Names of what lies on the table"""

    def __init__(self, options: Section) -> None: ...

    def parts(self, target: int) -> tuple[str, ...]:
        """
        Return what the driving goes by, part by part: the name of a thing each.

        A part ends once its thing is being taken away.
        """

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a world; every draw comes from ``rng``."""

    def expert(self, open_m: float) -> ArmExpert:
        """
        Return who drives it.

        :param open_m: how far each finger is from closed when the gripper is open.
        """


class Area:
    """
    The part of the table where things lie; keys of a contract's ``scene``.

    ``x_m``, ``y_m``: from and to; ``yaw_rad``: a thing is turned by up to this.

    :param turn_rad: largest ``yaw_rad``.
    """

    def __init__(self, options: Section, turn_rad: float = math.pi / 4) -> None:
        self._x_m, self._y_m = options.numbers('x_m', 2), options.numbers('y_m', 2)
        for key, (low, high) in (('x_m', self._x_m), ('y_m', self._y_m)):
            if low >= high:
                raise options.error(key, 'two numbers, the smaller first', [low, high])
        self._yaw_rad = options.number('yaw_rad', 0.0, low=0.0, high=turn_rad)

    def draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """Return x, y [m] and yaw [rad], anywhere in the area."""
        x, y = rng.uniform(*self._x_m), rng.uniform(*self._y_m)
        return float(x), float(y), float(rng.uniform(-self._yaw_rad, self._yaw_rad))

    def two(self, rng: np.random.Generator, apart_m: float) -> list[tuple[float, float, float]]:
        """
        Return two places that are ``apart_m`` from each other at least.

        :raises ContractError: the area has hardly any such.
        """
        for _ in range(_TRIES):
            first, second = self.draw(rng), self.draw(rng)
            if math.dist(first[:2], second[:2]) >= apart_m:
                return [first, second]
        raise ContractError(f'No two things lie {apart_m:g} m apart in {_TRIES} tries. '
                            'Ask for less apart_m, or a larger x_m and y_m.')


def apart_of(options: Section) -> float:
    """Take how far two things lie from each other at least: ``apart_m`` of a ``scene``."""
    return options.number('apart_m', 0.12, low=0.05, high=0.5)


def cube_side(options: Section) -> float:
    """Take the side of cubes: ``cube_m`` of a ``scene``."""
    return options.number('cube_m', 0.04, low=0.02, high=0.07)


def begin_near_home(rng: np.random.Generator, joints: int) -> tuple[float, ...]:
    """Return how far from home each joint begins [rad]."""
    return tuple(rng.uniform(-_JOINTS_OFF_RAD, _JOINTS_OFF_RAD, joints).tolist())
