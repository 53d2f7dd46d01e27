"""
How long after a command does the robot move? By cross-correlation of the changes of both.

Both are brought onto one fine grid of time and passed through one filter, the derivative of a
Gaussian: it delays both alike, takes out what does not change, and makes the correlation round
where it is largest, so that its top lies at the mean delay of the base whatever its step response
looks like: at T for a pure delay T, and at T for a lag of first order with the time constant T.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_GRID_S = 0.02
_WIDTHS_S = (0.6, 0.3, 0.1)
"""Of the filter; the widest is the most exact, quick commands need a narrower one"""
_REACH = 3.5
"""Widths of the Gaussian that its tails have"""
_BEFORE_S, _AFTER_S = 1.0, 2.0
"""Lags looked at"""
_SILENT_S, _SILENT_GAPS = 2.0, 5.0
"""A command lasts so long, or so many of its usual gaps, if none follows"""
_STREAM_S = 0.25
"""Commands farther apart are given one by one, and each holds until the next"""
_LOST_S = 0.5
"""Speeds are not interpolated over longer gaps"""
_CLEAR, _SURE = 0.7, 3.0
"""A weaker correlation is none; and so many times what chance gives"""
_MUCH = 0.1
"""By so much must a narrower filter correlate better"""
_ALIKE = 0.97
"""Of periodic driving several lags fit as well: then the shortest is meant"""


@dataclass(frozen=True)
class Signal:
    """One number over time."""

    at_s: np.ndarray
    """(N,) never falling"""
    values: np.ndarray
    """(N,)"""
    held: bool = False
    """Whether a value holds until the next one; else what lies between is interpolated"""


@dataclass(frozen=True)
class Lag:
    """By what motion follows its command."""

    seconds: float
    """Negative: it comes first"""
    correlation: float
    """Up to 1"""


def find_lag(pairs: Sequence[tuple[Signal, Signal]],
             within_s: tuple[float, float] = (_BEFORE_S, _AFTER_S)) -> Lag | None:
    """
    Return the lag that explains all recordings best; ``None`` where none is clear.

    :param pairs: command and motion of each recording; every one has a clock of its own.
    :param within_s: how much the motion may come before its command, and after it. Recordings must
        be longer than both together.
    """
    best: Lag | None = None
    for width_s in _WIDTHS_S:
        if best is not None and best.correlation + _MUCH > 1.0:
            break
        parts = (_products(*pair, width_s, within_s) for pair in pairs)
        sums = [each for each in parts if each is not None]
        found = _peak(np.sum(sums, axis=0), width_s, within_s) if sums else None
        if found is not None and (best is None or found.correlation > best.correlation + _MUCH):
            best = found
    return best


def _products(command: Signal, motion: Signal, width_s: float,
              within_s: tuple[float, float]) -> np.ndarray | None:
    """Return sums over time at each lag, ``(4, L)``: products, squares of both, and how many."""
    if min(len(command.at_s), len(motion.at_s)) < 3:
        return None
    before_s, after_s = within_s
    begin_s = max(command.at_s[0], motion.at_s[0] - after_s)
    grid = np.arange(begin_s, min(command.at_s[-1] + before_s, motion.at_s[-1]), _GRID_S)
    half = round(_REACH * width_s / _GRID_S)
    lags = np.arange(-round(before_s / _GRID_S), round(after_s / _GRID_S) + 1)
    if len(grid) <= 2 * half + len(lags):
        return None
    silent_s = max(_SILENT_S, _SILENT_GAPS * float(np.median(np.diff(command.at_s))))
    parts = []
    for signal, gap_s in ((command, silent_s), (motion, _LOST_S)):
        values, known = _on_grid(signal, grid, gap_s)
        parts.append(_changes(values, known, half, width_s))
    (x, x_known), (y, y_known) = parts
    rows = np.zeros((4, len(lags)))
    x2, y2, count = x ** 2, y ** 2, len(x)
    for column, lag in enumerate(lags.tolist()):
        early = slice(max(0, -lag), count - max(0, lag))
        late = slice(max(0, lag), count - max(0, -lag))
        rows[:, column] = (x[early] @ y[late], x2[early] @ y_known[late],
                           x_known[early] @ y2[late], x_known[early] @ y_known[late])
    return rows


def _on_grid(signal: Signal, grid: np.ndarray, gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return values ``(G,)`` and whether they are known, ``(G,)`` bool."""
    last = np.searchsorted(signal.at_s, grid, side='right') - 1
    inside = np.clip(last, 0, len(signal.at_s) - 1)
    if signal.held:
        known = (last >= 0) & (grid - signal.at_s[inside] <= gap_s)
        # The mean over each step of the grid, so that where in it a command begins counts.
        area = np.concatenate([[0.0], np.cumsum(signal.values[:-1] * np.diff(signal.at_s))])
        edges = np.append(grid, grid[-1] + _GRID_S) - 0.5 * _GRID_S + _ahead_s(signal)
        beyond = np.maximum(edges - signal.at_s[-1], 0.0) * signal.values[-1]
        return np.diff(np.interp(edges, signal.at_s, area) + beyond) / _GRID_S, known
    after = np.minimum(inside + 1, len(signal.at_s) - 1)
    known = (last >= 0) & (grid <= signal.at_s[-1]) & (
        signal.at_s[after] - signal.at_s[inside] <= gap_s)
    return np.interp(grid, signal.at_s, signal.values), known


def _ahead_s(signal: Signal) -> float:
    """
    Return by how much a command counts before it is given.

    A base may go on with a command until the next, or come from one to the other smoothly, which
    is as if each were given half a gap earlier: between these two, the middle is meant.
    """
    gap_s = float(np.median(np.diff(signal.at_s)))
    return 0.25 * gap_s if gap_s <= _STREAM_S else 0.0


def _changes(values: np.ndarray, known: np.ndarray, half: int,
             width_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the filtered signal, 0 where something of it is unknown, and where it is known."""
    at_s = np.arange(-half, half + 1) * _GRID_S
    kernel = -at_s * np.exp(-0.5 * (at_s / width_s) ** 2)
    sums = np.concatenate([[0], np.cumsum(~known)])
    whole = sums[2 * half + 1:] == sums[:-2 * half - 1]
    changes = np.convolve(values - values.mean(), kernel, 'valid')
    return np.where(whole, changes, 0.0), whole.astype(np.float64)


def _peak(sums: np.ndarray, width_s: float, within_s: tuple[float, float]) -> Lag | None:
    before_s, after_s = within_s
    products, x2, y2, counts = sums
    scale = np.sqrt(x2 * y2)
    curve = products / np.where(scale > 0.0, scale, np.inf)
    # As many samples are one that the filter makes alike.
    chance = _SURE * np.sqrt(2.0 * width_s / np.maximum(counts * _GRID_S, 1e-9))
    inner = curve[1:-1]
    tops = 1 + np.flatnonzero((inner >= curve[:-2]) & (inner > curve[2:])
                              & (inner > np.maximum(_CLEAR, np.minimum(chance[1:-1], 0.95))))
    if not len(tops):
        return None
    tops = tops[curve[tops] >= _ALIKE * curve[tops].max()]
    lags_s = tops * _GRID_S - before_s
    top = tops[np.argmin(np.where(lags_s >= 0.0, lags_s, after_s - lags_s))]
    left, middle, right = curve[top - 1:top + 2]
    shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return Lag(float((top + shift) * _GRID_S - before_s), float(curve[top]))
