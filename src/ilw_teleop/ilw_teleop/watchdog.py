"""Make the arbiter decide when nobody asks it to. No ROS, no clock."""

from ilw_teleop.arbiter import Arbiter, Decision

CLOCK_STOPPED_NS = 1_000_000_000
"""A clock that stands still for longer in wall time has stopped: no age can be told any more"""


class Watchdog:
    """
    Polled often; says when silence calls for a decision.

    :param grace_ns: wall time that must have gone by since the last request. Zero on hardware; a
        simulated clock may run ahead of the request of its tick.
    :param leap_grace_ns: the same after a leap of the clock, as at a reset: whoever drives first
        looks at the new world, and how long that takes must not change the run.
    """

    def __init__(self, arbiter: Arbiter, grace_ns: int = 0, leap_grace_ns: int = 0) -> None:
        self._arbiter = arbiter
        self._grace_ns = grace_ns
        self._leap_grace_ns = leap_grace_ns
        self._leapt_ns: int | None = None
        self._heard_ns: int | None = None
        self._clock_ns = 0
        self._ticked_ns: int | None = None

    def leap(self, wall_ns: int) -> None:
        """Note that the simulated clock has leapt."""
        self._leapt_ns = wall_ns

    def hears(self, now_ns: int, wall_ns: int, *, active: bool) -> bool:
        """Note a request; returns whether it may count: while the clock stands still, none does."""
        if active:
            self._heard_ns, self._leapt_ns = wall_ns, None
        return not self._clock_stopped(now_ns, wall_ns)

    def poll(self, now_ns: int, mono_ns: int, wall_ns: int) -> Decision | None:
        """Return the decision that is due, if any."""
        if now_ns == 0:  # the simulated clock has not started
            return None
        if self._clock_stopped(now_ns, wall_ns):
            if self._arbiter.driven:
                self._arbiter.forget()
                return self._arbiter.decide(now_ns, mono_ns)
            return None
        if self._arbiter.chunk_due(now_ns):
            return self._arbiter.decide(now_ns, mono_ns)
        if not self._arbiter.due(now_ns, mono_ns):
            return None
        waited = [(self._heard_ns, self._grace_ns), (self._leapt_ns, self._leap_grace_ns)]
        if any(since is not None and wall_ns - since < grace for since, grace in waited):
            return None
        self._leapt_ns = None
        return self._arbiter.decide(now_ns, mono_ns)

    def _clock_stopped(self, now_ns: int, wall_ns: int) -> bool:
        if now_ns != self._clock_ns or self._ticked_ns is None:
            self._clock_ns, self._ticked_ns = now_ns, wall_ns
        return wall_ns - self._ticked_ns > CLOCK_STOPPED_NS
