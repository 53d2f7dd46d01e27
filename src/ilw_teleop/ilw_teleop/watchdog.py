"""Make the arbiter decide when nobody asks it to. No ROS, no clock."""

from ilw_teleop.arbiter import Arbiter, Decision


class Watchdog:
    """
    Polled often; says when silence calls for a decision.

    :param grace_ns: wall time that a due decision waits. Zero on hardware; in simulation the
        request of a tick may come a little after its clock.
    :param leap_grace_ns: the same after a leap of the clock, as at a reset: whoever drives first
        looks at the new world, and how long that takes must not change the run.
    """

    def __init__(self, arbiter: Arbiter, grace_ns: int = 0, leap_grace_ns: int = 0) -> None:
        self._arbiter = arbiter
        self._grace_ns = grace_ns
        self._leap_grace_ns = leap_grace_ns
        self._leapt = False
        self._due_since_ns: int | None = None

    def leap(self) -> None:
        """Note that the simulated clock has leapt."""
        self._leapt = True

    def poll(self, now_ns: int, mono_ns: int, wall_ns: int) -> Decision | None:
        """Return the decision that is due, if any."""
        if now_ns == 0:  # the simulated clock has not started
            return None
        if self._arbiter.chunk_due(now_ns):
            return self._arbiter.decide(now_ns, mono_ns)
        if not self._arbiter.due(now_ns, mono_ns):
            self._due_since_ns, self._leapt = None, False
            return None
        if self._due_since_ns is None:
            self._due_since_ns = wall_ns
        grace_ns = self._leap_grace_ns if self._leapt else self._grace_ns
        if wall_ns - self._due_since_ns < grace_ns:
            return None
        self._due_since_ns, self._leapt = None, False
        return self._arbiter.decide(now_ns, mono_ns)
