"""
When to act: ticks on the grid of the contract, each used once, in order.

A tick is complete when every ``asof`` topic has delivered a message stamped at or after it.
"""

from typing import Any

from ilw_core.align import Observation, Resampler
from ilw_core.contract.file import Contract

_JUMP_PERIODS = 3
"""A tick this far behind the newest complete instant is history: start the grid anew"""
_BACK_PERIODS = 10
"""Stamps this far behind were not late: the clock was set back"""


class PolicyLoop:
    """Buffers messages and gives out observations as their ticks complete."""

    def __init__(self, contract: Contract) -> None:
        self._resampler = Resampler(contract)
        self._period_ns = contract.period_ns
        self._tolerances_ns = {s.name: s.align.tolerance_ns for s in contract.sources}
        self._held = {s.name for s in contract.sources if s.align.how == 'hold'}
        self._next_ns: int | None = None
        self._newest_ns = 0
        self.late = 0
        self.began_anew = False
        """The last observation given out is the first of a new grid: forget the past"""

    def push(self, name: str, stamp_ns: int, message: Any) -> None:
        """Take in a message of the observation entry ``name``."""
        if name not in self._held:  # a held message may rightly be old
            if stamp_ns < self._newest_ns - _BACK_PERIODS * self._period_ns:
                self.clear()  # the clock was set back: a simulator was started anew
            self._newest_ns = max(self._newest_ns, stamp_ns)
            if self._next_ns is not None and stamp_ns <= self._next_ns - self._period_ns:
                self.late += 1
        self._resampler.push(name, stamp_ns, message)

    def restart(self, stamp_ns: int) -> None:
        """Begin a new grid, as an episode began at this instant; nothing if it did already."""
        if self._next_ns is not None and self._next_ns - self._period_ns < stamp_ns:
            self._next_ns = None

    def clear(self) -> None:
        """Forget every message."""
        self._resampler.clear()
        self._next_ns, self._newest_ns = None, 0

    def missing(self) -> str:
        """Return what ticks wait for though others went on; empty: for nothing."""
        last = self._resampler.last()
        if last is None:
            return ''
        silent_ns = self._newest_ns - last[0]
        patience_ns = max(_JUMP_PERIODS * self._period_ns, self._tolerances_ns[last[1]])
        return '' if silent_ns <= patience_ns else (
            f'missing: {last[1]} (nothing for {silent_ns / 1e9:.1f} s)')

    def poll(self) -> Observation | None:
        """Return the observation of the next tick if it is complete."""
        complete, begin = self._resampler.complete_ns(), self._resampler.begin_ns()
        if complete is None or begin is None or complete < begin:
            return None
        behind = self._next_ns is not None and (
            complete - self._next_ns >= _JUMP_PERIODS * self._period_ns)
        if self._next_ns is None or behind:
            tick, self.began_anew = complete, True
        elif complete >= self._next_ns:
            tick, self.began_anew = self._next_ns, False
        else:
            return None
        self._next_ns = tick + self._period_ns
        return self._resampler.observe(tick)

    def overdue(self, now_ns: int) -> Observation | None:
        """
        Return the next tick's observation half a period after it, complete or not.

        For hardware, where a topic may be silent; what it lacks is marked invalid.
        """
        if self._next_ns is None or now_ns < self._next_ns + self._period_ns // 2:
            return None
        tick, self.began_anew = self._next_ns, False
        self._next_ns = tick + self._period_ns
        return self._resampler.observe(tick)
