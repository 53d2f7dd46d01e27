"""Make the arbiter decide when nobody asks it to. No ROS, no clock."""

from ilw_teleop.arbiter import Arbiter, Decision


class Watchdog:
    """
    Polled often; says when silence calls for a decision.

    :param grace_ns: wall time that a due decision waits. Zero on hardware. A simulated clock
        leaps (by a second at a reset), and the request of the new tick is on its way.
    """

    def __init__(self, arbiter: Arbiter, grace_ns: int) -> None:
        self._arbiter = arbiter
        self._grace_ns = grace_ns
        self._due_since_ns: int | None = None

    def poll(self, now_ns: int, mono_ns: int, wall_ns: int) -> Decision | None:
        """Return the decision that is due, if any."""
        if now_ns == 0:  # the simulated clock has not started
            return None
        if self._arbiter.chunk_due(now_ns):
            return self._arbiter.decide(now_ns, mono_ns)
        if not self._arbiter.due(now_ns, mono_ns):
            self._due_since_ns = None
            return None
        if self._due_since_ns is None:
            self._due_since_ns = wall_ns
        if wall_ns - self._due_since_ns < self._grace_ns:
            return None
        self._due_since_ns = None
        return self._arbiter.decide(now_ns, mono_ns)
