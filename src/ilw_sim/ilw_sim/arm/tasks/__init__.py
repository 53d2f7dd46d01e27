"""The tasks of an arm, one file each: its world, its end is the contract's, and who drives it."""

from ilw_sim.arm.tasks.tasks import ARM_TASKS, is_arm

__all__ = ['ARM_TASKS', 'is_arm']
