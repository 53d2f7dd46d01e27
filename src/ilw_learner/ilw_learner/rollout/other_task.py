"""Drive the task of another contract, whose numbers are matched by name. No torch."""

from dataclasses import replace

import numpy as np

from ilw_core.align import Observation
from ilw_core.contract.by_name import places, same_observed, why_it_cannot_drive
from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_learner.runtime.runner import PolicyRunner


class OtherTask:
    """
    A policy as one of another contract's task: observed there, obeyed there.

    :param runner: runs the policy under its own contract.
    :raises ContractError: it cannot drive that task.
    """

    def __init__(self, runner: PolicyRunner, task: Contract) -> None:
        own = runner.contract
        if why := why_it_cannot_drive(own, task):
            raise ContractError(f'A policy of {own.name} cannot drive {task.name}: {why}.')
        self._runner = runner
        self._seen = same_observed(own, task)
        self._given = places(task.action.names, own.action.names)

    def reset(self) -> None:
        """Forget the past, as at the start of an episode."""
        self._runner.reset()

    def observe(self, observation: Observation) -> None:
        """Take in the observation of a tick, of the other contract."""
        self._runner.observe(replace(observation, values=observation.values[self._seen],
                                     valid=observation.valid[self._seen]))

    def drive(self) -> tuple[np.ndarray | None, str]:
        """Return ``(Da,)`` float64 in the other contract's order, or ``None`` and why."""
        action, why = self._runner.drive()
        return (None if action is None else action[self._given]), why
