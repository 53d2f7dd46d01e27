"""From sticks and buttons to an action of the contract. Time is an argument."""

from collections.abc import Mapping
import math

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.stick import Moved, StickSpec

_LONGEST_S = 0.1
"""A field that holds its place moves on by no more than this between two messages"""
_AHEAD_S = 0.3
"""So far may a wish be ahead of what was applied: while the robot is held, none piles up"""


def past_deadzone(deflection: float, deadzone: float) -> float:
    """Return the deflection beyond the deadzone, rescaled to [-1, 1] no jump at its edge."""
    size = min(abs(deflection), 1.0)
    if size <= deadzone:
        return 0.0
    return math.copysign((size - deadzone) / (1.0 - deadzone), deflection)


class StickMapping:
    """
    Turns deflections into actions within the contract's range.

    A field that stops at a value, as a speed does, is set: a stick at rest asks for that value, or
    for zero. One that holds its place, as a position does, is moved: a full stick moves it at the
    highest rate.

    :param normal_ratio: speed without turbo, as a ratio of the contract's limit.
    """

    def __init__(self, action: ActionSpec, stick: StickSpec, *, deadzone: float,
                 normal_ratio: float = 1.0) -> None:
        self._action, self._stick = action, stick
        self._deadzone = deadzone
        self._normal_ratio = normal_ratio
        self._rest = np.clip(np.zeros(action.dim), action.low, action.high)
        self._wanted: np.ndarray | None = None
        self._wanted_ns = 0
        self._modes = list(stick.modes)
        self.mode = self._modes[0]
        """Which of the stick's modes is on"""

    @property
    def rest(self) -> np.ndarray:
        """(Da,) what a stick at rest asks for: zero, or the limit nearest to it."""
        return self._rest.copy()

    def next_mode(self) -> None:
        """Go to the next mode, and from the last to the first."""
        self.mode = self._modes[(self._modes.index(self.mode) + 1) % len(self._modes)]

    def release(self) -> None:
        """Note that the person let go: the next wish begins where the robot then is."""
        self._wanted = None

    def action(self, deflections: Mapping[str, float], *, turbo: bool, now_ns: int = 0,
               applied: np.ndarray | None = None) -> np.ndarray:
        """
        Return what the sticks ask for, ``(Da,)`` float64 in the action's units.

        :param deflections: control -> deflection, forward and left positive; of a button 1.
        :param turbo: full speed. A task with named actions has no other: theirs are fixed.
        :param applied: ``(Da,)`` what was applied last, for fields that hold their place; such a
            field is NaN while that is not known.
        """
        ratio = 1.0 if turbo or self._action.discrete else self._normal_ratio
        parts = np.zeros(self._action.dim)
        for controls, deadzone in ((self._stick.modes[self.mode], self._deadzone),
                                   (self._stick.buttons, 0.0)):
            for control, moved in controls.items():
                self._add(parts, moved, past_deadzone(deflections.get(control, 0.0), deadzone))
        parts = np.clip(parts, -1.0, 1.0) * ratio
        limit = np.where(parts >= 0.0, self._action.high, self._action.low)
        wanted = self._rest + np.abs(parts) * (limit - self._rest)
        if self._action.holds.any():
            moved_on = self._moved_on(parts, now_ns, applied)
            wanted = np.where(self._action.holds, moved_on, wanted)
        if self._action.discrete:
            wanted = self._action.table[self._action.nearest(wanted[None])[0]].astype(float)
        return wanted

    def _add(self, parts: np.ndarray, moved: Moved, part: float) -> None:
        parts[moved.field] += moved.sign * part

    def _moved_on(self, parts: np.ndarray, now_ns: int,
                  applied: np.ndarray | None) -> np.ndarray:
        """Return where fields that hold their place are to go, ``(Da,)``."""
        there = np.full(self._action.dim, np.nan) if applied is None else applied
        if self._wanted is None:
            self._wanted, elapsed_s = there, 0.0
        else:
            elapsed_s = min(max(0, now_ns - self._wanted_ns) / 1e9, _LONGEST_S)
        self._wanted_ns = now_ns
        rate, ahead = self._action.max_rate, self._action.max_rate * _AHEAD_S
        before = np.where(np.isnan(self._wanted), there, self._wanted)
        self._wanted = np.clip(np.clip(before + parts * rate * elapsed_s, there - ahead,
                                       there + ahead), self._action.low, self._action.high)
        return self._wanted
