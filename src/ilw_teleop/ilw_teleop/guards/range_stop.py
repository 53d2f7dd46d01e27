"""Keep measured numbers within their ranges: joints, and the box that a tool may not leave."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
import math

import numpy as np

from ilw_core.contract.safety import RangeSpec


class RangeStop:
    """
    Slows speeds so that what they move comes to rest within its range.

    :param ranges: what is kept, and the field of the action that is its speed.
    :param period_ns: between two decisions. A command is obeyed up to two of them later, and for
        up to two of them, so what was sent lately is still on its way.
    """

    overridable = False

    def __init__(self, ranges: Sequence[RangeSpec], period_ns: int) -> None:
        self._ranges, self._late_ns = ranges, 2 * period_ns
        self._sent: deque[tuple[int, np.ndarray]] = deque()
        self._seen: dict[str, tuple[float, int]] = {}
        self.why: dict[str, str] = {}
        """Reason -> a sentence"""

    def see(self, name: str, value: float, mono_ns: int) -> None:
        """Take in an observed number; NaN is not known."""
        if math.isfinite(value):
            self._seen[name] = value, mono_ns
        else:
            self._seen.pop(name, None)

    def slow(self, action: np.ndarray, mono_ns: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """
        Return the action, ``(Da,)``, with speeds that can still be braked in time.

        :returns: also ``'range_end'`` where it is slower, and ``'unmeasured'`` where a speed is
            none since nobody says where it leads.
        """
        slowed, reasons = action, []
        for spec in self._ranges:
            wanted = float(action[spec.field])
            value, at_ns = self._seen.get(spec.of, (math.nan, mono_ns))
            age_ns = mono_ns - at_ns
            if math.isnan(value) or not 0 <= age_ns <= spec.max_age_ns:
                allowed, reason = 0.0, 'unmeasured'
                self.why[reason] = (f'{spec.of} was not heard within {spec.max_age_ns / 1e6:g} '
                                    f'ms, so nobody knows where its speed leads.')
            else:
                room = spec.high - value if wanted > 0.0 else value - spec.low
                way, speed = self._under_way(spec, math.copysign(1.0, wanted), at_ns, mono_ns)
                fastest = _fastest(room - way, speed, spec.deceleration, self._late_ns / 1e9)
                allowed, reason = min(max(wanted, -fastest), fastest), 'range_end'
            if allowed != wanted and wanted != 0.0:
                slowed = slowed.copy() if slowed is action else slowed
                slowed[spec.field] = allowed
                reasons.append(reason)
        return slowed, tuple(dict.fromkeys(reasons))

    def sent(self, action: np.ndarray, mono_ns: int) -> None:
        """Take in what was applied."""
        if self._sent and mono_ns < self._sent[-1][0]:
            self._sent.clear()
        while len(self._sent) > 1 and all(
                self._rests_ns(spec, *self._sent[0]) < mono_ns - spec.max_age_ns
                for spec in self._ranges):
            self._sent.popleft()
        self._sent.append((mono_ns, action.copy()))

    def _rests_ns(self, spec: RangeSpec, sent_ns: int, action: np.ndarray) -> float:
        """Return when what was sent is surely obeyed and braked again."""
        brake_s = abs(float(action[spec.field])) / spec.deceleration
        return sent_ns + 2 * self._late_ns + 1e9 * brake_s

    def _under_way(self, spec: RangeSpec, sign: float, at_ns: int,
                   mono_ns: int) -> tuple[float, float]:
        """
        Return the way that what was sent may still go, and the speed it may end with.

        At any time the robot is no faster than what was sent so long before, or than what it
        brakes from.

        :param sign: the direction that counts.
        :param at_ns: when it was measured where the robot is.
        """
        since_ns, way, speed = at_ns - self._late_ns, 0.0, 0.0
        ends = [*(sent_ns for sent_ns, _ in islice(self._sent, 1, None)), mono_ns]
        for (begin_ns, action), end_ns in zip(self._sent, ends, strict=False):
            told = max(0.0, sign * float(action[spec.field]))
            for until_ns in (min(max(since_ns, begin_ns), end_ns), end_ns):
                lasts_s = (until_ns - begin_ns) / 1e9
                if begin_ns >= since_ns:
                    way += _way(told, speed, spec.deceleration, lasts_s)
                speed = max(told, speed - spec.deceleration * lasts_s)
                begin_ns = until_ns
        return way, speed

    def leap(self, mono_ns: int) -> None:
        """Forget what was measured on the clock before."""
        self._seen.clear()
        self._sent.clear()


def _way(told: float, before: float, deceleration: float, lasts_s: float) -> float:
    """Return how far it goes at most at a speed, braking to it from the one before."""
    braking_s = min(max(before - told, 0.0) / deceleration, lasts_s)
    return told * lasts_s + braking_s * (before - told - 0.5 * deceleration * braking_s)


def _fastest(room: float, before: float, deceleration: float, after_s: float) -> float:
    """
    Return the highest speed from which there is rest within a way.

    The way is ``speed * after_s`` until it brakes, and then that of braking from this speed or,
    where that is higher, from the one before.
    """
    slack = deceleration * after_s
    speed = math.sqrt(slack * slack + 2.0 * deceleration * max(room, 0.0)) - slack
    if speed >= before:
        return speed
    return max(0.0, room - before * before / (2.0 * deceleration)) / after_s
