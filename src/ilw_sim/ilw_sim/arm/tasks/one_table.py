"""Other tasks on the table of ``pick_place``, a cube and a mark: one policy can learn them all."""

from ilw_sim.arm.tasks.lift import LiftExpert
from ilw_sim.arm.tasks.pick_place import PickPlaceTask
from ilw_sim.arm.tasks.reach import ReachExpert
from ilw_sim.arm.tasks.view import ArmExpert


class ReachBesideTask(PickPlaceTask):
    """Go above the cube."""

    def parts(self, target: int) -> tuple[str, ...]:
        """The cube alone."""
        return ('cube',)

    def expert(self, open_m: float) -> ArmExpert:
        """Return who drives it."""
        return ReachExpert(self._side_m)


class LiftBesideTask(PickPlaceTask):
    """Lift the cube."""

    def parts(self, target: int) -> tuple[str, ...]:
        """The cube alone."""
        return ('cube',)

    def expert(self, open_m: float) -> ArmExpert:
        """Return who drives it."""
        return LiftExpert(self._side_m, open_m)
