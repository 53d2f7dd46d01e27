"""
When each message of a bag counts: one rule for stamps, other clocks, resets and latched messages.

A message counts at its header's stamp when that is of the bag's main clock. One without a header,
with an empty stamp or one of another clock (since boot, wall time among simulated time, a clock
that was set meanwhile) counts when it arrived, on the main clock. What was latched before the bag
began counts from its beginning. What is not used, or counts by its arrival, is said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Remark
from ilw_data.clocks.main_clock import (
    APART_NS,
    LOG,
    MainClock,
    Series,
    find_main_clock,
    log_epochs,
)

CLOCK, CLOCK_TYPE = 'clock', 'rosgraph_msgs/msg/Clock'
NEVER = -(1 << 62)
"""The time of a message that is not used"""
_LATCHED_NS = 86_400_000_000_000
"""A latched stamp older than the bag by more is of another clock"""
_STALE_NS = 3_600_000_000_000
"""One message older than its neighbours by less was late, as from a queue"""
_LEAP_NS = 1_500_000_000
"""One message stamped ahead by less is of a simulator's leap, and came before its /clock did"""
_STANDS_STILL = 0.2
"""Part of a topic's messages that may be sent again, late, with the stamp they had"""
_ENOUGH, _DRIFT_NS, _GROUPS = 10, 20_000_000, 20
"""Messages that tell how far another clock is off, how much it may drift, how many there may be"""
_PAUSE_NS = 1_000_000_000
"""More between two messages is a gap, which belongs to neither"""
_BEFORE_CLOCK_NS = 1_000_000_000
_CALENDAR_NS = 946_684_800_000_000_000
"""The year 2000: stamps before are since boot, or of a simulation"""


@dataclass(frozen=True)
class Times:
    """When the messages of a bag count, on its main clock."""

    counts_ns: dict[str, np.ndarray]
    """Topic -> (N,) int64; ``NEVER`` for what is not used"""
    begin_ns: int
    """The bag's beginning: nothing is known before"""
    clock: MainClock = LOG
    remarks: tuple[Remark, ...] = ()
    """What does not count at its stamp, or not at all, and why"""
    plain: bool = True
    """Every message counts at its stamp, or when it was logged"""

    def kept(self, topic: str) -> np.ndarray | None:
        """Return the rows of a topic that are used; ``None`` for all."""
        used = self.counts_ns[topic] != NEVER
        return None if used.all() else np.flatnonzero(used)


def how_used(contract: Contract) -> dict[str, str]:
    """Return how each topic of a contract is used, as ``Series.how``."""
    used = dict.fromkeys(contract.action.topics, 'command')
    for source in contract.sources:
        used[source.topic] = 'asof' if source.align.how == 'asof' else used.get(
            source.topic, 'hold')
    return used


def times_of(series: Mapping[str, Series], clock: Callable[[], Series | None]) -> Times:
    """
    Apply the rule.

    :param series: topics by name.
    :param clock: gives ``/clock``, its times as stamps; called when a stamp does not fit.
    """
    there = {name: each for name, each in series.items() if len(each.logged_ns)}
    if all(_fits_log(each) for each in there.values()) and not _logged_before_clock(there):
        counts = {name: each.logged_ns if each.stamps_ns is None or not each.stamps_ns.any()
                  else each.stamps_ns for name, each in series.items()}
        return Times(counts, _begin(there, counts, LOG))
    return _Rule(series, there, clock).apply()


def _fits_log(series: Series) -> bool:
    if series.how == 'other' or (series.stamps_ns is None and not series.ran_back):
        return True
    if series.ran_back or series.stamps_ns is None:
        return False
    age = series.logged_ns - series.stamps_ns
    return bool(age.min() >= -APART_NS and age.max() <= APART_NS)


def _logged_before_clock(series: Mapping[str, Series]) -> int:
    """Return the first log time, if messages before it were logged at 0 for want of a clock."""
    series = {name: each for name, each in series.items() if each.how != 'other'}
    if all(each.logged_ns[0] for each in series.values()):
        return 0
    later = [int(each.logged_ns[row]) for each in series.values()
             if (row := int(np.searchsorted(each.logged_ns, 0, 'right'))) < len(each.logged_ns)]
    first = min(later, default=0)
    return first if first > _BEFORE_CLOCK_NS else 0


def _begin(series: Mapping[str, Series], counts: Mapping[str, np.ndarray],
           clock: MainClock) -> int:
    """Return the first instant of which anything but a latched message is."""
    firsts = []
    for name, each in series.items():
        used = counts[name] != NEVER
        if each.how == 'hold':
            inside = used & (each.logged_ns >= clock.begin_ns)
            firsts += [int(clock.of_log(each.logged_ns[inside]).min())] if inside.any() else []
        elif each.how != 'other' and used.any():
            # A stale message among the first does not begin the bag.
            arrived = clock.of_log(each.logged_ns[used]) - clock.apart_ns
            firsts.append(int(np.maximum(counts[name][used], arrived).min()))
    return min(firsts, default=0)


class _Rule:
    """The rule where something does not fit."""

    def __init__(self, series: Mapping[str, Series], there: dict[str, Series],
                 clock: Callable[[], Series | None]) -> None:
        self._series, self._clock = series, clock
        self._counts = {name: np.full(len(each.logged_ns), NEVER, dtype=np.int64)
                        for name, each in series.items()}
        self._inside = {name: np.ones(len(each.logged_ns), dtype=bool)
                        for name, each in there.items()}
        self._there, self._remarks = there, list[Remark]()

    def apply(self) -> Times:
        self._leave_other_epochs()
        self._leave_before_clock()
        parts = {name: _part(each, self._inside[name]) for name, each in self._there.items()}
        parts = {name: each for name, each in parts.items() if len(each.logged_ns)}
        main = LOG
        if not all(_fits_log(each) for each in parts.values() if each.how != 'hold'):
            main = find_main_clock(parts, self._clock())
            self._leave_reset(main)
        for name, each in self._there.items():
            rows = np.flatnonzero(self._inside[name])
            if len(rows):
                self._counts[name][rows] = self._count(name, _part(each, self._inside[name]), main)
        begin_ns = _begin(self._there, self._counts, main)
        for name, each in self._there.items():
            if each.how == 'hold':
                self._hold(name, each, main, begin_ns)
        plain = main is LOG and not self._remarks
        return Times(self._counts, begin_ns, main, tuple(self._remarks), plain)

    def _leave_other_epochs(self) -> None:
        """Keep the longest part that was logged without the log's clock running back."""
        edges = log_epochs(self._there.values())
        if not len(edges):
            return
        epochs = {name: np.searchsorted(edges, each.place, 'right')
                  for name, each in self._there.items() if each.place is not None}
        counts = sum(np.bincount(epoch, minlength=len(edges) + 1)
                     for name, epoch in epochs.items() if self._there[name].how != 'hold')
        chosen = int(np.argmax(counts))
        for name, epoch in epochs.items():
            self._inside[name] &= epoch == chosen
        self._say_unused('the clock it was logged by ran back: the simulator was reset', epochs)

    def _leave_before_clock(self) -> None:
        first_ns = _logged_before_clock({
            name: part for name, each in self._there.items()
            if len((part := _part(each, self._inside[name])).logged_ns)})
        if not first_ns:
            return
        left = {}
        for name, each in self._there.items():
            early = each.logged_ns == 0
            if early.any():
                self._inside[name] &= ~early
                left[name] = early
        if left:
            total = sum(int(each.sum()) for each in left.values())
            self._remarks.append(Remark(
                'note', '', f'{total} messages ({", ".join(sorted(left))}) were logged at 0, '
                f'before the first /clock (then it was {first_ns / 1e9:.1f} s): they are not '
                f'used, except what holds.', total, 0.0))

    def _leave_reset(self, main: MainClock) -> None:
        if not main.resets:
            return
        for name, each in self._there.items():
            self._inside[name] &= ((each.logged_ns >= main.begin_ns)
                                   & (each.logged_ns < main.end_ns))
        went = '; '.join(f'from {a / 1e9:.1f} s back to {b / 1e9:.1f} s' for a, b in main.resets)
        self._say_unused(f'the simulator was reset (the clock of {main.name} went {went})',
                         self._inside)

    def _say_unused(self, why: str, names: Mapping[str, np.ndarray]) -> None:
        left = {name: each.logged_ns[~self._inside[name]] for name, each in self._there.items()
                if name in names and each.how not in ('hold', 'other')}
        total = sum(map(len, left.values()))
        used = [int(np.ptp(each.logged_ns[self._inside[name]]))
                for name, each in self._there.items() if self._inside[name].any()]
        seconds = max((_covered_s(self._there[name].logged_ns, self._inside[name])
                       for name in left), default=0.0)
        self._remarks.append(Remark(
            'warn', '', f'{why}; {seconds:.1f} s ({total} messages of '
            f'{", ".join(sorted(left))}) are not used, the longest part without a reset '
            f'({max(used, default=0) / 1e9:.1f} s) is.', total, seconds))

    def _count(self, name: str, part: Series, main: MainClock) -> np.ndarray:
        arrived = main.of_log(part.logged_ns)
        if part.stamps_ns is None:
            if main is not LOG and part.how != 'other':
                self._remarks.append(Remark(
                    'note', name, f'{name}: its {len(arrived)} messages have no stamp: they count '
                    f'from when they arrived, brought to the clock of {main.name}.',
                    len(arrived), 0.0))
            return arrived
        age = arrived - part.stamps_ns
        fits, stale, group = _fits(age, part, main)
        counts = np.where(fits | stale, part.stamps_ns, arrived)
        _keep_pace(counts, ~(fits | stale) & (part.stamps_ns != 0), part.stamps_ns, age, group)
        if main.resets:
            # What came around a reset with the other side's stamp belongs there.
            near = ((part.logged_ns > main.end_ns - APART_NS)
                    | (part.logged_ns < main.begin_ns + APART_NS))
            counts = np.where(near & ~fits, NEVER, counts)
        if part.how != 'other':
            self._say_moved(name, part, ~(fits | stale) & (counts != NEVER), age, main)
        return counts

    def _say_moved(self, name: str, part: Series, moved: np.ndarray, age: np.ndarray,
                   main: MainClock) -> None:
        stamps = part.stamps_ns
        assert stamps is not None
        whose = f'the clock of {main.name}' if main.name else "the recorder's clock"
        for rows, what in ((moved & (stamps == 0), 'have an empty stamp'),
                           (moved & (stamps != 0), '')):
            count = int(rows.sum())
            if not count or self._is_latched(part, rows, age):
                continue
            seconds = _covered_s(part.logged_ns, ~rows)
            what = what or _other_clock(float(np.median(age[rows])), int(stamps[rows][0]), main)
            over = f', {seconds:.1f} s of it,' if count < len(rows) else ''
            self._remarks.append(Remark(
                'note' if part.how == 'hold' or not stamps.any() else 'warn', name,
                f'{name}: {count} of {len(rows)} messages{over} {what}: they count from when they '
                f'arrived, on {whose}. Stamp them with the clock of the others to make it exact.',
                count, seconds))

    def _is_latched(self, part: Series, rows: np.ndarray, age: np.ndarray) -> bool:
        return (part.how == 'hold' and bool(rows[0]) and rows.sum() == 1
                and 0 < age[0] < _LATCHED_NS and part.stamps_ns is not None
                and bool(part.stamps_ns[0]))

    def _hold(self, name: str, each: Series, main: MainClock, begin_ns: int) -> None:
        """Let what was latched before the bag, or before the part used, count from its begin."""
        inside, counts = self._inside[name], self._counts[name]
        place = each.logged_ns if each.place is None else each.place
        before = ~inside & (place <= (place[inside].min() if inside.any() else place.max()))
        if main.begin_ns > int(each.logged_ns[0]):
            before &= each.logged_ns < main.begin_ns
        if before.any():
            newest = np.flatnonzero(before)[int(np.argmax(place[before]))]
            counts[newest] = begin_ns
        elif inside.any() and each.stamps_ns is not None:
            first = int(np.flatnonzero(inside)[0])
            old_ns = begin_ns - int(each.stamps_ns[first])
            if 0 < old_ns < _LATCHED_NS and each.stamps_ns[first]:
                counts[first] = each.stamps_ns[first]


def _part(series: Series, rows: np.ndarray) -> Series:
    if rows.all():
        return replace(series, ran_back=False)
    return Series(series.how, series.logged_ns[rows],
                  None if series.stamps_ns is None else series.stamps_ns[rows],
                  None if series.place is None else series.place[rows])


def _keep_pace(counts: np.ndarray, moved: np.ndarray, stamps: np.ndarray, age: np.ndarray,
               group: np.ndarray) -> None:
    """Let stamps of another clock that runs evenly beside tell the pace: arrivals jitter."""
    groups, sizes = np.unique(group[moved], return_counts=True)
    for number in groups[sizes >= _ENOUGH][:_GROUPS]:
        rows = np.flatnonzero(moved & (group == number))
        ages, third = age[rows], len(rows) // 3
        drift = np.median(ages[:third] - ages[0]) - np.median(ages[-third:] - ages[0])
        if abs(drift) < _DRIFT_NS and (np.diff(stamps[rows]) > 0).all():
            counts[rows] = stamps[rows] + np.sort(ages)[len(rows) // 100]


def _fits(age: np.ndarray, part: Series,
          main: MainClock) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Tell which stamps are of the main clock, and which are but come from a message that was late;
    stamps that are off by about as much are of one group.

    A burst after a silence is late by less and less, and a message sent again has the stamp it
    had; a stamp of another clock is off by as much as its neighbours, and one that stands still
    for much of a bag is of none.
    """
    stamps, limit = part.stamps_ns, main.apart_ns
    assert stamps is not None
    within = np.abs(age) <= limit
    group = np.zeros(len(age), dtype=np.int64)
    if within.all():
        return within, np.zeros_like(within), group
    again = np.concatenate([[False], np.diff(stamps) == 0])
    told = stamps != 0
    if part.how != 'hold' and (again & ~within).mean() > _STANDS_STILL:
        told &= ~again
        within &= ~again
    order = np.argsort(age, kind='stable')
    step = float(np.median(np.abs(np.diff(stamps)))) if len(stamps) > 1 else 0.0
    step = step if step < 60e9 else 0.0
    group[order] = np.concatenate(
        [[0], np.cumsum(np.diff(age[order]) > max(limit, 2.5 * step))])
    reaches = np.zeros(len(age), dtype=bool)
    reaches[group[within]] = True
    fits = within | (reaches[group] & told & (age > 0))
    ahead = np.pad(age < -limit, 1)
    leads = ahead[1:-1] & ~ahead[:-2] & ~ahead[2:] & (age >= -_LEAP_NS)
    fits |= leads & within.any() & told
    if part.how == 'hold':
        return fits, np.zeros_like(fits), group
    lone = np.bincount(group, minlength=len(age))[group] == 1
    stale = ~fits & lone & (age > 0) & (age < _STALE_NS) & (stamps != 0) & within.any()
    return fits, stale, group


def _other_clock(age_ns: float, stamp_ns: int, main: MainClock) -> str:
    off = f'{abs(age_ns) / 1e9:.3g} s {"behind" if age_ns > 0 else "ahead"}'
    simulated = main.pairs is not None and int(main.pairs[1][0]) < _CALENDAR_NS
    if simulated and stamp_ns >= _CALENDAR_NS:
        return 'are stamped in wall time among simulated time'
    if not simulated and stamp_ns < _CALENDAR_NS:
        return f'are stamped by another clock, since boot or simulated ({stamp_ns / 1e9:.1f} s)'
    return f'are stamped by another clock ({off})'


def _covered_s(logged_ns: np.ndarray, without: np.ndarray) -> float:
    """Return for how long the messages that are not in ``without`` came."""
    if len(logged_ns) < 2:
        return 0.0
    usual_ns = int(np.median(np.diff(logged_ns)))
    step = np.diff(logged_ns, append=logged_ns[-1:] + usual_ns)
    step = np.where(step > max(_PAUSE_NS, 3 * usual_ns), usual_ns, step)
    return float(step[~without].sum() / 1e9)
