"""What time it is: by two clocks at once, and when a message tells it first."""

from collections.abc import Callable
import time

MAX_LEAD_NS = 5_000_000_000
"""A stamp further ahead than this comes from another clock. A reset of the simulator skips 1 s."""

LEAP_NS = 900_000_000  # a step of the clock that no tick takes; a reset skips 1 s
PAUSED_AFTER_NS = 300_000_000  # a simulation at a third of real time still ticks within it

ONE_MOMENT_NS = 500_000
READINGS = 5


def read_together(clock_ns: Callable[[], int],
                  steady_ns: Callable[[], int] = time.monotonic_ns) -> tuple[int, int]:
    """
    Return what a clock and the steady clock say at one moment, within ``ONE_MOMENT_NS``.

    A process can be held between two readings. A step that is right for one clock would then be
    too large for the other, so a torn pair is read again; of ``READINGS`` torn ones the least.
    """
    least_ns, pair = None, (0, 0)
    for _ in range(READINGS):
        before_ns = steady_ns()
        now_ns = clock_ns()
        after_ns = steady_ns()
        if least_ns is None or after_ns - before_ns < least_ns:
            least_ns, pair = after_ns - before_ns, (now_ns, after_ns)
        if least_ns <= ONE_MOMENT_NS:
            break
    return pair


class LeadingClock:
    """
    The later of the clock and the newest believable stamp.

    A simulator sends its clock and its messages on different topics, so a message of a tick can
    arrive before the tick does.

    :param leads: whether stamps may lead; on hardware only the clock counts.
    """

    def __init__(self, *, leads: bool) -> None:
        self._leads = leads
        self._newest_ns = 0

    def now_ns(self, clock_ns: int, stamp_ns: int | None = None) -> int:
        """Return the time; never earlier than before, unless ``reset``."""
        if not self._leads:
            return clock_ns
        if stamp_ns is not None and clock_ns < stamp_ns <= clock_ns + MAX_LEAD_NS:
            clock_ns = stamp_ns
        self._newest_ns = max(self._newest_ns, clock_ns)
        return self._newest_ns

    def reset(self) -> None:
        """Follow a clock that has jumped back."""
        self._newest_ns = 0


def believable(stamp_ns: int, now_ns: int) -> int:
    """Return the stamp, or the time now if it is empty or from another clock."""
    return stamp_ns if stamp_ns > 0 and abs(stamp_ns - now_ns) <= MAX_LEAD_NS else now_ns


class PauseWatch:
    """
    Tells whether a simulated clock stands still.

    :param simulated: a real clock never does.
    """

    def __init__(self, *, simulated: bool) -> None:
        self._simulated = simulated
        self._seen_ns = -1
        self._since_wall_ns = 0

    def paused(self, now_ns: int, wall_ns: int) -> bool:
        """Take in the clock, and tell whether it has not moved for a while."""
        if now_ns != self._seen_ns:
            self._seen_ns, self._since_wall_ns = now_ns, wall_ns
        return self._simulated and wall_ns - self._since_wall_ns > PAUSED_AFTER_NS


class LogClock:
    """Gives every message its own log time: readers sort by it and must keep the order."""

    def __init__(self) -> None:
        self._last_ns = 0
        self._now_ns = 0

    def stamp_ns(self, now_ns: int) -> int:
        """Return ``now_ns``, or a nanosecond after the stamp before if the clock has not moved."""
        moved = now_ns != self._now_ns
        self._now_ns = now_ns
        follows = self._last_ns + 1
        # Two ticks are never this close; further away the clock has jumped back.
        late = moved and not 0 < follows - now_ns < 1_000_000
        self._last_ns = now_ns if late else max(now_ns, follows)
        return self._last_ns
