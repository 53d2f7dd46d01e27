"""
A scripted person beside a policy: takes the stick when its way fails or strays, and gives it back.

For tests of corrections. It looks ahead as a person does who sees where this leads, and takes a
person's time to react.
"""

from collections import deque
import math

import numpy as np

_REACTION_S = (0.3, 0.7)
"""From seeing the need to taking the stick, as drivers of a car that drives itself need"""
_STALLED_S = 8.0
"""So long without getting nearer means that the policy strays. With 4 s that were 27 of 29
takeovers beside a corrected policy in clutter_hard, which alone runs out of time in 4 %"""
_NEARER = 0.3
"""Cost to the goal, a metre in the open costs 1: less than this is no progress"""
_HOLD_S = 2.0
"""The stick is held at least so long: let go sooner, the policy is back in its trouble"""
_PAST = 2.0
"""Cost: a policy that strayed is driven so much nearer than it got, past what held it. Given back
after two seconds it strayed again at the same place: of six attempts with two takeovers in a
second round in clutter_hard, four had the second one 11 to 16 s after the first"""
_MOST_S = 15.0
"""Who gets nowhere for so long lets the policy try again: of 66 holds in clutter_hard 64 took up
to 12.4 s, two went on for 45 and 52 s, to the end, the expert turning to and fro before a gap"""


class Corrector:
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
        self._since_ns = 0
        self._until = math.inf
        self._due_ns: int | None = None
        self._costs: deque[tuple[int, float]] = deque()

    def must_hold(self, now_ns: int) -> bool:
        """Tell whether nothing that is seen now would let it give the stick back."""
        return self.holds and now_ns - self._since_ns < _HOLD_S * 1e9

    def look(self, now_ns: int, *, fails: bool, cost: float, cost_ahead: float) -> bool:
        """
        Take in a tick; returns whether the person drives from here on.

        :param fails: the policy's own way collides before long.
        :param cost: to the goal from here; ``cost_ahead``: from where the policy's way leads.
        """
        nears = cost - cost_ahead >= _NEARER
        if self.holds:
            well = nears and not fails and cost <= self._until
            if not self.must_hold(now_ns) and (
                    well or now_ns - self._since_ns >= _MOST_S * 1e9):
                self._turn(now_ns, holds=False)
            return self.holds
        self._costs.append((now_ns, cost))
        if not fails and (nears or not self._stalled(now_ns, cost)):
            self._due_ns = None
        elif self._due_ns is None:
            self._due_ns = now_ns + round(self._rng.uniform(*_REACTION_S) * 1e9)
        elif now_ns >= self._due_ns:
            self._until = math.inf if fails else min(each for _, each in self._costs) - _PAST
            self._turn(now_ns, holds=True)
        return self.holds

    def _turn(self, now_ns: int, *, holds: bool) -> None:
        self.holds, self._since_ns, self._due_ns = holds, now_ns, None
        self._costs.clear()

    def _stalled(self, now_ns: int, cost: float) -> bool:
        """Tell whether it is no nearer than a while ago; False while it is not yet that long."""
        begin_ns = now_ns - round(_STALLED_S * 1e9)
        while len(self._costs) > 1 and self._costs[1][0] <= begin_ns:
            self._costs.popleft()
        then_ns, before = self._costs[0]
        return then_ns <= begin_ns and before - cost < _NEARER
