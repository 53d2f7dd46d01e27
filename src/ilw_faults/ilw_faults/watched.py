"""What was heard of a loop, and what it shows: did commands stay inside limits, does it stand."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
import threading
import time
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_msgs.msg import ArbiterState, EpisodeEvent, EpisodeStatus, PolicyStatus
from ilw_ros.convert import stamp_ns

_SAFE = {'obstacle', 'near', 'unseen', 'workspace', 'blind', 'wheels', 'range_end', 'unmeasured'}
"""With one of these reasons a command may fall faster than the rate limit"""


@dataclass(frozen=True)
class Command:
    """One message on the command topic."""

    at_s: float
    """When it arrived, steady clock"""
    stamp_ns: int
    values: np.ndarray
    """(Da,)"""


class Watched:
    """Filled by whoever hears the graph; asked by the tests of a fault."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._stop, self._holds = contract.action.stop, contract.action.holds
        self.commands: list[Command] = []
        self.heard = 0
        """Commands since the start; ``trim`` forgets what they were"""
        self._outside: list[str] = []
        self.states: list[ArbiterState] = []
        self.policy_says: list[str] = []
        """Why the policy does not act, each time that it said so"""
        self.statuses: list[tuple[float, EpisodeStatus]] = []
        """(arrival, what the recorder said)"""
        self.errors: list[tuple[float, str]] = []
        """(arrival, text) of diagnostics at level ERROR"""
        self.speeds: list[tuple[float, float, float]] = []
        """(arrival, m/s, rad/s) the robot really moves at"""
        self.clock_ns = 0
        """Simulated time, as last heard"""
        self.clock: deque[tuple[float, int]] = deque(maxlen=3000)
        """(arrival, simulated time), the last of it"""
        self.marks: list[EpisodeEvent] = []
        """What the teleop node told the recorder"""
        self.teleop_heard = threading.Event()

    @property
    def status(self) -> EpisodeStatus | None:
        """What the recorder said last."""
        return self.statuses[-1][1] if self.statuses else None

    def until(self, done: Callable[[], Any], timeout_s: float, what: str) -> None:
        """Wait for something; :raises IlwError: in vain; says what the nodes do instead."""
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                raise IlwError(f'Waited {timeout_s:.0f} s for {what} in vain. {self.says()}')
            time.sleep(0.005)

    def says(self) -> str:
        """Return what the nodes said last of themselves, in a sentence each."""
        said = 'The arbiter: nothing heard.'
        if self.states:
            last = self.states[-1]
            said = (f'The arbiter: {"armed" if last.armed else "not armed"}, driven by '
                    f'{last.source}, reasons {list(last.reasons)}'
                    f'{last.estop_why and f" ({last.estop_why})"}.')
        since = time.monotonic() - 5.0
        return ' '.join([said, f'Commands: {self.heard}.',
                         *sorted({text for at, text in self.errors if at > since})])

    def hear_policy(self, status: PolicyStatus) -> None:
        """Note why the policy does not act, where it says so."""
        if status.reason:
            self.policy_says.append(status.reason)

    def moving(self, within_s: float = 0.25) -> bool:
        """Tell whether the newest commands move the robot."""
        now = time.monotonic()
        recent = [c for c in self.commands[-10:] if now - c.at_s < within_s]
        return bool(recent) and not self._stands(recent[-1])

    def _stands(self, command: Command) -> bool:
        """Tell whether a command is the stop action; fields that hold may be anywhere."""
        return bool(np.all(self._holds | (command.values == self._stop)))

    def stopped_at(self, after_s: float) -> float | None:
        """Return when the command became the stop action and stayed so; ``None``: it did not."""
        found: Command | None = None
        for command in list(self.commands):
            if not self._stands(command):
                found = None
            elif found is None or not np.array_equal(command.values, found.values):
                found = command  # a field that holds went on until here
        return None if found is None else max(found.at_s, after_s)  # at once, where it stood

    def driven_s(self, after_s: float, until_s: float) -> float:
        """Return how long the robot was told to move between two instants, steady clock."""
        commands = [c for c in list(self.commands) if c.at_s < until_s]
        ends = [*(c.at_s for c in commands[1:]), until_s]
        return sum(end - max(command.at_s, after_s) for command, end
                   in zip(commands, ends, strict=False)
                   if end > after_s and not self._stands(command))

    def trim(self) -> None:
        """Judge what was seen so far and forget it, so that a long run needs no more memory."""
        self._outside = self.outside()
        del self.commands[:-1], self.states[:-100], self.speeds[:-100], self.statuses[:-1]

    def outside(self) -> list[str]:
        """Return what commands left the contract's range or rate, a sentence each."""
        action, found = self._contract.action, list(self._outside)
        reasons: dict[int, tuple[set[str], int]] = {}
        for state in list(self.states):  # in simulated time several decisions have one stamp
            at = stamp_ns(state.header.stamp)
            reasons[at] = (reasons.get(at, (set(), 0))[0] | set(state.reasons), state.source)
        before: Command | None = None
        for command in list(self.commands):
            low = command.values < action.low - 1e-9
            high = command.values > action.high + 1e-9
            if np.any(low | high) or not np.all(np.isfinite(command.values)):
                found.append(f'{command.values} is out of range')
            if before is not None and command.stamp_ns > before.stamp_ns:
                seconds = max((command.stamp_ns - before.stamp_ns) / 1e9,
                              command.at_s - before.at_s)
                change = np.abs(command.values - before.values)
                fast = change > action.max_rate * seconds + 1e-3 * action.max_rate + 1e-6
                why, source = reasons.get(command.stamp_ns, (set(), 1))
                braking = np.abs(command.values) <= np.abs(before.values)
                stopping = self._stands(command)
                if np.any(fast & ~braking) or (
                        np.any(fast) and not stopping and not why & _SAFE and source in (1, 2)):
                    found.append(f'{before.values} to {command.values} in {seconds:.3f} s')
            before = command
        return found
