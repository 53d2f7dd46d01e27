"""Round figures for a contract: limits that hold all that was seen, a rate that was kept up."""

import math

import numpy as np

_RATES_HZ = (20.0, 15.0, 12.0, 10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.2, 0.1)
"""20 Hz is plenty for a base on wheels; 0.1 Hz the least that a contract allows"""
_PAUSE_S = 10.0
"""A gap as long as this is no part of a topic's rhythm"""


def up(value: float) -> float:
    """Return a number of two digits that is at least as far from 0."""
    if value == 0.0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    digits = math.ceil(abs(value) / unit - 1e-5)  # 0.3 read as float32 is 0.3, not 0.31
    return math.copysign(float(f'{digits * unit:.2g}'), value)


def bounds(values: np.ndarray) -> tuple[float, float]:
    """Return round limits around all values and 0."""
    low, high = float(np.min(values, initial=0.0)), float(np.max(values, initial=0.0))
    return up(low), up(high)


def kept_rate_hz(times_s: np.ndarray) -> float:
    """Return the rate at which nine of ten gaps leave no tick without a message; at most 20."""
    gaps_s = np.diff(times_s)
    gaps_s = gaps_s[(gaps_s > 0.0) & (gaps_s < _PAUSE_S)]
    longest_s = float(np.quantile(gaps_s, 0.9)) if len(gaps_s) else _PAUSE_S
    return next((rate for rate in _RATES_HZ if rate * longest_s <= 1.05), _RATES_HZ[-1])


def largest_rates(times_s: np.ndarray, values: np.ndarray, rate_hz: float) -> np.ndarray:
    """
    Return the largest change per second over a tick, as a policy at that rate would have made it.

    :param values: ``(N, D)`` what was commanded at those times.
    :returns: ``(D,)``.
    """
    ticks = np.arange(times_s[0], times_s[-1] + 0.5 / rate_hz, 1.0 / rate_hz)
    gradual = np.stack([np.interp(ticks, times_s, column) for column in values.T], axis=1)
    steps = np.abs(np.diff(gradual, axis=0)) * rate_hz
    gaps_s = np.maximum(np.diff(times_s), 1.0 / rate_hz)
    jumps = np.abs(np.diff(values, axis=0)) / gaps_s[:, None]
    found: np.ndarray = np.maximum(np.max(steps, axis=0, initial=0.0),
                                   np.max(jumps, axis=0, initial=0.0))
    return found


def agreement(times_s: np.ndarray, commanded: np.ndarray, seen_s: np.ndarray,
              seen: np.ndarray) -> float:
    """
    Return how far a measured speed follows a commanded one.

    :returns: the largest correlation over lags up to half a second, 0 where nothing changes.
    """
    best = 0.0
    for lag_s in np.arange(0.0, 0.51, 0.1):
        rows = np.searchsorted(times_s, seen_s - lag_s, side='right') - 1
        held = np.where(rows >= 0, commanded[rows], 0.0)
        held[seen_s - lag_s > times_s[-1] + 0.5] = 0.0  # a base stops when commands do
        if held.std() > 1e-9 and seen.std() > 1e-9:
            best = max(best, float(np.corrcoef(held, seen)[0, 1]))
    return best
