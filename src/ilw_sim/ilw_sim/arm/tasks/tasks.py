"""Every task of an arm that a contract's ``scene.task`` may name."""

from ilw_core.contract.file import Contract
from ilw_sim.arm.tasks.area import ArmTask
from ilw_sim.arm.tasks.insert import InsertTask
from ilw_sim.arm.tasks.lift import LiftTask
from ilw_sim.arm.tasks.one_table import LiftBesideTask, ReachBesideTask
from ilw_sim.arm.tasks.pick_place import PickPlaceTask
from ilw_sim.arm.tasks.push_t import PushTTask
from ilw_sim.arm.tasks.reach import ReachTask

ARM_TASKS: dict[str, type[ArmTask]] = {
    'reach': ReachTask, 'lift': LiftTask, 'pick_place': PickPlaceTask,
    'insert': InsertTask, 'push_t': PushTTask, 'reach_beside': ReachBesideTask,
    'lift_beside': LiftBesideTask}
"""Name -> its world and its driver"""


def is_arm(contract: Contract) -> bool:
    """Tell whether a contract's scene is a task for an arm."""
    return contract.scene.get('task') in ARM_TASKS
