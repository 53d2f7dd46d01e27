"""
How well a fit is known: 95 % intervals that allow for residuals that depend on each other.

The sandwich estimator over blocks of time (H. White, 1980; K.-Y. Liang and S. Zeger, 1986): what
each block would pull the parameters by, as large as it was seen to be. Several lengths of block
are tried and the widest interval counts; Student's t allows for how few blocks there are. Beside
it stands what no statistics of one bag shows: how exactly stamps tell time.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.scores.statistics import Z95
from ilw_sysid.identify.fit import Fit, descend, huber_cost
from ilw_sysid.identify.problem import (
    LARGEST,
    NAMES,
    SMALLEST,
    inflation_of,
    weights,
)

_BLOCKS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_FEWEST_BLOCKS = 8
_PROFILE_STEP = 0.1
"""Of the odometry's period"""
_PROFILE_REACH = 12


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of one parameter."""

    low: float
    high: float


@dataclass(frozen=True)
class Uncertainty:
    """Of a whole fit."""

    intervals: dict[str, Interval]
    """Name of ``problem.NAMES`` -> interval; those that were not fitted are left out"""
    inflation: tuple[float, float]
    """Of each axis: how many samples say as much as one independent one"""
    jitter_s: float
    """How unevenly commands take effect, standard deviation, as residuals of transients show"""


def uncertainty(fit: Fit) -> Uncertainty:
    """Return how well a fit's parameters are known."""
    problem, values = fit.problem, fit.values
    residuals = problem.residuals(values)
    weight = weights(residuals, fit.scale)
    slopes = problem.slopes(values, fit.free)
    # At a bound the model has no slope to one side; those stay in, with the slope they have.
    free = np.flatnonzero(fit.free)
    # Huber's influence ends at its limit: beyond it, a residual has no curvature.
    inside = (np.abs(residuals) <= 2.5 * fit.scale) / fit.scale ** 2
    bread = np.einsum('mai,ma,maj->ij', slopes, inside, slopes)
    bread += np.diag(1e-12 * np.maximum(np.diag(bread), 1e-12))
    inverse = np.linalg.pinv(bread, hermitian=True)
    scores = np.einsum('mai,ma->mi', slopes, weight * residuals)
    widest = np.zeros(len(free))
    for length_s in _BLOCKS_S:
        block = ((problem.at_s - problem.at_s[0]) / length_s).astype(np.int64)
        _, block = np.unique(block, return_inverse=True)
        count = int(block.max()) + 1
        if count < _FEWEST_BLOCKS:
            break
        sums = np.zeros((count, len(free)))
        np.add.at(sums, block, scores)
        spread = inverse @ (sums.T @ sums) @ inverse * (count / (count - 1.0))
        # Only blocks that excite a parameter count as its degrees of freedom.
        pulls = np.zeros((count, len(free)))
        np.add.at(pulls, block, np.einsum('mai,ma->mi', slopes ** 2, inside))
        alive = pulls.sum(axis=0) ** 2 / np.maximum((pulls ** 2).sum(axis=0), 1e-300)
        half = np.sqrt(np.maximum(np.diag(spread), 0.0)) * student95(np.maximum(alive - 1.0, 1.0))
        widest = np.maximum(widest, half)
    if not widest.any():
        widest[:] = np.inf  # too short for any block
    intervals = {NAMES[k]: Interval(float(values[k] - half), float(values[k] + half))
                 for k, half in zip(free, widest, strict=True)}
    _blind(fit, intervals, np.diag(bread), free)
    inflation = tuple(inflation_of(residuals[:, axis]) for axis in (0, 1))
    if fit.free[0]:
        _widen_delay(fit, intervals, max(inflation))
    return Uncertainty(intervals, (inflation[0], inflation[1]), _jitter(fit))


def _jitter(fit: Fit) -> float:
    """Return the spread of delays that makes residuals as large as they are in transients."""
    if not fit.free[0]:
        return 0.0
    only = np.zeros_like(fit.free)
    only[0] = True
    steep = fit.problem.slopes(fit.values, only)[:, :, 0] ** 2  # (M, 2)
    square = fit.problem.residuals(fit.values) ** 2
    found = []
    for axis in np.flatnonzero(fit.free[3:5]):
        calm = float(square[steep[:, axis] <= np.median(steep[:, axis]), axis].mean())
        above = steep[:, axis] @ (square[:, axis] - calm)
        found.append(above / max(float(steep[:, axis] @ steep[:, axis]), 1e-12))
    return float(np.sqrt(max(min(found), 0.0)))


def student95(degrees: np.ndarray | float) -> np.ndarray:
    """Return Student's two-sided 95 % point (Cornish and Fisher's series; off by 2 % at 3)."""
    n, z = np.maximum(np.asarray(degrees, dtype=np.float64), 2.0), Z95
    return np.asarray(
        z + (z ** 3 + z) / (4 * n) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * n ** 2)
        + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * n ** 3))


def _blind(fit: Fit, intervals: dict[str, Interval], curvature: np.ndarray,
           free: np.ndarray) -> None:
    """Widen to everything what the drive does not show at all."""
    for k, bend in zip(free, curvature, strict=True):
        if bend < 1e-6:
            intervals[NAMES[k]] = Interval(float(SMALLEST[k]), float(LARGEST[k]))


def _widen_delay(fit: Fit, intervals: dict[str, Interval], inflation: float) -> None:
    """
    Take in every delay near the best that explains the drive as well.

    Where a base answers faster than odometry samples, its answer is a step, the cost is a stair
    over the delay, and no slope shows how wide the step is that the best stands on.
    """
    problem, values = fit.problem, fit.values
    period_s = float(np.median(np.diff(problem.at_s)))
    if values[1:3][fit.free[1:3]].min(initial=np.inf) > 1.5 * period_s:
        return
    noise = max(fit.cost, 0.0) and huber_cost(problem.residuals(values), fit.scale)
    degrees = max(problem.speeds.size / inflation, 8.0)
    others = fit.free.copy()
    others[0] = False
    low = high = float(values[0])
    for sign in (-1.0, 1.0):
        start = values.copy()
        for _ in range(_PROFILE_REACH):
            start[0] += sign * _PROFILE_STEP * period_s
            start, cost = descend(problem, start, others, fit.scale, passes=3)
            if cost > noise * (1.0 + Z95 ** 2 / degrees):
                break
            low, high = min(low, float(start[0])), max(high, float(start[0]))
    known = intervals['delay_s']
    intervals['delay_s'] = Interval(min(known.low, low), max(known.high, high))
