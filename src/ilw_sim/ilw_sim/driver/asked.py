"""
A scripted person whom the policy asks: takes the stick when it does, and gives it back.

For tests of corrections. It sees nothing of the policy but what it says.
"""

import numpy as np

_REACTION_S = (0.3, 0.7)
"""From being asked to taking the stick, as drivers of a car that drives itself need"""
_HOLD_S = 1.0
"""The stick is held at least so long"""
_MOST_S = 15.0
"""Who still holds it then lets the policy try again"""


class AskedPerson:
    """
    Decides when to hold the stick; time comes in as stamps of one episode.

    :param rng: draws the reaction time of each takeover.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.begin()

    def begin(self) -> None:
        """A new episode begins: the policy drives."""
        self.holds = False
        """Whether the person drives"""
        self._asked = False
        self._since_ns = 0
        self._due_ns: int | None = None

    def hear(self, asks: bool) -> None:
        """Take in whether the policy asks, as it says at each of its steps."""
        self._asked = asks

    def look(self, now_ns: int) -> bool:
        """Take in a tick; returns whether the person drives from here on."""
        if self.holds:
            held_ns = now_ns - self._since_ns
            if held_ns >= _MOST_S * 1e9 or (not self._asked and held_ns >= _HOLD_S * 1e9):
                self.holds = False
        elif not self._asked:
            self._due_ns = None
        elif self._due_ns is None:
            self._due_ns = now_ns + round(self._rng.uniform(*_REACTION_S) * 1e9)
        elif now_ns >= self._due_ns:
            self.holds, self._since_ns, self._due_ns = True, now_ns, None
        return self.holds
