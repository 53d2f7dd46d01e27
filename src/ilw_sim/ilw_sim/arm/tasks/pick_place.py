"""Put a cube onto a marked place."""

import math

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.arm.scene import ArmScene, cube, mark
from ilw_sim.arm.tasks.area import Area, apart_of, begin_near_home, cube_side
from ilw_sim.arm.tasks.steering import Grasp, towards
from ilw_sim.arm.tasks.view import Intent, View

_THERE_M = 0.02
"""So near to the middle of the mark the cube is let go of"""
_LOW_M = 0.02
"""So near to the table likewise: a policy stands where it is to be let go of too exactly"""
_AIMED_M = 0.01
"""So near to the middle of the mark it is lowered all the way"""
_STEEP = 2.0
"""Height above the table over distance from the mark"""
_CARRY_M = 0.06
"""At most so high it is carried"""
_INTO_TABLE_M = 0.01
"""So far below the table the way leads: the cube is not slow where it is put down"""


class PickPlaceTask:
    """A cube and a mark, ``apart_m`` from each other at least."""

    objects: tuple[str, ...] = ('cube', 'goal')

    def __init__(self, options: Section) -> None:
        self._area, self._apart_m = Area(options), apart_of(options)
        self._side_m = cube_side(options)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with a cube and a mark."""
        at, goal = self._area.two(rng, self._apart_m)
        return ArmScene((cube('cube', at, self._side_m, 'red'),
                         mark('goal', (*goal[:2], 0.0), 1.5 * self._side_m, 'green')), 0,
                        begin_near_home(rng, joints))

    def parts(self, target: int) -> tuple[str, ...]:
        """One thing after the other."""
        return self.objects

    def expert(self, open_m: float) -> 'PickPlaceExpert':
        """Return who drives it."""
        return PickPlaceExpert(self._side_m, open_m)


class PickPlaceExpert:
    """Takes the cube, carries it over the mark, puts it down and lets go."""

    def __init__(self, side_m: float, open_m: float) -> None:
        self._grasp, self._half_m = Grasp(side_m, open_m), side_m / 2

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        way = view.objects['goal'][0] - view.objects['cube'][0]
        way[2] += self._half_m
        if math.hypot(way[0], way[1]) < _THERE_M and way[2] > -_LOW_M:
            return Intent(np.zeros(3))
        over_m = min(_CARRY_M, _STEEP * max(0.0, math.hypot(way[0], way[1]) - _AIMED_M))
        way[2] += over_m - _INTO_TABLE_M
        return self._grasp.get(view, 'cube') or Intent(towards(way, 0.0), close=True)
