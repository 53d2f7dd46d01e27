"""Go to the named one of two cubes."""

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.arm.scene import ArmScene, cube
from ilw_sim.arm.tasks.area import Area, apart_of, begin_near_home, cube_side
from ilw_sim.arm.tasks.steering import HOVER_M, towards
from ilw_sim.arm.tasks.view import Intent, View

_OVER_M = 0.03


class ReachTask:
    """
    A red and a blue cube, ``apart_m`` from each other at least; one of them is meant.

    ``over_m``: how high above its upper face the expert holds the tool.
    """

    objects: tuple[str, ...] = ('red', 'blue')

    def __init__(self, options: Section) -> None:
        self._area, self._apart_m = Area(options), apart_of(options)
        self._side_m = cube_side(options)
        self._over_m = options.number('over_m', _OVER_M, low=0.0, high=0.3)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with two cubes."""
        places = self._area.two(rng, self._apart_m)
        cubes = tuple(cube(colour, place, self._side_m, colour)
                      for colour, place in zip(self.objects, places, strict=True))
        return ArmScene(cubes, int(rng.integers(2)), begin_near_home(rng, joints))

    def parts(self, target: int) -> tuple[str, ...]:
        """The cube that is meant."""
        return (self.objects[target],)

    def expert(self, open_m: float) -> 'ReachExpert':
        """Return who drives it."""
        return ReachExpert(self._side_m / 2 + self._over_m)


class ReachExpert:
    """Goes to a place above the middle of the cube that is meant."""

    def __init__(self, above_m: float) -> None:
        self._above = np.array([0.0, 0.0, above_m])

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        place = list(view.objects.values())[view.target][0]
        return Intent(towards(place + self._above - view.tool_m, HOVER_M))
