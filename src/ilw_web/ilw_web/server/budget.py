"""How many messages a viewer may send."""


class MessageBudget:
    """
    Lets so many messages through per second, and some more at once.

    :param patience: so many beyond that, and whoever sends them is to go.
    """

    def __init__(self, per_second: float = 150.0, burst: float = 100.0,
                 patience: int = 1000) -> None:
        self._per_second, self._burst, self._patience = per_second, burst, patience
        self._left, self._at_ns = burst, 0
        self.refused = 0
        """Messages beyond the budget, since the last second without any"""
        self._refused_ns = 0

    def take(self, now_ns: int) -> bool:
        """Tell whether one more message may be looked at."""
        self._left = min(self._burst, self._left
                         + self._per_second * (now_ns - self._at_ns) / 1e9)
        self._at_ns = now_ns
        if self._left < 1.0:
            if now_ns - self._refused_ns > 1_000_000_000:
                self.refused = 0
            self.refused, self._refused_ns = self.refused + 1, now_ns
            return False
        self._left -= 1.0
        return True

    @property
    def spent(self) -> bool:
        """Whether patience is at its end."""
        return self.refused > self._patience
