"""
What a lidar's scan says: of each beam, and whether the scan is evidence of anything at all.

The one place that decides this: features, the arbiter's look ahead, preflight, the doctor and
identification ask here. What was not measured is never free.
"""

from functools import lru_cache
import math
from typing import Any, NamedTuple

import numpy as np

from ilw_core.features.lidar_spec import PLAIN, LidarSpec

NOTHING, FREE, DISTANCE, TOO_NEAR = np.arange(4, dtype=np.int8)
"""
What a beam says: nothing at all; it met nothing; how far it got; it met something nearer than the
lidar measures
"""
MAX_BEAMS = 100_000
"""A scan of more is no scan; the densest lidars have a tenth of it"""
FARTHEST_M = 300.0
"""No lidar of a robot reaches further; in centimetres, most would seem to"""
MIN_BEAMS = 4
_STEP_RAD = 1e-5, 1.6
"""Between two beams: a thousandth of what real ones have, and four beams a turn"""
_MAX_LOW_M = 1.0
"""The largest ``range_min`` of real lidars"""
_LEAST_KNOWN, _LEAST_SURE = 0.5, 0.05
"""Parts of the beams in view: that say anything; that say it by a value no dead lidar sends"""
_SLACK = 1.01
"""Some drivers round ``range_max``"""
_SPAN_RAD = 0.1


class ScanGeometry(NamedTuple):
    """What the driver says of a scan beside its ranges."""

    beams: int
    angle_min: float
    increment: float
    range_min: float
    range_max: float
    angle_max: float | None = None
    """``None``: nobody says so"""

    @classmethod
    def of(cls, scan: Any) -> 'ScanGeometry':
        """Return that of a ``LaserScan``, or of an object with its fields."""
        return cls(len(scan.ranges), scan.angle_min, scan.angle_increment, scan.range_min,
                   scan.range_max, scan.angle_max)


def beams(ranges: np.ndarray, range_min: float | np.ndarray, range_max: float | np.ndarray,
          spec: LidarSpec = PLAIN) -> np.ndarray:
    """
    Return what each beam says.

    :param ranges: ``(..., L)`` metres, as in ``sensor_msgs/LaserScan.ranges``.
    :param range_min: one number, or one per scan, ``(..., 1)``; ``range_max`` likewise.
    :returns: ``(..., L)`` int8 of ``FREE``, ``DISTANCE``, ``TOO_NEAR``, ``NOTHING``.
    """
    with np.errstate(over='ignore'):
        ranges = np.asarray(ranges, dtype=np.float32)  # as wide as in the message, all three
        low, high = (np.asarray(limit, dtype=np.float32) for limit in (range_min, range_max))
        most = high * np.float32(_SLACK)
    ahead, free = ranges > 0.0, ranges == np.inf
    kinds: np.ndarray = (  # of these three at most one is true
        FREE * free + DISTANCE * (ahead & (ranges >= low) & (ranges <= most) & ~free)
        + TOO_NEAR * ((ahead & (ranges < low) & ~free) | (ranges == -np.inf)))
    if spec.no_return == 'zero':
        kinds[ranges == 0.0] = FREE
    elif spec.no_return == 'nan':
        kinds[np.isnan(ranges)] = FREE
    elif spec.no_return == 'max':
        kinds[np.isfinite(ranges) & (ranges >= high)] = FREE
    return kinds


def read_beams(ranges: np.ndarray, geometry: ScanGeometry, spec: LidarSpec = PLAIN) -> np.ndarray:
    """Return what each beam says, ``(..., L)``: ``NOTHING`` outside what the lidar sees."""
    kinds = beams(ranges, geometry.range_min, geometry.range_max, spec)
    if spec.sees_rad is not None:
        kinds[..., ~_in_view(geometry, spec)] = NOTHING
    return kinds


def is_evidence(ranges: np.ndarray, geometry: ScanGeometry, spec: LidarSpec = PLAIN,
                kinds: np.ndarray | None = None) -> np.ndarray:
    """
    Tell which of scans ``(..., L)`` of one geometry show anything, ``(...)`` bool.

    :param kinds: ``read_beams`` of them, where that is known already.
    """
    if why_no_geometry(geometry, spec):
        return np.zeros(np.shape(ranges)[:-1], dtype=bool)
    kinds = read_beams(ranges, geometry, spec) if kinds is None else kinds
    return _lacks(ranges, kinds, geometry, spec) == 0


def why_no_evidence(ranges: np.ndarray, geometry: ScanGeometry, spec: LidarSpec = PLAIN,
                    kinds: np.ndarray | None = None) -> str:
    """
    Return why a scan shows nothing: the rule, what was got, what to do; empty where it does.

    :param ranges: ``(L,)`` metres.
    :param kinds: ``read_beams`` of it, where that is known already.
    """
    if why := why_no_geometry(geometry, spec):
        return why
    kinds = read_beams(ranges, geometry, spec) if kinds is None else kinds
    lack = int(_lacks(ranges, kinds, geometry, spec))
    if not lack:
        return ''
    ranges = np.asarray(ranges, dtype=np.float64)
    ranges = ranges if spec.sees_rad is None else ranges[_in_view(geometry, spec)]
    finite = ranges[np.isfinite(ranges) & (ranges > 0.0)]
    middle = float(np.median(finite)) if len(finite) else 0.0
    beyond = float(np.mean(finite > _SLACK * geometry.range_max)) if len(finite) else 0.0
    if lack == 3 or middle > FARTHEST_M:
        return _not_metres(middle, geometry.range_max)
    if beyond > 0.5:
        return (f'{beyond:.0%} of its ranges are beyond range_max ({geometry.range_max:g} m), the '
                f'middle one is {middle:g}: another unit, or its way to say "no return"? Correct '
                f'the driver, or declare lidar.no_return: max in the robot profile.')
    found = unread(ranges, geometry, spec, least=0.25)
    if not len(finite) and not np.any(np.isinf(ranges)):
        return ' '.join(['sees nothing: every range is 0 or NaN. Is the lens covered, or the '
                         'lidar still starting?', *found[:1]])
    if found:
        return found[0]
    near = float(np.mean(kinds == TOO_NEAR))
    return (f'at least {_LEAST_KNOWN:.0%} of its beams must measure something, '
            f'{_LEAST_SURE:.0%} of them a distance. Too near are {near:.0%}. Is the lens covered? '
            f'If it does not look all round, declare lidar.sees_rad in the robot profile.')


def unread(ranges: np.ndarray, geometry: ScanGeometry, spec: LidarSpec = PLAIN, *,
           least: float = 0.1) -> list[str]:
    """
    Return which values that may mean "no return" nobody has declared, a sentence each.

    :param least: part of the beams ``(..., L)`` that must say so.
    """
    ranges, found = np.asarray(ranges), []
    beyond = np.isfinite(ranges) & (ranges > _SLACK * geometry.range_max)
    for word, got, says in (('zero', '0', ranges == 0.0), ('nan', 'NaN', np.isnan(ranges)),
                            ('max', 'more than range_max', beyond)):
        share = np.mean(says) if ranges.size else 0.0
        if share >= least and spec.no_return != word:
            found.append(f'{share:.0%} of its beams say {got}, which is no distance. If it says '
                         f'"no return" so, and never that something is too near, declare '
                         f'lidar.no_return: {word} in the robot profile; else correct the driver.')
    return found


@lru_cache(maxsize=256)
def why_no_geometry(g: ScanGeometry, spec: LidarSpec = PLAIN) -> str:
    """Return why beams of this geometry cannot be a scan's, a sentence; empty where they can."""
    if not g.beams:
        return 'has no beams. Is the lidar turning? Look at the driver.'
    if not MIN_BEAMS <= g.beams <= MAX_BEAMS:
        return (f'must have {MIN_BEAMS} to {MAX_BEAMS} beams. Got {g.beams}. Look at the driver.')
    step, last = abs(g.increment), g.angle_min + g.increment * (g.beams - 1)
    end = last if g.angle_max is None else g.angle_max
    farthest = max(abs(g.angle_min), abs(end))
    if not farthest <= 2.0 * math.pi + _SPAN_RAD:  # true for NaN, too
        return (f'its angles must be radians within a turn. Got {g.angle_min:g} to {end:g}: '
                f'degrees? Correct the driver.')
    # Some drivers leave out, or count twice, the beam where the circle closes.
    if not (_STEP_RAD[0] <= step <= _STEP_RAD[1] and abs(end - last) <= 2.5 * step
            and step * (g.beams - 1) <= 2.0 * math.pi + max(_SPAN_RAD, 2.5 * step)):
        return (f'its {g.beams} beams, {g.increment:g} rad apart, do not reach from '
                f'{g.angle_min:g} to {end:g}. Correct the driver.')
    if not (math.isfinite(g.range_min) and 0.0 <= g.range_min < g.range_max):
        return (f'range_min must be below range_max, both not negative. Got {g.range_min:g} and '
                f'{g.range_max:g}. Correct the driver.')
    if g.range_min > _MAX_LOW_M or FARTHEST_M < g.range_max < math.inf:
        return _not_metres(None, g.range_max)
    if spec.sees_rad is not None:
        wide = spec.sees_rad[1] - spec.sees_rad[0]
        seen = step * (int(np.count_nonzero(_in_view(g, spec))) - 1)
        if seen < wide - 2.5 * step - _SPAN_RAD / 2:
            return (f'must see {spec.sees_rad[0]:g} to {spec.sees_rad[1]:g} rad, as the robot '
                    f'profile says (lidar.sees_rad). It reaches from {g.angle_min:g} to '
                    f'{last:g}. Correct one of them.')
    return ''


def why_another(before: ScanGeometry, now: ScanGeometry) -> str:
    """Return how a scan contradicts the one before it, a sentence; empty where it does not."""
    step = 3.0 * max(abs(before.increment), abs(now.increment))
    ends = [(g.angle_min, g.angle_min + g.increment * (g.beams - 1)) for g in (before, now)]
    if not 0.75 <= now.beams / before.beams <= 1.33:
        what = f'{before.beams} beams, then {now.beams}'
    elif any(abs(a - b) > step for a, b in zip(*ends, strict=True)):
        what = f'{ends[0][0]:.3g} to {ends[0][1]:.3g} rad, then {ends[1][0]:.3g} to ' \
               f'{ends[1][1]:.3g}'
    elif not (_close(before.range_min, now.range_min) and _close(before.range_max, now.range_max)):
        what = f'ranges of {before.range_min:g} to {before.range_max:g} m, then ' \
               f'{now.range_min:g} to {now.range_max:g}'
    else:
        return ''
    return (f'must go on as it began. It had {what}. Do two drivers send on this topic? Wait, or '
            f'correct the driver.')


def _close(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= 1e-3 * max(abs(a), abs(b))


def _not_metres(middle: float | None, range_max: float) -> str:
    got = '' if middle is None else f'The middle one is {middle:g}, '
    return f'its ranges must be metres. {got}range_max {range_max:g}: millimetres? Correct ' \
           f'the driver.'


def _lacks(ranges: np.ndarray, kinds: np.ndarray, geometry: ScanGeometry,
           spec: LidarSpec) -> np.ndarray:
    """Return what each scan lacks: 0 nothing, 1 beams that say anything, 2 sure ones, 3 metres."""
    ranges = np.asarray(ranges)
    count = kinds.shape[-1]
    if spec.sees_rad is not None:
        count = np.count_nonzero(_in_view(geometry, spec))
    sure = (kinds == DISTANCE) | ((kinds == FREE) & (ranges == np.inf))
    known, sure = (np.add.reduce(says, axis=-1, dtype=np.uint32)
                   for says in (kinds != NOTHING, sure))
    lack = np.where(known < _LEAST_KNOWN * count, 1,
                    np.where(sure < max(1.0, _LEAST_SURE * count), 2, 0))
    if geometry.range_max > FARTHEST_M:
        there = np.where(kinds == DISTANCE, ranges, np.nan)
        some = (kinds == DISTANCE).any(axis=-1)
        middle = np.nanmedian(np.where(some[..., None], there, 0.0), axis=-1)
        lack = np.where(middle > FARTHEST_M, 3, lack)
    return lack


@lru_cache(maxsize=64)
def _in_view(g: ScanGeometry, spec: LidarSpec) -> np.ndarray:
    """Return which beams look where the lidar is declared to see, ``(L,)`` bool."""
    if spec.sees_rad is None:
        return np.ones(g.beams, dtype=bool)
    first, last = spec.sees_rad
    slack = 0.51 * abs(g.increment)
    angles = g.angle_min + g.increment * np.arange(g.beams)
    view: np.ndarray = (angles - first + slack) % (2.0 * math.pi) <= last - first + 2.0 * slack
    view.flags.writeable = False
    return view
