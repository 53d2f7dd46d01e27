"""
Whose clock a stamp is of: commands and sensors brought onto the odometry's clock.

A recorder logs every message by its own clock, which ties the others together. A message cannot
arrive before it was stamped, so a negative age proves that two clocks differ; a large age may be a
slow way as well, and is only told.
"""

from dataclasses import dataclass

import numpy as np

from ilw_data.bag.reader import BagTopic

_OTHER_CLOCK_S = 0.5
"""Ages that differ by more are no transport: the stamps come from different clocks"""
_EARLY_S = 0.02
"""Arriving earlier than this before the stamp is a clock that is off, not one that NTP holds"""
_SLOW_S = 0.05
_REPEATS = 0.05
_BY_STAMP_S, _BY_LOG_S = 0.002, 0.005
"""How exactly each tells when a command was sent, on average: timers, and transport"""
_OTHER_RATE = 0.01
_RATE_NEEDS_S = 5.0


@dataclass(frozen=True)
class Clock:
    """The odometry's clock, seen from the log's."""

    rate: float
    """Odometry's seconds per second of the log; 1 unless a simulation ran slower or faster"""
    logged_zero_ns: int
    """Log time at which the odometry's clock showed its zero, if the quickest took no time"""
    age_s: float
    """Median age of odometry when it was logged, beyond the quickest"""
    quickest_s: float
    """Log time less stamp of the quickest message: transport and clock offset together"""
    pairs: np.ndarray
    """(2, K) log times [s from ``logged_zero_ns``] and stamps [s] of odometry, both rising"""
    findings: list[str]

    def of_log(self, logged_ns: np.ndarray) -> np.ndarray:
        """Return log times on the odometry's clock [s]."""
        logged_s = (logged_ns - self.logged_zero_ns) * 1e-9
        if self.rate == 1.0:
            return logged_s
        # A simulation does not run evenly: what odometry showed just then tells the time.
        first, last = self.pairs[0, [0, -1]]
        inside = np.interp(logged_s, *self.pairs)
        return (inside + self.rate * np.minimum(logged_s - first, 0.0)
                + self.rate * np.maximum(logged_s - last, 0.0))


def read_clock(odometry: BagTopic, zero_ns: int) -> Clock:
    """Tie the odometry's clock, whose zero is ``zero_ns``, to the log's."""
    stamp_s = (odometry.stamps_ns - zero_ns) * 1e-9
    first_ns = int(odometry.logged_ns[0])
    logged_s = (odometry.logged_ns - first_ns) * 1e-9
    rate, findings = 1.0, []
    if np.ptp(stamp_s) > _RATE_NEEDS_S and np.ptp(logged_s) > 0.0:
        slope = float(np.polyfit(logged_s, stamp_s, 1)[0])
        if abs(slope - 1.0) > _OTHER_RATE:
            rate = slope
            findings.append(f'The stamps run at {slope:.2f} of the speed of the log: this was '
                            'recorded from a simulation or a replay. All figures are in the '
                            "stamps' seconds.")
    ahead_s = logged_s * rate - stamp_s
    # The quickest percent, not the one quickest: clocks of computers jitter, too.
    least_s = float(np.percentile(ahead_s, 1.0))
    zero_logged_ns = first_ns + round(least_s / rate * 1e9)
    pairs = np.maximum.accumulate(np.stack(
        [(odometry.logged_ns - zero_logged_ns) * 1e-9, stamp_s]), axis=1)
    return Clock(rate, zero_logged_ns, float(np.median(ahead_s)) - least_s,
                 (zero_logged_ns - zero_ns) * 1e-9, pairs, findings)


def command_stamps(command: BagTopic, clock: Clock,
                   zero_ns: int) -> tuple[np.ndarray, float, list[str]]:
    """
    Return when each command was sent, on the odometry's clock [s], how sure that is on average
    [s], and what had to be mended.

    Stamps count where they are there and tell of sending; else the time of logging does.
    """
    logged_s = clock.of_log(command.logged_ns)
    if 'header.stamp.sec' not in command.fields or not any(
            command.fields.column(f'header.stamp.{part}').any() for part in ('sec', 'nanosec')):
        return logged_s, _BY_LOG_S, [
            'The commands have no stamps: delay_s counts from their arrival at the recorder. '
            'Stamped commands (TwistStamped) would make it exact.']
    stamp_s = (command.stamps_ns - zero_ns) * 1e-9
    age_s = float(np.median(logged_s - stamp_s))
    if abs(age_s) > _OTHER_CLOCK_S:
        return logged_s, _BY_LOG_S, [
            f'The stamps of the commands are {abs(age_s):.3g} s '
            f'{"behind" if age_s > 0 else "ahead of"} those of odometry: two clocks. '
            "delay_s counts from the commands' arrival at the recorder. Synchronise the clocks "
            '(chrony) and record again to make it exact.']
    again = float(np.mean(np.diff(command.stamps_ns) == 0))
    if again > _REPEATS:
        return logged_s, _BY_LOG_S, [
            f'{again:.0%} of the commands repeat the stamp of the one before, so stamps do not '
            'tell when they were sent: delay_s counts from their arrival at the recorder. Stamp '
            'each command when it is sent.']
    findings, moved = [], 0.0
    if clock.rate == 1.0:
        own_s = float(np.percentile(command.logged_ns - command.stamps_ns, 1.0)) * 1e-9
        findings += _offset(own_s, clock.quickest_s)
        moved = _correction(own_s, clock.quickest_s)
        stamp_s = stamp_s + moved
    return stamp_s, _BY_STAMP_S if moved == 0.0 else _BY_LOG_S, findings


def _correction(own_s: float, odometry_s: float) -> float:
    """Return what to add to the commands' stamps, where a clock is proven to be off."""
    early = [each if each < -_EARLY_S else 0.0 for each in (own_s, odometry_s)]
    return early[0] - early[1]


def _offset(own_s: float, odometry_s: float) -> list[str]:
    found = []
    for what, age_s in (('commands', own_s), ('odometry', odometry_s)):
        if age_s < -_EARLY_S:
            found.append(f'The stamps of the {what} are at least {-1e3 * age_s:.0f} ms ahead of '
                         "the recorder's clock: they were moved back by that. The transport, some "
                         'ms, is not known apart from it. Synchronise the clocks (chrony).')
    if odometry_s > own_s + _SLOW_S and odometry_s > 0.0:
        found.append(f'Odometry is at least {1e3 * odometry_s:.0f} ms old when it arrives: a slow '
                     'way, or its clock is behind. If it is the clock, delay_s is larger by that. '
                     'Compare the two clocks (chronyc tracking) on the robot.')
    return found
