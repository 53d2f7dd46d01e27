"""
The plant that explains a drive best: many starts, then Levenberg and Marquardt with Huber weights.

Differences from the textbook: the step is cut at the bounds; scales and weights are renewed after
each descent; the dead zones, at which the model jumps, are searched between descents.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.base.plant import NO_LIMIT
from ilw_core.base.plant_response import follow
from ilw_sysid.identify.dead_zones import search_dead_zone
from ilw_sysid.identify.problem import (
    LARGEST,
    SMALLEST,
    FitProblem,
    inflation_of,
    scales,
    weights,
)

_DELAYS_S = np.arange(-0.1, 0.6, 0.02)
_LAGS_S = np.array([0.0, 0.05, 0.12, 0.25, 0.6])
_STARTS = 3
_ROUNDS = 4
_DESCENT = 25
_DAMPINGS = 9
_RENEWALS = 6
_LIMIT_STARTS = np.array([1.0, 0.6])
_LIMIT_PAYS = 0.8
LEAST = 1e-3
"""Commands or speeds that vary by less [m/s, rad/s] tell nothing of an axis"""


@dataclass(frozen=True)
class Fit:
    """The best parameters of a problem."""

    problem: FitProblem
    """With the dead zones that were found"""
    values: np.ndarray
    """(P,) in the order of ``problem.NAMES``"""
    scale: np.ndarray
    """(M, 2) scale of the residuals"""
    cost: float
    free: np.ndarray
    """(P,) bool: which parameters the drive tells anything of"""


def fit(problem: FitProblem) -> Fit:
    """Return the best fit; parameters of an axis that was never commanded keep defaults."""
    free = _free(problem)
    best: Fit | None = None
    for start in _starts(problem, free):
        found = _polish(problem, start, free)
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    for axis in (0, 1):
        best = _with_limit(best, axis)
    for _ in range(_ROUNDS):
        old = best.problem.dead_zones
        residuals = best.problem.residuals(best.values)
        zones = [search_dead_zone(best.problem, best.values, best.scale, axis,
                                  inflation_of(residuals[:, axis])).value
                 if free[3 + axis] else 0.0 for axis in (0, 1)]
        if tuple(zones) == old:
            break
        best = _polish(problem.with_dead_zones(*zones), best.values, best.free)
    return best


def descend(problem: FitProblem, values: np.ndarray, free: np.ndarray, scale: np.ndarray,
            passes: int = _DESCENT) -> tuple[np.ndarray, float]:
    """Return the parameters at the foot of the slope, and the cost there."""
    at, damping = np.clip(values, SMALLEST, LARGEST), 1e-3
    residuals = problem.residuals(at)
    cost = huber_cost(residuals, scale)
    for _ in range(passes):
        weight = weights(residuals, scale)
        slopes = problem.slopes(at, free)
        push = np.einsum('mai,ma->i', slopes, weight * residuals)
        # What stands at a bound and is pushed over it stays, or it would bend the others' way.
        numbers = np.flatnonzero(free)
        able = ~(((at[numbers] <= SMALLEST[numbers]) & (push < 0.0))
                 | ((at[numbers] >= LARGEST[numbers]) & (push > 0.0)))
        if not able.any():
            break
        flat = slopes[:, :, able].reshape(-1, int(able.sum()))
        normal = flat.T @ (flat * weight.reshape(-1, 1))
        improved = False
        for _ in range(_DAMPINGS):
            damped = normal + damping * np.diag(np.diag(normal) + 1e-9)
            trial = at.copy()
            trial[numbers[able]] += np.linalg.solve(damped, push[able])
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


def _with_limit(found: Fit, axis: int) -> Fit:
    """
    Return the fit with a limit of acceleration of an axis, if that explains much more.

    A limit and a time constant look alike where commands are small, so a limit has to pay twice:
    by the count of parameters, and by a part of all that is left.
    """
    if not found.free[3 + axis]:
        return found
    problem, number = found.problem, 6 + axis
    rate = np.abs(np.diff(problem.speeds[:, axis]) / np.maximum(np.diff(problem.at_s), 1e-3))
    free = found.free.copy()
    free[number] = True
    before = _left(found, axis)
    best = found
    for start in np.quantile(rate, 0.998) * _LIMIT_STARTS:
        values = found.values.copy()
        values[number] = np.clip(start, SMALLEST[number], 0.5 * NO_LIMIT)
        values[1 + axis] = min(values[1 + axis], 0.05)
        tried = _polish(problem, values, free)
        if _left(tried, axis) < _LIMIT_PAYS * before and _left(tried, axis) < _left(best, axis):
            best = tried
    return best


def _left(found: Fit, axis: int) -> float:
    """Return the mean square of what a fit leaves of an axis."""
    return float(np.mean(found.problem.residuals(found.values)[:, axis] ** 2))


def _polish(problem: FitProblem, values: np.ndarray, free: np.ndarray) -> Fit:
    scale = scales(problem, values)
    for _ in range(_RENEWALS):
        values, _ = descend(problem, values, free, scale)
        renewed = scales(problem, values)
        if np.allclose(renewed, scale, rtol=1e-2):
            break
        scale = renewed
    residuals = problem.residuals(values)
    # Starts are compared by what is left in all, not by scales of their own.
    span = np.maximum(np.abs(problem.speeds).max(axis=0, initial=0.0), 1e-6)
    return Fit(problem, values, scale, float((np.abs(residuals) / span).mean()), free)


def _free(problem: FitProblem) -> np.ndarray:
    """Return which parameters are fitted: those of axes that were commanded, and answered."""
    moved = [bool(np.ptp(problem.commands[:, axis]) > LEAST
                  and np.ptp(problem.speeds[:, axis]) > LEAST) for axis in (0, 1)]
    # Limits of acceleration come in later, if they pay.
    return np.array([any(moved), moved[0], moved[1], moved[0], moved[1], moved[0], False, False])


def _starts(problem: FitProblem, free: np.ndarray) -> list[np.ndarray]:
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
                      *(gains[a, i, lag[a, i]] if free[3 + a] else 1.0 for a in (0, 1)), 0.0,
                      NO_LIMIT, NO_LIMIT])
            for i in chosen]
