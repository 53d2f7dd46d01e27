"""
How old a scan is, against odometry: each scan foretold from one before it and from odometry.

The points of a scan are moved by what odometry says was driven between both scans, as old as they
are taken to be; where they then lie is held against what was measured. A wrong age shows where the
turn rate differed at both scans. Differences from scan matching: nothing is matched, so coarse
lidars do as well.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.scores.statistics import Z95
from ilw_sysid.identify.drive import Scans

_REACH_S = np.arange(-0.3, 0.5001, 0.02)
_APART = (1, 3, 6)
"""Scans between the two of a pair"""
_PAIRS = 400
_LEAST_RADPS = 0.15
"""Difference of the turn rates at both scans, below which a pair tells nothing"""
_FAR_M = 0.5
_ENOUGH = 20
_EDGE_RATIO = 0.5
_BLOCKS = 20


@dataclass(frozen=True)
class ScanDelay:
    """Delay of scans beyond odometry's [s], with its 95 % interval."""

    value_s: float
    low_s: float
    high_s: float


def scan_delay(scans: Scans, odom_s: np.ndarray, poses: np.ndarray) -> ScanDelay | None:
    """
    Return the delay that makes scans and odometry agree; ``None`` where the base hardly turned.

    :param odom_s: (M,) rising.
    :param poses: (M, 3) x, y [m], yaw [rad] of odometry, not wrapped.
    """
    pairs = _pairs(scans, odom_s, poses)
    if len(pairs) < _ENOUGH:
        return None
    coarse = _losses(scans, odom_s, poses, pairs, _REACH_S)
    best = int(coarse.sum(axis=1).argmin())
    if best in (0, len(_REACH_S) - 1):
        return None
    grid = _REACH_S[best] + np.arange(-0.03, 0.0301, 0.005)
    losses = _losses(scans, odom_s, poses, pairs, grid)
    total = losses.sum(axis=1)
    value_s = _foot(grid, total)
    # Leave out one block of time after the other: how far does the foot move?
    blocks = np.array_split(np.arange(len(pairs)), min(_BLOCKS, len(pairs)))
    moved = np.array([_foot(grid, total - losses[:, block].sum(axis=1)) for block in blocks])
    count = len(blocks)
    spread = np.sqrt((count - 1) / count * np.sum((moved - moved.mean()) ** 2))
    # Student's t of 19; half a step of the grid, and as much for what is measured while turning.
    half = 1.07 * Z95 * float(spread) + 0.005
    return ScanDelay(value_s, value_s - half, value_s + half)


def _pairs(scans: Scans, odom_s: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Return numbers of earlier and later scan, ``(P, 2)``, in time: those that tell most."""
    at_s = scans.stamps_s
    before, after = (np.interp(at_s + off_s, odom_s, poses[:, 2]) for off_s in (-0.05, 0.05))
    rate = (after - before) / 0.1
    found = []
    for apart in _APART:
        first = np.arange(len(at_s) - apart)
        inside = (at_s[first] + _REACH_S[0] > odom_s[0]) & (at_s[first] - _REACH_S[-1] > odom_s[0])
        inside &= at_s[first + apart] - _REACH_S[0] < odom_s[-1]
        found.append(np.stack([first, first + apart], axis=1)[inside])
    pairs = np.concatenate(found)
    tells = np.abs(rate[pairs[:, 1]] - rate[pairs[:, 0]])
    x, y = (np.interp(at_s, odom_s, poses[:, axis]) for axis in (0, 1))
    way_m = np.hypot(x[pairs[:, 1]] - x[pairs[:, 0]], y[pairs[:, 1]] - y[pairs[:, 0]])
    chosen = np.flatnonzero((tells > _LEAST_RADPS) & (way_m < _FAR_M))
    chosen = chosen[np.argsort(-tells[chosen])[:_PAIRS]]
    return pairs[chosen[np.argsort(at_s[pairs[chosen, 0]])]]


def _losses(scans: Scans, odom_s: np.ndarray, poses: np.ndarray, pairs: np.ndarray,
            delays_s: np.ndarray) -> np.ndarray:
    """Return the loss of each pair at each delay, ``(D, P)``; large differences are cut."""
    ranges = scans.ranges_m[pairs[:, 0]]
    angle = scans.angle_min_rad + scans.increment_rad * np.arange(ranges.shape[1])
    px, py = ranges * np.cos(angle), ranges * np.sin(angle)
    near = 1.0 / scans.ranges_m[pairs[:, 1]]
    rows = []
    for delay_s in delays_s:
        x, y, yaw = (np.interp(scans.stamps_s[pairs] - delay_s, odom_s, poses[:, axis])
                     for axis in range(3))  # each (P, 2)
        turn = (yaw[:, 1] - yaw[:, 0])[:, None]
        east, north = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]
        ahead = (np.cos(yaw[:, 0]) * east + np.sin(yaw[:, 0]) * north)[:, None]
        left = (np.cos(yaw[:, 0]) * north - np.sin(yaw[:, 0]) * east)[:, None]
        qx, qy = px - ahead, py - left
        told_m, bearing = np.hypot(qx, qy), np.arctan2(qy, qx) - turn
        rows.append((told_m, _look(near, bearing, scans)))
    with np.errstate(invalid='ignore', divide='ignore'):
        off = np.stack([np.abs(told - told ** 2 * seen) for told, seen in rows])  # (D, P, L) m
    # What is not seen at one delay counts at none: the sums must hold the same beams.
    off[:, ~np.isfinite(off).all(axis=0)] = np.nan
    cap = 3.0 * max(float(np.nanmedian(off[off.shape[0] // 2])), 0.005)
    loss: np.ndarray = np.nansum(np.minimum(off, cap) ** 2, axis=2)
    return loss


def _look(near: np.ndarray, bearing: np.ndarray, scans: Scans) -> np.ndarray:
    """Return one over range, ``(P, L)``, between the beams beside a bearing; NaN beside edges."""
    count = near.shape[1]
    beam = np.nan_to_num((bearing - scans.angle_min_rad) / scans.increment_rad)
    full = abs(abs(scans.increment_rad) * count - 2.0 * np.pi) < 2.0 * abs(scans.increment_rad)
    turn = 2.0 * np.pi / abs(scans.increment_rad)
    beam = np.mod(beam, turn)
    low = np.floor(beam).astype(np.int64)
    share = beam - low
    inside = (low + 1 < count) | full
    rows = np.arange(len(near))[:, None]
    a, b = near[rows, low % count], near[rows, (low + 1) % count]
    with np.errstate(invalid='ignore'):
        smooth = np.abs(a - b) < _EDGE_RATIO * np.minimum(a, b)
    return np.where(inside & smooth, a + share * (b - a), np.nan)


def _foot(grid: np.ndarray, cost: np.ndarray) -> float:
    """Return the minimum of the parabola that fits the costs over a grid best."""
    bend, slope, _ = np.polyfit(grid - grid.mean(), cost, 2)
    if bend <= 0.0:
        return float(grid[int(cost.argmin())])
    return float(np.clip(grid.mean() - slope / (2.0 * bend), grid[0], grid[-1]))
