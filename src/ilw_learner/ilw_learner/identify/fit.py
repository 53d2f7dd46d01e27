"""
The plant that explains a drive best: many starts, then Levenberg and Marquardt with Huber weights.

Differences from the textbook: the step is cut at the bounds; scales and weights are renewed after
each descent; the dead zones, at which the model jumps, are searched between descents.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.plant_response import follow
from ilw_learner.identify.dead_zones import search_dead_zone
from ilw_learner.identify.problem import LARGEST, SMALLEST, Problem, scales, weights

_DELAYS_S = np.arange(-0.1, 0.6, 0.02)
_LAGS_S = np.array([0.0, 0.05, 0.12, 0.25, 0.6])
_STARTS = 3
_ROUNDS = 4
_DESCENT = 25


@dataclass(frozen=True)
class Fit:
    """The best parameters of a problem."""

    problem: Problem
    """With the dead zones that were found"""
    values: np.ndarray
    """(6,) in the order of ``problem.NAMES``"""
    scale: np.ndarray
    """(2,) robust scale of the residuals of each axis"""
    cost: float
    free: np.ndarray
    """(6,) bool: which parameters the drive tells anything of"""


def fit(problem: Problem) -> Fit:
    """Return the best fit; parameters of an axis that was never commanded keep defaults."""
    free = _free(problem)
    best: Fit | None = None
    for start in _starts(problem, free):
        found = _polish(problem, start, free)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    for _ in range(_ROUNDS):
        old = best.problem.dead_zones
        zones = [search_dead_zone(best.problem, best.values, best.scale, axis).value
                 if free[3 + axis] else 0.0 for axis in (0, 1)]
        if tuple(zones) == old:
            break
        again = _polish(problem.with_dead_zones(*zones), best.values, free)
        best = again
    return best


def descend(problem: Problem, values: np.ndarray, free: np.ndarray, scale: np.ndarray,
            passes: int = _DESCENT) -> tuple[np.ndarray, float]:
    """Return the parameters at the foot of the slope, and the cost there."""
    at, damping = np.clip(values, SMALLEST, LARGEST), 1e-3
    residuals = problem.residuals(at)
    cost = huber_cost(residuals, scale)
    for _ in range(passes):
        weight = weights(residuals, scale)
        slopes = problem.slopes(at)[:, :, free]
        flat = slopes.reshape(-1, slopes.shape[2])
        normal = flat.T @ (flat * weight.reshape(-1, 1))
        push = flat.T @ (weight * residuals).ravel()
        improved = False
        for _ in range(6):
            damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
            trial = at.copy()
            trial[free] += np.linalg.solve(damped, push)
            trial = np.clip(trial, SMALLEST, LARGEST)
            trial_residuals = problem.residuals(trial)
            trial_cost = huber_cost(trial_residuals, scale)
            if trial_cost < cost:
                improved = True
                break
            damping *= 5.0
        if not improved:
            break
        gained, at, residuals, cost = cost - trial_cost, trial, trial_residuals, trial_cost
        damping = max(damping / 5.0, 1e-7)
        if gained < 1e-9 * cost:
            break
    return at, cost


def huber_cost(residuals: np.ndarray, scale: np.ndarray) -> float:
    """Return Huber's loss of ``(M, 2)`` residuals, summed; the square where they are small."""
    size = np.abs(residuals) / scale
    limit = 2.5
    return float(np.where(size <= limit, size ** 2, limit * (2.0 * size - limit)).sum())


def _polish(problem: Problem, values: np.ndarray, free: np.ndarray) -> Fit:
    scale = scales(problem.residuals(values), problem.commands)
    cost = np.inf
    for _ in range(3):
        values, cost = descend(problem, values, free, scale)
        renewed = scales(problem.residuals(values), problem.commands)
        if np.allclose(renewed, scale, rtol=1e-3):
            break
        scale = renewed
    residuals = problem.residuals(values)
    # Starts are compared by what is left in all, not by scales of their own.
    span = np.maximum(np.abs(problem.speeds).max(axis=0, initial=0.0), 1e-6)
    return Fit(problem, values, scale, float((np.abs(residuals) / span).mean()), free)


def _free(problem: Problem) -> np.ndarray:
    """Return which parameters are fitted: those of axes that were commanded, and answered."""
    moved = [bool(np.ptp(problem.commands[:, axis]) > 1e-3
                  and np.ptp(problem.speeds[:, axis]) > 1e-3) for axis in (0, 1)]
    return np.array([any(moved), moved[0], moved[1], moved[0], moved[1], moved[0]])


def _starts(problem: Problem, free: np.ndarray) -> list[np.ndarray]:
    """Return the best places of a grid over delay and lags; the gains follow from each."""
    span = np.maximum(problem.speeds.std(axis=0), 1e-6)
    left = np.zeros((2, len(_DELAYS_S), len(_LAGS_S)))
    gains = np.ones_like(left)
    for i, delay_s in enumerate(_DELAYS_S):
        for j, lag_s in enumerate(_LAGS_S):
            for axis in (0, 1):
                base = follow(problem.command_s + delay_s, problem.commands[:, axis], lag_s,
                              problem.at_s)
                power = float(base @ base)
                gain = float(base @ problem.speeds[:, axis]) / power if power > 1e-9 else 1.0
                gains[axis, i, j] = np.clip(gain, SMALLEST[3], LARGEST[3])
                rest = problem.speeds[:, axis] - gains[axis, i, j] * base
                left[axis, i, j] = float(rest @ rest) / span[axis] ** 2
    lag = left.argmin(axis=2)  # (2, delays)
    total = sum(left[axis].min(axis=1) for axis in (0, 1) if free[1 + axis])
    order = np.argsort(total) if np.ndim(total) else np.arange(1)
    chosen: list[int] = []
    for i in order:
        if all(abs(i - other) > 2 for other in chosen):
            chosen.append(int(i))
        if len(chosen) == _STARTS:
            break
    return [np.array([_DELAYS_S[i] if free[0] else 0.0,
                      *(max(_LAGS_S[lag[a, i]], 0.01) if free[1 + a] else 0.0 for a in (0, 1)),
                      *(gains[a, i, lag[a, i]] if free[3 + a] else 1.0 for a in (0, 1)), 0.0])
            for i in chosen]
