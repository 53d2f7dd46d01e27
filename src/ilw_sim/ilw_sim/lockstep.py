"""When the next tick is due and which command drives it. Times come in as arguments."""

from dataclasses import dataclass
import math

import numpy as np

from ilw_core.contract.file import Contract

CLOCK_HZ = 100.0
"""Messages on /clock per wall second, at least, where time runs by the wall clock"""
STANDING_S = 0.2
"""Wall seconds after which a time that stands is told again"""


@dataclass(frozen=True)
class Pace:
    """How simulated time follows commands and the wall clock."""

    lockstep: bool
    """A tick waits for its command"""
    real_time_factor: float
    """Simulated seconds per wall second; 0: as fast as possible"""
    command_wait_s: float
    """Wall seconds a tick waits for its command where ``real_time_factor`` is 0"""

    def tick_s(self, period_s: float) -> float:
        """Return the wall seconds after which a tick is over in any case."""
        if self.real_time_factor > 0.0:
            return period_s / self.real_time_factor
        return self.command_wait_s if self.lockstep else 0.0

    def wall_s(self, period_s: float) -> float | None:
        """Return the wall seconds of a tick that goes by the wall clock; ``None``: none does."""
        return period_s / self.real_time_factor if self.real_time_factor > 0.0 else None

    @property
    def steps_on_command(self) -> bool:
        """Tell whether a tick ends when its command comes: not at the pace of the wall clock."""
        return self.lockstep and self.real_time_factor == 0.0


class CommandGate:
    """
    Holds the newest command.

    :param timeout_s: simulated time after which, without a new command, the wheels stop.
    """

    def __init__(self, contract: Contract, timeout_s: float) -> None:
        self._action, self._stop = contract.action, contract.action.rest
        self._timeout_ns = round(timeout_s * 1e9)
        self._stamp_ns: int | None = None
        self._values = self._stop
        self.refused = 0
        """Commands that were not finite, older than one before them, or from the future"""

    def clear(self) -> None:
        """Forget the command, as at a reset."""
        self._stamp_ns, self._values = None, self._stop

    def accepts(self, values: list[float]) -> bool:
        """Tell whether the values are an action: right in number, and finite."""
        return len(values) == len(self._stop) and bool(np.all(np.isfinite(values)))

    def offer(self, stamp_ns: int, tick_ns: int, values: list[float]) -> bool:
        """
        Take a command in.

        :param stamp_ns: of its header; 0, as tools send it, means now.
        :returns: whether it is the one that the tick waits for.
        """
        stamp_ns = stamp_ns or tick_ns
        old = self._stamp_ns is not None and stamp_ns < self._stamp_ns
        # One from the future would hold the wheels against all that follow.
        early = stamp_ns > tick_ns + self._timeout_ns
        if old or early or not self.accepts(values):
            self.refused += 1
            return False
        self._stamp_ns, self._values = stamp_ns, np.array(values, dtype=np.float64)
        return stamp_ns >= tick_ns

    def action(self, tick_ns: int) -> np.ndarray:
        """Return what drives the tick, ``(Da,)``: the newest command, or stop if it is too old."""
        if self._stamp_ns is None:
            return self._stop
        if tick_ns - self._stamp_ns > self._timeout_ns:
            return self._action.halted(self._values)
        return self._values


class Pulse:
    """
    The times between two ticks, for whoever needs them finer than the task's clock.

    Where time stands, it is told again now and then: so others know that somebody tells it.

    :param period_ns: of the ticks, on their own clock.
    :param tick_s: wall seconds of a tick; ``None``: it ends when its command comes, and there is
        no telling what time it is in between.
    """

    def __init__(self, period_ns: int, tick_s: float | None) -> None:
        self._parts = 1 if tick_s is None else max(1, math.ceil(tick_s * CLOCK_HZ - 1e-9))
        self._step_ns = period_ns // self._parts
        self.every_s = STANDING_S if tick_s is None or self._parts == 1 else tick_s / self._parts
        """Wall seconds between two calls of ``next_ns``"""
        self._patience = max(1, round(STANDING_S / self.every_s))
        self._left, self._told_ns, self._stood = 0, 0, 0

    def tick(self, tick_ns: int, *, runs: bool) -> None:
        """Note the time of a tick; ``runs`` tells whether another follows by itself."""
        self._left, self._told_ns, self._stood = self._parts - 1 if runs else 0, tick_ns, 0

    def next_ns(self) -> int | None:
        """Return the time to tell now, if any; it is before the next tick's."""
        if self._left:
            self._left -= 1
            self._told_ns += self._step_ns
            return self._told_ns
        self._stood = (self._stood + 1) % self._patience
        return None if self._stood else self._told_ns
