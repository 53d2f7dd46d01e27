"""The way of messages from a sensor to its subscribers: late, in order, some never."""

import numpy as np


class Transit:
    """
    One topic's way.

    :param transit_s: least time on the way.
    :param jitter_s: mean of what comes on top, exponentially distributed.
    """

    def __init__(self, transit_s: float, jitter_s: float, loss_ratio: float,
                 rng: np.random.Generator) -> None:
        self._transit_s, self._jitter_s, self._loss_ratio = transit_s, jitter_s, loss_ratio
        self._rng = rng
        self._last_ns = 0

    def arrives_ns(self, sent_ns: int) -> int | None:
        """Return when a message sent now arrives; ``None``: never."""
        if self._loss_ratio and self._rng.random() < self._loss_ratio:
            return None
        late_s = self._transit_s + (self._rng.exponential(self._jitter_s)
                                    if self._jitter_s else 0.0)
        self._last_ns = max(self._last_ns, sent_ns + round(late_s * 1e9))
        return self._last_ns


class Gaps:
    """The moments in which the network is gone; ask with instants that never go back."""

    def __init__(self, per_min: float, gap_s: float, rng: np.random.Generator,
                 begin_ns: int) -> None:
        self._mean_s = 60.0 / per_min if per_min else 0.0
        self._gap_ns, self._rng = round(gap_s * 1e9), rng
        self._from_ns = begin_ns
        self._next()

    def covers(self, now_ns: int) -> bool:
        """Tell whether nothing gets through now."""
        while self._mean_s and now_ns >= self._from_ns + self._gap_ns:
            self._from_ns += self._gap_ns
            self._next()
        return bool(self._mean_s) and now_ns >= self._from_ns

    def _next(self) -> None:
        if self._mean_s:
            self._from_ns += round(self._rng.exponential(self._mean_s) * 1e9)
