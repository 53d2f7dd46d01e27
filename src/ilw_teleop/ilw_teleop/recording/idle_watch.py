"""How long an episode idles before its first and after its last move."""

from collections.abc import Sequence

import numpy as np

from ilw_core.contract.action import ActionSpec

IDLE_NS = 3_000_000_000
"""From button to stick takes a second or two; standing for longer is learnt as part of the task"""
STILL_RATIO = 0.01
"""Of the range of an action: sticks rest that still"""


class IdleWatch:
    """
    Follows the commands of one episode.

    At rest is a command at the contract's stop action; of a field that holds, one that does not
    change.
    """

    def __init__(self, action: ActionSpec) -> None:
        self._action = action
        self._still = STILL_RATIO * (action.high - action.low)
        self.begin()

    def begin(self) -> None:
        """Begin a new episode."""
        self._before: np.ndarray | None = None
        self._first_ns = self._last_ns = 0
        self._moves_ns: tuple[int, int] | None = None
        self.moving = False
        """Whether the newest command moves the robot"""

    def take(self, stamp_ns: int, values: Sequence[float]) -> None:
        """Take in one command, ``(Da,)``."""
        now = np.asarray(values, dtype=float)
        if self._before is None:
            self._before, self._first_ns = now, stamp_ns
        rest = self._action.halted(self._before)
        self.moving = bool((np.abs(now - rest) > self._still).any())
        self._before, self._last_ns = now, stamp_ns
        if self.moving:
            first_ns = self._moves_ns[0] if self._moves_ns else stamp_ns
            self._moves_ns = (first_ns, stamp_ns)

    @property
    def head_ns(self) -> int:
        """Time before the first move; all of it if there was none."""
        return (self._moves_ns[0] if self._moves_ns else self._last_ns) - self._first_ns

    @property
    def tail_ns(self) -> int:
        """Time since the last move; 0 if there was none."""
        return self._last_ns - self._moves_ns[1] if self._moves_ns else 0

    def reasons(self, *, ended: bool) -> list[str]:
        """
        Return what makes the episode suspect, a sentence each.

        :param ended: a pause in the middle may belong to the task, one at the end does not.
        """
        if self._before is None:
            return []
        if self._moves_ns is None:
            idle = ended or self.head_ns > IDLE_NS
            return [f'nobody has driven for {self.head_ns / 1e9:.1f} s.'] if idle else []
        found = []
        if self.head_ns > IDLE_NS:
            found.append(f'stood for {self.head_ns / 1e9:.1f} s before it moved.')
        if ended and self.tail_ns > IDLE_NS:
            found.append(f'stood for {self.tail_ns / 1e9:.1f} s before it ended.')
        return found

    def figures(self) -> dict[str, float]:
        """Return the entries of ``quality.json``."""
        return {'idle_start_s': round(self.head_ns / 1e9, 3),
                'idle_end_s': round(self.tail_ns / 1e9, 3)}
