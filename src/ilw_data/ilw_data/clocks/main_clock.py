"""
The clock that a bag's stamps are of, seen from the clock it was logged by.

It is the log's own where most stamps agree with that, else the one that most of the observed
topics share, as ``/clock`` or the stamps of one topic tell it. A clock that runs back was reset,
and nothing before belongs to what comes after: the longest run between two resets is used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

APART_NS = 500_000_000
"""Ages that differ by more are no transport: the stamps come from different clocks"""
WEIGHTS = {'asof': 1.0, 'command': 0.5, 'hold': 0.1, 'other': 0.0}
"""What is observed all the time says most about whose time it is"""
_FEWEST = 3
"""Stamps in a row that make a run; fewer between two jumps are outliers"""
_PERIODS = 3.0
"""A stamp may skip this many periods, as of messages that were lost"""
_NEARLY_LOG = 0.8
"""Part of the best clock's agreement with which the log's own is preferred"""
_FOREVER_NS = 1 << 62


@dataclass(frozen=True)
class Series:
    """When the messages of one topic were logged and stamped, in the order they were logged."""

    how: str
    """``asof``, ``hold``, ``command`` or ``other``"""
    logged_ns: np.ndarray
    """(N,) int64"""
    stamps_ns: np.ndarray | None
    """(N,) int64; ``None`` for a type without a header"""
    place: np.ndarray | None = None
    """(N,) int64, rises in the order they were written; ``None``: as they were logged"""
    ran_back: bool = False
    """The log's clock ran back while they were written"""


@dataclass(frozen=True)
class MainClock:
    """A clock, told by pairs of log time and its own."""

    name: str
    """The topic that tells it; empty for the log's own clock"""
    rate: float = 1.0
    """Its seconds per second of the log"""
    begin_ns: int = -_FOREVER_NS
    """Log time from which it ran without being reset"""
    end_ns: int = _FOREVER_NS
    """Log time at which it was reset"""
    pairs: tuple[np.ndarray, np.ndarray] | None = None
    """(K,) log times, rising, and (K,) its times, never falling; int64. ``None``: it is the log"""
    resets: tuple[tuple[int, int], ...] = ()
    """Its times [ns] before and after each reset"""

    @property
    def apart_ns(self) -> int:
        """How far a stamp may be from when its message was logged."""
        return round(APART_NS * max(1.0, self.rate))

    def of_log(self, logged_ns: np.ndarray) -> np.ndarray:
        """Return log times on this clock, ``(N,)`` int64."""
        if self.pairs is None:
            return logged_ns
        logged, own = self.pairs
        since = (logged_ns - logged[0]).astype(np.float64)
        last = float(logged[-1] - logged[0])
        told = np.interp(since, (logged - logged[0]).astype(np.float64),
                         (own - own[0]).astype(np.float64))
        told += self.rate * (np.minimum(since, 0.0) + np.maximum(since - last, 0.0))
        return np.asarray(np.rint(told).astype(np.int64) + own[0])


LOG = MainClock('')


def find_main_clock(series: Mapping[str, Series], clock: Series | None) -> MainClock:
    """
    Return the clock that most of the stamps are of.

    :param series: topics by name.
    :param clock: ``/clock``, its times as stamps; ``None`` if there is none.
    """
    best, most = LOG, _agreement(LOG, series) / _NEARLY_LOG
    candidates = [('clock', clock)] if clock is not None else []
    candidates += sorted(((name, each) for name, each in series.items() if WEIGHTS[each.how] > 0.1
                          and each.stamps_ns is not None),
                         key=lambda pair: -WEIGHTS[pair[1].how])
    for name, each in candidates:
        found = _read(name, each)
        if found is not None and (agreement := _agreement(found, series)) > most * 1.02:
            best, most = found, agreement
    return best


def _agreement(clock: MainClock, series: Mapping[str, Series]) -> float:
    """Return how many of the stamps are of a clock, weighted by topic."""
    total = 0.0
    for each in series.values():
        if each.stamps_ns is not None and len(each.logged_ns):
            inside = (each.logged_ns >= clock.begin_ns) & (each.logged_ns < clock.end_ns)
            age = clock.of_log(each.logged_ns) - each.stamps_ns
            total += WEIGHTS[each.how] * float(
                (inside & (np.abs(age) <= clock.apart_ns)).mean())
    return total


def _read(name: str, series: Series) -> MainClock | None:
    """Return the clock that stamps a topic; ``None`` if too little tells."""
    stamps = series.stamps_ns
    if stamps is None:
        return None
    rows = np.flatnonzero(stamps != 0)  # an empty stamp is of no clock
    if len(rows) < _FEWEST:
        return None
    logged, own = series.logged_ns[rows], stamps[rows]
    for _ in range(2):  # once more without outliers: what they parted belongs together
        rate, ahead, back = _jumps(logged, own)
        runs = np.concatenate([[0], np.cumsum(ahead | back)])
        long = np.bincount(runs)[runs] >= _FEWEST
        if not long.any():
            return None
        logged, own = logged[long], own[long]
    rate, ahead, back = _jumps(logged, own)
    epoch = np.concatenate([[0], np.cumsum(back)])
    chosen = int(np.argmax(np.bincount(epoch)))
    starts = np.flatnonzero(back) + 1
    edges = [-_FOREVER_NS, *logged[starts].tolist(), _FOREVER_NS]
    run = np.concatenate([[0], np.cumsum(ahead | back)])
    mine = run == np.argmax(np.bincount(run[epoch == chosen]))
    order = np.unique(logged[mine], return_index=True)[1]
    return MainClock(name, rate, edges[chosen], edges[chosen + 1],
                     (logged[mine][order], np.maximum.accumulate(own[mine])[order]),
                     _pairs(own[starts - 1], own[starts]))


def _pairs(before: np.ndarray, after: np.ndarray) -> tuple[tuple[int, int], ...]:
    return tuple(zip(before.tolist(), after.tolist(), strict=True))


def _jumps(logged: np.ndarray, own: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return how fast stamps run beside the log, and where they jump ahead or back, ``(K-1,)``."""
    step, passed = np.diff(own), np.diff(logged)
    usual = float(np.median(np.abs(step))) if len(step) else 0.0
    even = (step > 0) & (step < 5.0 * usual) & (passed < 5.0 * max(1.0, np.median(passed)))
    rate = float(step[even].sum() / max(1, passed[even].sum())) if even.any() else 1.0
    rate = rate if 0.0 < rate < 1e3 else 1.0
    limit = max(APART_NS * max(1.0, rate), _PERIODS * usual)
    return rate, step - rate * passed > limit, step < -limit


def log_epochs(series: Iterable[Series]) -> np.ndarray:
    """Return the places in a file at which the log's clock ran back; mostly there are none."""
    back = [each for each in series if each.ran_back and each.place is not None
            and each.how not in ('hold', 'other')]
    if not back:
        return np.empty(0, dtype=np.int64)
    longest = max(back, key=lambda each: len(each.logged_ns))
    assert longest.place is not None
    order = np.argsort(longest.place, kind='stable')
    jumps = np.flatnonzero(np.diff(longest.logged_ns[order]) < -APART_NS) + 1
    return np.asarray(longest.place[order][jumps])
