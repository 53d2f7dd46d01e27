"""How old a scan is, against odometry: the turn that scans see beside what wheels tell."""

from dataclasses import dataclass

import numpy as np

from ilw_core.statistics import Z95
from ilw_learner.identify.drive import Scans

_REACH_S = np.arange(-0.3, 0.5001, 0.005)
_LEAST_TURN_RAD = 0.01
_ENOUGH = 20
_MARGIN_RAD = 0.1


@dataclass(frozen=True)
class ScanDelay:
    """Delay of scans beyond odometry's [s], with its 95 % interval."""

    value_s: float
    low_s: float
    high_s: float


def scan_delay(scans: Scans, odom_s: np.ndarray, yaw_rad: np.ndarray) -> ScanDelay | None:
    """
    Return the delay that makes both turns agree; ``None`` where the base hardly turned.

    :param odom_s: (M,) rising.
    :param yaw_rad: (M,) heading of odometry, not wrapped.
    """
    span = (scans.stamps_s[1:] - 0.5 > odom_s[0]) & (scans.stamps_s[1:] + 0.3 < odom_s[-1])
    steps_s = np.diff(scans.stamps_s)
    span &= steps_s < 3.0 * np.median(steps_s)
    turned = np.interp(scans.stamps_s, odom_s, yaw_rad)
    if np.sum(span & (np.abs(np.diff(turned)) > _LEAST_TURN_RAD)) < _ENOUGH:
        return None
    reach = int(np.ceil((np.abs(np.diff(turned))[span].max() + _MARGIN_RAD)
                        / abs(scans.increment_rad)))
    seen = _turns(scans, min(reach, scans.ranges_m.shape[1] // 4))
    rows = np.flatnonzero(span & np.isfinite(seen))
    if len(rows) < _ENOUGH:
        return None
    told = np.stack([np.diff(np.interp(scans.stamps_s - delay_s, odom_s, yaw_rad))[rows]
                     for delay_s in _REACH_S])  # (D, R)
    left = told - seen[rows]
    cap = 3.0 * 1.4826 * np.median(np.abs(left), axis=1).min() + 1e-4
    loss = np.minimum(left ** 2, cap ** 2)
    best = int(loss.sum(axis=1).argmin())
    if best in (0, len(_REACH_S) - 1):
        return None
    value_s = _foot(_REACH_S, loss.sum(axis=1), best)
    # Delete one block of time after the other: how far does the foot move?
    blocks = np.array_split(np.arange(len(rows)), 20)
    total = loss.sum(axis=1)
    moved = []
    for block in blocks:
        rest = total - loss[:, block].sum(axis=1)
        at = int(np.clip(rest.argmin(), 1, len(_REACH_S) - 2))
        moved.append(_foot(_REACH_S, rest, at))
    count = len(blocks)
    spread = np.sqrt((count - 1) / count * np.sum((np.array(moved) - np.mean(moved)) ** 2))
    half = 1.07 * Z95 * spread + 0.0025  # Student's t of 19; half a step of the grid
    return ScanDelay(value_s, value_s - half, value_s + half)


def _foot(grid: np.ndarray, cost: np.ndarray, at: int) -> float:
    """Return the minimum of the parabola through three points of a grid."""
    before, here, after = cost[at - 1:at + 2]
    bend = before - 2.0 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0.0 else 0.0
    return float(grid[at] + np.clip(shift, -1.0, 1.0) * (grid[1] - grid[0]))


def _turns(scans: Scans, reach: int) -> np.ndarray:
    """Return how far each scan is turned against the one before [rad], ``(S - 1,)``; or NaN."""
    ranges, count = scans.ranges_m, scans.ranges_m.shape[1]
    full = abs(abs(scans.increment_rad) * count - 2.0 * np.pi) < 2.0 * abs(scans.increment_rad)
    shifts = np.arange(-reach, reach + 1)
    cost = np.full((len(shifts), len(ranges) - 1), np.nan)
    for row, shift in enumerate(shifts):
        moved = np.roll(ranges[1:], shift, axis=1)
        if not full and shift:  # what came in over the other end was never beside it
            moved[:, slice(shift) if shift > 0 else slice(shift, None)] = np.nan
        gap = np.minimum(np.abs(moved - ranges[:-1]), 0.3)
        enough = np.isfinite(gap).sum(axis=1) > 0.3 * count
        with np.errstate(invalid='ignore'):
            sums = np.nansum(gap ** 2, axis=1) / np.maximum(np.isfinite(gap).sum(axis=1), 1)
        cost[row] = np.where(enough, sums, np.nan)
    found = np.full(len(ranges) - 1, np.nan)
    for k in range(len(found)):
        column = cost[:, k]
        if not np.isfinite(column).all():
            continue
        at = int(column.argmin())
        if 0 < at < len(shifts) - 1:
            found[k] = _foot(shifts.astype(np.float64), column, at) * scans.increment_rad
    return found
