"""The nearest return in each slice of a lidar."""

from typing import Any

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.features.lidar_sectors import TURN_RAD, Sectors, sector_minimum
from ilw_core.features.lidar_spec import PLAIN, LidarSpec
from ilw_core.features.spec import FeatureSpec, paths

MAX_SECTORS = 4096
_BLOCK = 128
"""Scans at once: what is computed of them stays in the processor's cache"""
_FIELDS = ('ranges', 'angle_min', 'angle_max', 'angle_increment', 'range_min', 'range_max')


def lidar_sectors(name: str, options: Section) -> FeatureSpec:
    count = options.integer('sectors', low=1, high=MAX_SECTORS)
    cap_m = options.number('range_max_m', low=0.1, high=1000.0)
    field_rad = None
    if options.has('field_of_view_rad'):
        first, last = options.numbers('field_of_view_rad', 2)
        if not (first < last <= first + TURN_RAD and abs(first) <= TURN_RAD):
            raise options.error('field_of_view_rad', 'two angles in radians within a turn, the '
                                'smaller first', [first, last])
        field_rad = first, last
    options.take('field_of_view_rad')
    return _sectors_of(name, Sectors(count, field_rad), cap_m, PLAIN)


def _sectors_of(name: str, sectors: Sectors, cap_m: float, spec: LidarSpec) -> FeatureSpec:
    def some(ranges: Any, angle_min: float, angle_max: float, increment: float,
             range_min: float, range_max: float) -> np.ndarray:
        return sector_minimum(ranges, angle_min, increment, range_min, cap_m, sectors,
                              angle_max=angle_max, range_max=range_max, spec=spec)

    def many(ranges: np.ndarray, *geometry: np.ndarray) -> np.ndarray:
        alike: dict[tuple[float, ...], list[int]] = {}
        for row, each in enumerate(zip(*(column.tolist() for column in geometry), strict=True)):
            alike.setdefault(each, []).append(row)
        nearest = np.empty((len(ranges), sectors.count), dtype=np.float32)
        for each, rows in alike.items():
            for begin in range(0, len(rows), _BLOCK):
                block = (slice(begin, begin + _BLOCK) if len(alike) == 1 else
                         rows[begin:begin + _BLOCK])
                nearest[block] = some(ranges[block], *each)
        return nearest

    return FeatureSpec(
        name, 'lidar_sectors', tuple(f'{name}.{i}_m' for i in range(sectors.count)),
        (0.0,) * sectors.count, (cap_m,) * sectors.count, paths(name, *_FIELDS), some, many,
        (sectors.mirror, (1.0,) * sectors.count) if sectors.symmetric else None,
        lambda declared: _sectors_of(name, sectors, cap_m, declared), sectors)
