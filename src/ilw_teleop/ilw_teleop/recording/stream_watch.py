"""How well one topic of the contract comes: rate, gaps, jitter, doubles, clocks."""

from dataclasses import dataclass
import math
from typing import Any

from ilw_core.contract.file import Contract
from ilw_core.text.digits import apart

CLOCK_RATIO = 0.9
"""Of the rate that is needed: clocks differ, and an episode begins and ends between messages"""
JITTER_RATIO = 0.25
"""Of the longer of contract period and interval: beyond it ticks begin to see a message twice"""
FEW = 10
"""Rate and jitter of fewer messages say nothing"""
DOUBLES_RATIO = 0.01
"""Part of the messages that may repeat a stamp: a resent one now and then does no harm"""
AHEAD_NS = 20_000_000
"""Clocks kept by NTP in one network differ by less"""
FROZEN_NS = 1_000_000_000
"""A sensor that says the same for longer while the robot is driven has stopped looking"""
LOOK_NS = 250_000_000
"""The content is compared this often: cheap at any rate, four times before it counts"""


@dataclass(frozen=True)
class Limits:
    """What the contract needs of a topic; ``None`` where it needs nothing."""

    gap_ns: int | None = None
    """A longer interval is a gap"""
    least_hz: float | None = None
    jitter_ns: int | None = None
    """The standard deviation of the intervals may be this, or ``JITTER_RATIO`` of the interval"""
    late_ns: int | None = None
    """Stamps may be this old when they arrive"""
    sensor: bool = False
    """Must be fresh before an episode may start, may not freeze, sends each stamp once"""


def limits_of(contract: Contract) -> dict[str, Limits]:
    """
    Return what a contract needs of its topics.

    An ``asof`` topic: one message in each window in which a tick looks for one (its tolerance, but
    two periods at least), at the rate of the ticks or of those windows, whichever is less; older
    than half of that on arrival, a live policy would often miss it. The command: in every tick, or
    the tick has no label; two periods apart is the least that surely loses one. It may come more
    often and unevenly, as the arbiter answers each request at once. Held topics: nothing.
    """
    period_ns = contract.period_ns
    found = {}
    for source in contract.sources:
        if source.align.how == 'asof':
            gap_ns = max(source.align.tolerance_ns, 2 * period_ns)
            window_ns = max(source.align.tolerance_ns, 1)
            found[source.topic] = Limits(
                gap_ns, CLOCK_RATIO * min(contract.rate_hz, 1e9 / window_ns),
                round(JITTER_RATIO * period_ns), gap_ns // 2, sensor=True)
        else:
            found.setdefault(source.topic, Limits())
    for topic in contract.action.topics:
        found[topic] = Limits(2 * period_ns, CLOCK_RATIO * contract.rate_hz,
                              late_ns=2 * period_ns)
    return found


@dataclass
class StreamWatch:
    """Counts the messages of one topic in one episode; the first is not judged."""

    type: str
    limits: Limits
    newest_ns: int | None = None
    """ROS time of the newest message ever; None before the first"""
    carried: bool = False
    """Time has leapt since the newest message, and took it along"""
    count: int = 0
    first_stamp_ns: int = 0
    last_stamp_ns: int = 0
    arrived_ns: int = 0
    """ROS time when the newest message of the episode came; before the first, of its begin"""
    intervals: int = 0
    mean_ns: float = 0.0
    squares: float = 0.0
    """Sum of the squared deviations of the intervals (Welford 1962)"""
    gaps: int = 0
    max_gap_ns: int = 0
    disordered: int = 0
    doubles: int = 0
    unstamped: int = 0
    least_lag_ns: int | None = None
    """Arrival minus stamp, the smallest; None before the first"""
    looked_ns: int = 0
    content: Any = None
    same_since_ns: int = 0
    frozen_ns: int = 0
    """The longest time the content stayed the same while the robot was driven"""

    def begin(self, now_ns: int) -> None:
        """Begin a new episode."""
        self.count = self.unstamped = 0
        self.arrived_ns = now_ns
        self.restart()

    def restart(self) -> None:
        """Judge anew from here: the world before was another. What came still counts as there."""
        self.intervals = self.gaps = self.max_gap_ns = self.disordered = self.doubles = 0
        self.mean_ns = self.squares = 0.0
        self.first_stamp_ns = self.last_stamp_ns = self.looked_ns = self.frozen_ns = 0
        self.least_lag_ns = self.content = None

    def take(self, stamp_ns: int, now_ns: int) -> None:
        """Count one recorded message."""
        self.count += 1
        self.arrived_ns = now_ns
        if stamp_ns <= 0:
            self.unstamped += 1
            stamp_ns = now_ns
        lag_ns = now_ns - stamp_ns
        if self.least_lag_ns is None or lag_ns < self.least_lag_ns:
            self.least_lag_ns = lag_ns
        last_ns, self.last_stamp_ns = self.last_stamp_ns, stamp_ns
        if last_ns == 0:
            self.first_stamp_ns = stamp_ns
            return
        interval_ns = stamp_ns - last_ns
        if interval_ns <= 0:
            if interval_ns:
                self.disordered += 1
                self.last_stamp_ns = last_ns
            else:
                self.doubles += 1
            return
        self.intervals += 1
        more = interval_ns - self.mean_ns
        self.mean_ns += more / self.intervals
        self.squares += more * (interval_ns - self.mean_ns)
        if interval_ns > self.max_gap_ns:
            self.max_gap_ns = interval_ns
        if self.limits.gap_ns is not None and interval_ns > self.limits.gap_ns:
            self.gaps += 1

    def look(self, content: Any, stamp_ns: int, *, driven: bool) -> None:
        """
        Compare the content, its header left out, with what it was the last time.

        :param driven: whether the robot is told to move; a scene at rest may look the same.
        """
        if not driven or content != self.content:
            self.content, self.same_since_ns = content, stamp_ns
        else:
            self.frozen_ns = max(self.frozen_ns, stamp_ns - self.same_since_ns)

    @property
    def rate_hz(self) -> float:
        """Mean rate over the episode, doubles left out; 0 with fewer than two messages."""
        span_ns = self.last_stamp_ns - self.first_stamp_ns
        return self.intervals * 1e9 / span_ns if span_ns > 0 else 0.0

    @property
    def jitter_ns(self) -> float:
        """Standard deviation of the intervals between stamps; 0 with fewer than two."""
        return math.sqrt(self.squares / (self.intervals - 1)) if self.intervals > 1 else 0.0

    def reasons(self, now_ns: int, *, same_clock: bool) -> list[str]:
        """
        Return what makes the episode suspect, a sentence each.

        :param now_ns: ROS time; when the episode ended, if it has.
        :param same_clock: sender and receiver live on one simulated clock.
        """
        limits, found = self.limits, []
        if self.count == 0:
            return ['no message.']
        silent_ns = now_ns - self.arrived_ns
        silent = limits.gap_ns is not None and silent_ns > limits.gap_ns
        gaps, longest_ns = self.gaps + silent, max(self.max_gap_ns, silent * silent_ns)
        if gaps:
            found.append(f'{gaps} gap(s), the longest {longest_ns / 1e9:.2f} s.')
        if self.intervals >= FEW:
            if limits.least_hz is not None and self.rate_hz < limits.least_hz:
                got, least = apart(self.rate_hz, limits.least_hz, 2)
                found.append(f'{got} Hz, at least {least} are needed.')
            bound_ns = max(limits.jitter_ns or 0, JITTER_RATIO * self.mean_ns)
            if limits.jitter_ns is not None and not gaps and self.jitter_ns > bound_ns:
                found.append(f'its stamps jitter by {self.jitter_ns / 1e6:.0f} ms, '
                             f'{bound_ns / 1e6:.0f} at most.')
        if self.disordered:
            found.append(f'{self.disordered} message(s) out of order.')
        if limits.sensor and self.doubles > DOUBLES_RATIO * self.count:
            found.append(f'{self.doubles} message(s) with the stamp of the one before.')
        if self.unstamped:
            found.append(f'{self.unstamped} message(s) with an empty stamp.')
        if self.frozen_ns > FROZEN_NS:
            found.append(f'the same data under new stamps for {self.frozen_ns / 1e9:.1f} s while '
                         f'driving: frozen?')
        if not same_clock and self.least_lag_ns is not None:
            if self.least_lag_ns < -AHEAD_NS:
                found.append(f'stamped up to {-self.least_lag_ns / 1e9:.2f} s in the future: set '
                             f'the clocks of sender and receiver.')
            elif limits.late_ns is not None and self.least_lag_ns > limits.late_ns:
                found.append(f'arrives {self.least_lag_ns / 1e9:.2f} s after its stamp at best: '
                             f'set the clocks of sender and receiver, or look for the delay.')
        return found

    def figures(self) -> dict[str, Any]:
        """Return the topic's entry in ``quality.json``."""
        return {
            'count': self.count, 'rate_hz': round(self.rate_hz, 3), 'gaps': self.gaps,
            'max_gap_s': round(self.max_gap_ns / 1e9, 6),
            'jitter_s': round(self.jitter_ns / 1e9, 6), 'disordered': self.disordered,
            'doubles': self.doubles, 'unstamped': self.unstamped,
            'frozen_s': round(self.frozen_ns / 1e9, 3),
            'least_lag_s': round((self.least_lag_ns or 0) / 1e9, 6), 'missing': self.count == 0}
