"""How regularly one topic comes, and how old it is when it does."""

from collections import deque
import math

import numpy as np

WINDOW_NS = 3_000_000_000
"""What is said is about the last 3 s: thirty messages of a 10 Hz lidar"""
_ENOUGH_NS = 1_000_000_000
"""Of a topic that was heard for the first time: before, its rate is anybody's guess"""


class TopicPulse:
    """The messages of the last seconds of one topic."""

    def __init__(self) -> None:
        self._arrivals: deque[int] = deque()
        self._delays_ns: deque[int] = deque()
        self.stamped = True
        """The newest message bore a time"""
        self._first_ns: int | None = None

    @property
    def heard(self) -> bool:
        """Whether anything came, ever."""
        return self._first_ns is not None

    def take(self, stamp_ns: int | None, arrived_ns: int, mono_ns: int) -> None:
        """
        Note a message.

        :param stamp_ns: of its header; None for a type without one.
        :param arrived_ns: on the clock of the stamps; ``mono_ns``: on the one that never jumps.
        """
        if self._first_ns is None:
            self._first_ns = mono_ns
        self.stamped = stamp_ns is None or stamp_ns > 0
        self._arrivals.append(mono_ns)
        self._delays_ns.append(0 if stamp_ns is None else arrived_ns - stamp_ns)
        while self._arrivals[0] < mono_ns - WINDOW_NS:
            self._arrivals.popleft()
            self._delays_ns.popleft()

    def rate_hz(self, since_ns: int, mono_ns: int) -> float:
        """
        Return how often it came within the window; infinite while that cannot be told yet.

        :param since_ns: when listening began. How long it then took to find the topic on the graph
            says nothing about its rate.
        """
        if self._first_ns is not None:
            if mono_ns - self._first_ns < _ENOUGH_NS:
                return math.inf
            since_ns = max(since_ns, self._first_ns)
        begin_ns = max(since_ns, mono_ns - WINDOW_NS)
        recent = sum(at > begin_ns for at in self._arrivals)
        return recent * 1e9 / max(1, mono_ns - begin_ns)

    def silent_ratio(self, tolerance_ns: int, mono_ns: int) -> float:
        """Return the part of the window in which the newest message was too old to be used."""
        recent = [at for at in self._arrivals if at >= mono_ns - WINDOW_NS]
        gaps = np.diff([*recent, mono_ns]) if recent else np.array([WINDOW_NS])
        return float(np.maximum(0, gaps - tolerance_ns).sum() / WINDOW_NS)

    def delay_s(self) -> tuple[float, float]:
        """Return the median age on arrival and its spread (5 % to 95 %) [s]; 0, 0 without any."""
        if not self._delays_ns:
            return 0.0, 0.0
        # Differences first: nanoseconds since 1970 do not fit a float.
        low, middle, high = np.percentile(np.array(self._delays_ns, dtype=np.int64), [5, 50, 95])
        return float(middle) / 1e9, float(high - low) / 1e9
