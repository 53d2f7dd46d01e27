"""From a stick to an action of the contract. No ROS, no device, no time."""

import math

import numpy as np

from ilw_core.contract.action import ActionSpec


def past_deadzone(deflection: float, deadzone: float) -> float:
    """Return the deflection beyond the deadzone, rescaled to [-1, 1] no jump at its edge."""
    size = min(abs(deflection), 1.0)
    if size <= deadzone:
        return 0.0
    return math.copysign((size - deadzone) / (1.0 - deadzone), deflection)


class StickMapping:
    """
    Turns forward and turn deflections into actions within the contract's range.

    The forward stick drives the field ``...linear.x`` (else the first), the turn stick the field
    ``...angular.z`` (else the second); other fields rest at their stop value.

    :param normal_ratio: speed without turbo, as a ratio of the contract's limit.
    """

    def __init__(self, action: ActionSpec, *, deadzone: float, normal_ratio: float = 1.0) -> None:
        self._action = action
        self._deadzone = deadzone
        self._normal_ratio = normal_ratio
        self._forward = _field(action, 'linear.x', 0)
        self._turn = _field(action, 'angular.z', 1)
        self._rest = np.clip(np.zeros(action.dim), action.low, action.high)

    @property
    def rest(self) -> np.ndarray:
        """(Da,) what a stick at rest asks for: zero, or the limit nearest to it."""
        return self._rest.copy()

    def action(self, forward: float, turn: float, *, turbo: bool) -> np.ndarray:
        """
        Return what a stick position asks for, ``(Da,)`` float64 in the action's units.

        :param forward: deflection, forward positive; backward gives the minimum if negative.
        :param turn: deflection, left positive.
        :param turbo: full speed. A task with named actions has no other: theirs are fixed.
        """
        ratio = 1.0 if turbo or self._action.discrete else self._normal_ratio
        wanted = self._rest.copy()
        for field, deflection in ((self._forward, forward), (self._turn, turn)):
            if field is not None:
                part = past_deadzone(deflection, self._deadzone) * ratio
                rest = wanted[field]
                limit = self._action.high[field] if part >= 0.0 else self._action.low[field]
                wanted[field] = rest + abs(part) * (limit - rest)
        if self._action.discrete:
            wanted = self._action.table[self._action.nearest(wanted[None])[0]].astype(float)
        return wanted


def _field(action: ActionSpec, ending: str, otherwise: int) -> int | None:
    for i, name in enumerate(action.names):
        if name.endswith(ending):
            return i
    return otherwise if otherwise < action.dim else None
