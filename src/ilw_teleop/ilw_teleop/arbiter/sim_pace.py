"""How fast a simulated clock runs beside the clock on the wall."""

_OVER_NS = 500_000_000
"""Wall time to measure over: a clock in steps of 10 ms is known within 2 % then"""


class SimPace:
    """Measured again and again, over half a second each; the first one from its first step."""

    def __init__(self) -> None:
        self._since: tuple[int, int] | None = None
        self._pace, self._settled = 0.0, False

    def measure(self, now_ns: int, wall_ns: int) -> float | None:
        """Return simulated seconds per second on the wall; None: looked at too seldom to tell."""
        wall_since, since = self._since or (wall_ns, now_ns)
        over_ns = wall_ns - wall_since
        if not 0 < over_ns <= 2 * _OVER_NS:
            self._since, self._settled = (wall_ns, now_ns), False
            return None
        whole = over_ns > _OVER_NS
        if whole or not self._settled:
            self._pace = (now_ns - since) / over_ns
        if whole:
            self._since, self._settled = (wall_ns, now_ns), True
        return self._pace
