"""Lift a cube off the table."""

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.arm.scene import ArmScene, cube
from ilw_sim.arm.tasks.area import Area, begin_near_home, cube_side
from ilw_sim.arm.tasks.steering import FASTEST_MPS, Grasp
from ilw_sim.arm.tasks.view import Intent, View


class LiftTask:
    """One cube, to be lifted."""

    objects: tuple[str, ...] = ('cube',)

    def __init__(self, options: Section) -> None:
        self._area, self._side_m = Area(options), cube_side(options)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with a cube."""
        return ArmScene((cube('cube', self._area.draw(rng), self._side_m, 'red'),), 0,
                        begin_near_home(rng, joints))

    def parts(self, target: int) -> tuple[str, ...]:
        """One thing after the other."""
        return self.objects

    def expert(self, open_m: float) -> 'LiftExpert':
        """Return who drives it."""
        return LiftExpert(self._side_m, open_m)


class LiftExpert:
    """Goes over the cube, down, closes, and lifts."""

    def __init__(self, side_m: float, open_m: float) -> None:
        self._grasp = Grasp(side_m, open_m)

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        return self._grasp.get(view, 'cube') or Intent(
            np.array([0.0, 0.0, FASTEST_MPS]), close=True)
