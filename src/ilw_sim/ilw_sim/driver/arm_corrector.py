"""
A scripted person beside a policy of an arm: takes the stick when it goes wrong, and gives it back.

For tests of corrections. Wrong is what the expert would not do there, for so long that it is no
matter of style: standing where there is something to do, going elsewhere, an open gripper.
"""

import numpy as np

_REACTION_S = (0.3, 0.7)
"""From seeing the need to taking the stick, as drivers of a car that drives itself need"""
_OFF_RATIO = 0.3
"""Of a field's range: so far from what the expert would do is wrong"""
_WRONG_S = 1.0
"""For so long: experts and policies change what they do at places that differ by millimetres"""
_HOLD_S = 1.5
"""The stick is held at least so long"""
_AGREED_S = 0.3
"""So long the policy would have done as the person does, before it may drive again"""


class ArmCorrector:
    """
    Decides when to hold the stick; time comes in as stamps of one episode.

    :param span: ``(Da,)`` range of each field of the action.
    :param rng: draws the reaction time of each takeover.
    """

    def __init__(self, span: np.ndarray, rng: np.random.Generator) -> None:
        self._span, self._rng = span, rng
        self.begin()

    def begin(self) -> None:
        """A new episode begins: the policy drives."""
        self.holds = False
        """Whether the person drives"""
        self._since_ns = 0
        self._agreed_ns: int | None = None
        """Since when both would do the same; ``None``: they would not"""
        self._wrong_ns: int | None = None
        self._due_ns: int | None = None

    def look(self, now_ns: int, asked: np.ndarray, wish: np.ndarray) -> bool:
        """
        Take in a tick; returns whether the person drives from here on.

        :param asked: ``(Da,)`` what the policy asks for.
        :param wish: ``(Da,)`` what the expert would do; NaN where it does not matter.
        """
        off = np.nan_to_num(np.abs(asked - wish)) > _OFF_RATIO * self._span
        if off.any():
            self._agreed_ns = None
            self._wrong_ns = now_ns if self._wrong_ns is None else self._wrong_ns
        else:
            self._wrong_ns = self._due_ns = None
            self._agreed_ns = now_ns if self._agreed_ns is None else self._agreed_ns
        if self.holds:
            if (now_ns - self._since_ns >= _HOLD_S * 1e9 and self._agreed_ns is not None
                    and now_ns - self._agreed_ns >= _AGREED_S * 1e9):
                self._turn(now_ns, holds=False)
        elif self._due_ns is not None:
            if now_ns >= self._due_ns:
                self._turn(now_ns, holds=True)
        elif self._wrong_ns is not None and now_ns - self._wrong_ns >= _WRONG_S * 1e9:
            self._due_ns = now_ns + round(self._rng.uniform(*_REACTION_S) * 1e9)
        return self.holds

    def _turn(self, now_ns: int, *, holds: bool) -> None:
        self.holds, self._since_ns = holds, now_ns
        self._agreed_ns = self._wrong_ns = self._due_ns = None
