"""The nearest return in each of equal slices of what a lidar looks at."""

from dataclasses import dataclass
from functools import lru_cache
import math
from typing import NamedTuple

import numpy as np

from ilw_core.features.lidar import (
    FREE,
    NOTHING,
    TOO_NEAR,
    ScanGeometry,
    is_evidence,
    read_beams,
)
from ilw_core.features.lidar_spec import PLAIN, LidarSpec

TURN_RAD = 2.0 * math.pi


@dataclass(frozen=True)
class Sectors:
    """Equal slices of what a lidar looks at, counter-clockwise."""

    count: int
    field_rad: tuple[float, float] | None = None
    """From and to, in the scan's frame. ``None``: the full circle, slice 0 centred ahead"""

    @property
    def symmetric(self) -> bool:
        """Whether the left half is the mirror image of the right one."""
        return self.field_rad is None or abs(sum(self.field_rad)) < 1e-6

    @property
    def mirror(self) -> tuple[int, ...]:
        """The slice that each one becomes in a mirror."""
        last = 0 if self.field_rad is None else self.count - 1
        return tuple((last - i) % self.count for i in range(self.count))

    @property
    def centres_rad(self) -> np.ndarray:
        """The middle of each slice, ``(count,)``, counter-clockwise from ahead."""
        if self.field_rad is None:
            return np.arange(self.count) * (TURN_RAD / self.count)
        first, last = self.field_rad
        return first + (np.arange(self.count) + 0.5) * ((last - first) / self.count)

    def slot(self, angles: np.ndarray) -> np.ndarray:
        """Return the slice that each angle [rad] is in; -1 outside all of them."""
        if self.field_rad is None:
            return np.floor(angles * (self.count / TURN_RAD) + 0.5).astype(np.int64) % self.count
        first, last = self.field_rad
        # A beam on the edge belongs to it, whatever the last bit of its angle is.
        inside = (angles - first + 1e-4) % TURN_RAD
        slot = np.floor((inside - 1e-4) * (self.count / (last - first))).astype(np.int64)
        return np.where(inside <= last - first + 2e-4, np.clip(slot, 0, self.count - 1), -1)

    def unseen(self, geometry: ScanGeometry, spec: LidarSpec = PLAIN) -> list[int]:
        """Return the slices that no beam of a lidar looks into."""
        reach = read_beams(np.full(geometry.beams, np.inf), geometry, spec) == FREE
        angles = geometry.angle_min + geometry.increment * np.flatnonzero(reach)
        return sorted(set(range(self.count)) - set(self.slot(angles).tolist()))


def sector_minimum(
    ranges: np.ndarray, angle_min: float, angle_increment: float, range_min: float,
    cap_m: float, sectors: int | Sectors, *, angle_max: float | None = None,
    range_max: float = math.inf, spec: LidarSpec = PLAIN,
) -> np.ndarray:
    """
    Return the nearest return in each slice; no return means free up to ``cap_m``.

    A beam that measured nothing is left out; a slice in which most beams are such is not known.
    Neither is one in which something is too near to be measured, as nobody says how near: it must
    not read as free.

    :param ranges: ``(..., L)`` metres, as in ``sensor_msgs/LaserScan.ranges``.
    :param sectors: the slices; a number: so many of the full circle.
    :returns: ``(..., sectors)`` float32 metres; NaN for a slice that is not known, and for all of
        a scan that is no evidence (``lidar.py``).
    """
    where = sectors if isinstance(sectors, Sectors) else Sectors(sectors)
    ranges = np.asarray(ranges, dtype=np.float32)
    geometry = ScanGeometry(ranges.shape[-1], angle_min, angle_increment, range_min, range_max,
                            angle_max)
    nearest = np.full((*ranges.shape[:-1], where.count), np.nan, dtype=np.float32)
    kinds = read_beams(ranges, geometry, spec)
    evident = is_evidence(ranges, geometry, spec, kinds)
    if not evident.any():
        return nearest
    beams = _slices(angle_min, angle_increment, ranges.shape[-1], where)
    if not len(beams.slices):
        return nearest
    cap = np.float32(cap_m)
    far = np.minimum(ranges, cap)
    for kind, instead in ((FREE, cap), (TOO_NEAR, -np.inf), (NOTHING, np.inf)):
        says = kinds == kind
        if says.any():
            np.copyto(far, instead, where=says)
    # What is left, -inf and all that is not negative, is in the same order when it is read as
    # integers, which are compared twice as fast.
    least = beams.reduce(np.minimum, far.view(np.int32)).view(np.float32)
    least[np.isinf(least)] = np.nan
    if says.any():
        least[2 * beams.reduce(np.add, says.astype(np.int32)) > beams.count] = np.nan
    nearest[..., beams.slices] = least
    nearest[~evident] = np.nan
    return nearest


def unseen_sectors(name: str, sectors: Sectors, geometry: ScanGeometry,
                   spec: LidarSpec = PLAIN) -> str:
    """
    Return which slices a lidar never looks into and what to write, a sentence; empty if none.

    :param name: of the contract's entry.
    """
    unseen = sectors.unseen(geometry, spec)
    if not unseen:
        return ''
    wide, half = TURN_RAD, 0.5 * abs(geometry.increment)
    ends = sorted((geometry.angle_min, geometry.angle_min
                   + geometry.increment * (geometry.beams - 1)))
    first, last = spec.sees_rad or (ends[0] - half, ends[1] + half)
    if last - first > wide - 4.0 * half:
        return (f'has {geometry.beams} beams for {sectors.count} sectors of observation.{name}, '
                f'{len(unseen)} of which see nothing. Lower `sectors` there, and train for it.')
    return (f'does not look into {len(unseen)} of {sectors.count} sectors of observation.{name} '
            f'({name}.{unseen[0]}_m, for one): it sees {first:.2f} to {last:.2f} rad. Write '
            f'`field_of_view_rad: [{first:.2f}, {last:.2f}]` there, and train for it.')


class _Slices(NamedTuple):
    """Which beams of a lidar look into which slices, as runs of neighbours in the same one."""

    runs: np.ndarray
    """The beam at which each run begins"""
    order: np.ndarray
    """Runs ordered by slice, without those that look into none"""
    starts: np.ndarray
    """Where each slice begins in ``order``"""
    slices: np.ndarray
    """Which slices those are"""
    count: np.ndarray
    """Beams in each"""

    def reduce(self, of: np.ufunc, beams: np.ndarray) -> np.ndarray:
        """Return the numbers of beams ``(..., L)`` put together by slice, ``(..., S)``."""
        by_run = of.reduceat(beams, self.runs, axis=-1)
        return of.reduceat(by_run[..., self.order], self.starts, axis=-1)


@lru_cache(maxsize=64)
def _slices(angle_min: float, angle_increment: float, beams: int, sectors: Sectors) -> _Slices:
    slot = sectors.slot(angle_min + angle_increment * np.arange(beams))
    runs = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
    order = np.argsort(slot[runs], kind='stable')
    order = order[slot[runs[order]] >= 0]
    slices, starts = np.unique(slot[runs[order]], return_index=True)
    return _Slices(runs, order, starts, slices, np.bincount(slot[slot >= 0])[slices])
