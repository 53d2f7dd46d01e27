"""How far the scans of a bag are off the walls of its map, at the poses its localisation gave."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ilw_data.bag.reader import Bag, BagTopic
from ilw_sysid.gap.finding import GapFinding
from ilw_sysid.identify.drive import Scans, read_scans

_MAP, _SCAN = 'nav_msgs/msg/OccupancyGrid', 'sensor_msgs/msg/LaserScan'
_POSE = 'geometry_msgs/msg/PoseWithCovarianceStamped'
_OCCUPIED = 65
_NEAR_S = 0.1
_MOST_SCANS = 200


@dataclass(frozen=True)
class MapResiduals:
    """Distances from the ends of beams to the nearest wall of the map."""

    median_m: float
    p90_m: float
    outside_ratio: float
    """Beams that end outside the map"""
    scans: int

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return vars(self)


def map_residuals(bag: Bag) -> tuple[MapResiduals | None, GapFinding]:
    """
    Return the residuals, and what they say; none where map, scans or poses on it are missing.

    The lidar is taken to sit in the middle of the base and to look ahead.
    """
    names = {kind: next((name for name, each in sorted(bag.types.items()) if each == kind), None)
             for kind in (_MAP, _SCAN, _POSE)}
    if missing := [kind.split('/')[-1] for kind, name in names.items() if name is None]:
        return None, GapFinding('ok', 'map',
                                'Scans were not held against a map: the real bag has no '
                                f'{", no ".join(missing)}',
                                'Record the map and the localisation to '
                                'see that.')
    read = bag.topics({name for name in names.values() if name})
    grid, poses = read.get(names[_MAP] or ''), read.get(names[_POSE] or '')
    scans, _ = read_scans(read.get(names[_SCAN] or ''), 0)
    if grid is None or poses is None or scans is None:
        return None, GapFinding('ok', 'map', 'Scans were not held against a map: its topics are '
                                'there but (almost) empty', 'Record for longer.')
    ends, seen = _ends(poses, scans)
    if not len(ends):
        return None, GapFinding('ok', 'map',
                                'Scans were not held against the map: no pose is within '
                                f'{_NEAR_S:g} s of a scan', 'Let the localisation run faster.')
    off_m, inside, resolution_m = _off_walls(grid, ends)
    if not len(off_m):
        return None, GapFinding('warn', 'map', 'No beam ends on the map',
                                'Check frame and origin of '
                                'the map, and the pose of the localisation.')
    found = MapResiduals(float(np.median(off_m)), float(np.quantile(off_m, 0.9)), 1.0 - inside,
                         seen)
    level = 'ok' if found.median_m <= 2.0 * resolution_m else 'warn'
    return found, GapFinding(level, 'map',
                             f'beams end {found.median_m:.3g} m off the walls (median; '
                             f'90 %: {found.p90_m:.3g} m; {found.outside_ratio:.0%} outside)',
                             '' if level == 'ok' else
                             'Look at the mount of the lidar (yaw, place), at its delay '
                             '(./ilw identify), and at whether the map is of today.')


def _ends(poses: BagTopic, scans: Scans) -> tuple[np.ndarray, int]:
    """Return where beams end on the map [m], ``(E, 2)``, and how many scans those are of."""
    pose_s = poses.stamps_ns * 1e-9
    x, y, z, w = (poses.fields.column(f'pose.pose.orientation.{axis}') for axis in 'xyzw')
    yaw = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    at = np.array([int(np.abs(pose_s - stamp).argmin()) for stamp in scans.stamps_s])
    rows = np.flatnonzero(np.abs(pose_s[at] - scans.stamps_s) < _NEAR_S)
    rows = rows[:: max(1, len(rows) // _MOST_SCANS)]
    angle = (yaw[at[rows]][:, None] + scans.angle_min_rad
             + scans.increment_rad * np.arange(scans.ranges_m.shape[1]))
    ranges = scans.ranges_m[rows]
    seen = np.isfinite(ranges)
    ends = [(poses.fields.column(f'pose.pose.position.{axis}')[at[rows]][:, None]
             + ranges * turn(angle))[seen] for axis, turn in (('x', np.cos), ('y', np.sin))]
    return np.stack(ends, axis=1), len(rows)


def _off_walls(grid: BagTopic, ends: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return distances to the nearest wall [m], the part of ends on the map, its resolution."""
    fields, newest = grid.fields, len(grid.fields) - 1
    height, width = (int(fields.column(f'info.{side}')[newest]) for side in ('height', 'width'))
    cells = np.asarray(fields.column('data', slice(newest, None))[0]).view(np.int8)
    resolution_m = float(fields.column('info.resolution')[newest])
    origin = np.array([fields.column(f'info.origin.position.{a}')[newest] for a in 'xy'])
    free = (cells.reshape(height, width) < _OCCUPIED).astype(np.uint8)
    far_m = cv2.distanceTransform(free, cv2.DIST_L2, 5) * resolution_m
    column, row = np.floor((ends - origin) / resolution_m).astype(np.int64).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return far_m[row[inside], column[inside]], float(inside.mean()), resolution_m
