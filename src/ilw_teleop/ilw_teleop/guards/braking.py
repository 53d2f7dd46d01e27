"""
How far a robot still goes, whatever it is told now.

The robot brakes at least as hard as the contract says and obeys each command at most one period
late, so for that period the commands sent before still count.
"""

from collections import deque
import math

_STEPS = 24
"""Halvings: to a ten-millionth of the fastest speed"""


class Braking:
    """
    Follows what was sent; knows how fast the robot may still be.

    :param deceleration_mps2: it surely brakes as hard as this.
    :param late_s: it obeys at most so late; also the time until the next command.
    :param memory_ns: for so long it knows how far the robot went.
    """

    def __init__(self, deceleration_mps2: float, late_s: float, memory_ns: int = 0) -> None:
        self._brake, self._late_s, self._memory_ns = deceleration_mps2, late_s, memory_ns
        self._gone: deque[tuple[int, float]] = deque()
        """Time, and how far the robot can have gone by then"""
        self._sent: deque[tuple[int, float]] = deque()
        self._speed, self._now_ns = 0.0, 0
        self._still: tuple[float, float] | None = None
        """Way and last speed of the period that is lost already; ``None``: to be found again"""

    def sent(self, speed_mps: float, mono_ns: int) -> None:
        """Note a command, forward or backward."""
        self.pass_time(mono_ns)
        self._sent.append((mono_ns, abs(speed_mps)))
        self._still = None

    def forget(self) -> None:
        """The robot stands, as after a reset of the simulator."""
        self._sent.clear()
        self._gone.clear()
        self._speed, self._still = 0.0, None

    def pass_time(self, mono_ns: int) -> None:
        """Go on to now."""
        elapsed_s = max(0, mono_ns - self._now_ns) / 1e9
        before, obeyed = self._speed, self._obeyed()
        self._speed = max(obeyed, before - self._brake * elapsed_s)
        self._go(max(obeyed, before) * elapsed_s, mono_ns)
        self._now_ns = mono_ns
        oldest_ns = mono_ns - round(self._late_s * 1e9)
        # What was sent before the oldest instant counts until the next one was sent.
        while len(self._sent) > 1 and self._sent[1][0] <= oldest_ns:
            self._sent.popleft()
        self._still = None

    def gone_m(self, since_ns: int) -> float:
        """Return how far the robot has gone at most since then, or since it is remembered."""
        last = self._gone[-1][1] if self._gone else 0.0
        known = [gone for at_ns, gone in self._gone if at_ns <= since_ns]
        return last - (known[-1] if known else self._gone[0][1] if self._gone else 0.0)

    def way_m(self, speed_mps: float) -> float:
        """Return how far it goes at most if it is told this speed now and to stop next time."""
        if self._still is None:
            self._still = self._slowing(self._speed, self._obeyed())
        still, before = self._still
        after, then = self._slowing(before, abs(speed_mps))
        return still + after + then ** 2 / (2.0 * self._brake)

    def fastest_mps(self, way_m: float) -> float:
        """Return the highest speed from which it stops within a way; 0 where none is."""
        low, high = 0.0, math.sqrt(2.0 * self._brake * max(0.0, way_m))
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.way_m(middle) <= way_m else (low, middle)
        return low

    def _go(self, way_m: float, mono_ns: int) -> None:
        if self._gone and mono_ns < self._gone[-1][0]:
            self._gone.clear()
        so_far = self._gone[-1][1] if self._gone else 0.0
        self._gone.append((mono_ns, so_far + way_m))
        while len(self._gone) > 2 and self._gone[1][0] <= mono_ns - self._memory_ns:
            self._gone.popleft()

    def _slowing(self, speed_mps: float, told_mps: float) -> tuple[float, float]:
        """Return (way, last speed) of one period; it may speed up at once, and slows steadily."""
        if told_mps >= speed_mps:
            return told_mps * self._late_s, told_mps
        braked_s = min(self._late_s, (speed_mps - told_mps) / self._brake)
        last = speed_mps - self._brake * braked_s
        return (0.5 * (speed_mps + last) * braked_s + last * (self._late_s - braked_s)), last

    def _obeyed(self) -> float:
        return max((speed for _, speed in self._sent), default=0.0)
