"""The nearest return in each of equal slices of what a lidar looks at."""

from dataclasses import dataclass
from functools import lru_cache
import math

import numpy as np

from ilw_core.features.lidar import (
    DISTANCE,
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
    order, starts, slots = _slices(angle_min, angle_increment, ranges.shape[-1], where)
    if not len(slots):
        return nearest
    kinds = kinds[..., order]
    cap, nothing = np.float32(cap_m), np.float32(np.inf)
    far = np.where(kinds == DISTANCE, np.minimum(ranges[..., order], cap),
                   np.where(kinds == FREE, cap, nothing))
    far[kinds == TOO_NEAR] = -nothing
    if (kinds == NOTHING).any():
        nothings = np.add.reduceat((kinds == NOTHING).astype(np.int32), starts, axis=-1)
        there = np.diff(starts, append=len(order))
        far = np.where(np.repeat(2 * nothings > there, there, axis=-1), nothing, far)
    # Adding zero makes -0.0 into 0.0, or the order of the beams could be seen in the bits.
    nearest[..., slots] = np.minimum.reduceat(far, starts, axis=-1) + 0.0
    nearest[np.isinf(nearest)] = np.nan
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


@lru_cache(maxsize=64)
def _slices(
    angle_min: float, angle_increment: float, beams: int, sectors: Sectors,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the beams ordered by slice, where each slice begins, and which slices those are."""
    slot = sectors.slot(angle_min + angle_increment * np.arange(beams))
    order = np.argsort(slot, kind='stable')
    order = order[slot[order] >= 0]
    slots, starts = np.unique(slot[order], return_index=True)
    return order, starts, slots
