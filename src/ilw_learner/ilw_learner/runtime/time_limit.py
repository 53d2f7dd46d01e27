"""How long a run may still take, on the robot's clock and, where that stands still, on another."""

STANDS_NS = 1_000_000_000
"""A robot clock that has not moved for longer stands still"""


class TimeLimit:
    """
    Counts down on the robot's clock.

    A clock that stands still, was set back, or has not begun (zero) does not stretch the limit:
    then the steady clock counts.

    :param limit_s: seconds; infinite for no limit.
    """

    def __init__(self, limit_s: float, now_ns: int, mono_ns: int) -> None:
        self._limit_ns, self._spent_ns = limit_s * 1e9, 0
        self._now_ns, self._moved_ns = now_ns, mono_ns

    def expired(self, now_ns: int, mono_ns: int) -> bool:
        """
        Tell whether the time is over; asked again and again.

        :param now_ns: on the robot's clock.
        :param mono_ns: on the steady clock.
        """
        gone_ns = now_ns - self._now_ns
        if gone_ns > 0 and self._now_ns > 0:
            self._count(gone_ns, now_ns, mono_ns)
        elif gone_ns != 0:  # set back, or it begins
            self._count(mono_ns - self._moved_ns, now_ns, mono_ns)
        elif mono_ns - self._moved_ns > STANDS_NS:
            self._count(mono_ns - self._moved_ns - STANDS_NS, now_ns, mono_ns - STANDS_NS)
        return self._spent_ns >= self._limit_ns

    def _count(self, gone_ns: int, now_ns: int, moved_ns: int) -> None:
        self._spent_ns += gone_ns
        self._now_ns, self._moved_ns = now_ns, moved_ns
