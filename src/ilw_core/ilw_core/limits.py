"""Keep an action within its range and its rates of change. Time is an argument."""

import numpy as np

from ilw_core.contract.action import ActionSpec

_ROUNDING = 1e-9  # a step that meets the limit exactly must not be reported as limited

MAX_CHUNK_NS = 2_000_000_000
"""From the first action of a request to the last: so long a source that died may drive on"""


def limit(
    action: ActionSpec, wanted: np.ndarray, previous: np.ndarray, elapsed_s: float,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """
    Return the action nearest to the wanted one within range and rate.

    :param wanted: ``(Da,)`` finite values in contract order and units.
    :param previous: ``(Da,)`` the action applied before.
    :param elapsed_s: time since then [s]; a change may be at most ``max_rate`` times this.
    :returns: ``(Da,)`` float64, and why it differs: ``'range'``, ``'rate'``, in this order.
    """
    wanted = np.asarray(wanted, dtype=np.float64)
    ranged = _between(wanted, action.low, action.high)
    step = action.max_rate * elapsed_s + _ROUNDING
    applied = _between(ranged, previous - step, previous + step)
    reasons = []
    if (ranged != wanted).any():
        reasons.append('range')
    if (applied != ranged).any():
        reasons.append('rate')
    return applied, tuple(reasons)


def _between(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return ``np.clip``, which takes four times as long for the few fields of an action."""
    bounded: np.ndarray = np.minimum(np.maximum(values, low), high)
    return bounded


class Limiter:
    """
    Follows wanted actions within range, rate and, where the contract gives them, acceleration and
    jerk. Whatever is wanted, none of the four is ever left.

    Jerk: the mean over a window of W seconds of a motion with acceleration up to a has a jerk of
    at most 2 a / W, and the range, rate and acceleration of that motion.
    """

    def __init__(self, action: ActionSpec, applied: np.ndarray) -> None:
        self._action = action
        self._smooth = bool(np.any(np.isfinite(action.max_acceleration)))
        jerky = np.isfinite(action.max_jerk)
        self._averages = bool(np.any(jerky))
        self._window_s = np.full(action.dim, np.inf)
        self._window_s[jerky] = 2.0 * action.max_acceleration[jerky] / action.max_jerk[jerky]
        self.applied = np.asarray(applied, dtype=np.float64)
        """(Da,) the action applied last"""
        self._rate = np.zeros(action.dim)
        self._path = [(0.0, self.applied)]

    def jump(self, applied: np.ndarray) -> None:
        """Note that something else was applied, as a stop: go on from there, at rest."""
        self.applied = np.asarray(applied, dtype=np.float64)
        self._rate, self._path = np.zeros_like(self._rate), [(0.0, self.applied)]

    def towards(self, wanted: np.ndarray,
                elapsed_s: float) -> tuple[np.ndarray, tuple[str, ...]]:
        """Apply what is nearest to the wanted action; like ``limit``, and ``'smooth'``."""
        nearest, reasons = limit(self._action, wanted, self.applied, elapsed_s)
        if not self._smooth or elapsed_s <= 0.0:
            self.applied = nearest if not self._smooth else self.applied
            return self.applied, reasons
        now_s, at = self._path[-1]
        ranged = np.clip(wanted, self._action.low, self._action.high)
        rate = self._next_rate(ranged - at, elapsed_s)
        following, _ = limit(self._action, at + rate * elapsed_s, at, elapsed_s)
        self._rate = (following - at) / elapsed_s
        self._path.append((now_s + elapsed_s, following))
        applied = self._mean() if self._averages else following
        if np.any(np.abs(applied - nearest) > _ROUNDING):
            reasons += ('smooth',)
        self.applied = applied
        return applied, reasons

    def _next_rate(self, way: np.ndarray, dt_s: float) -> np.ndarray:
        """Return the rate of the next step, ``(Da,)``, which still comes to rest in time."""
        spec = self._action
        a = np.where(np.isfinite(spec.max_acceleration), spec.max_acceleration, 1e9)
        step = a * dt_s ** 2
        # So many steps of falling rate, the last of which ends at rest on the spot.
        steps = np.maximum(1.0, np.ceil(-0.5 + np.sqrt(0.25 + 2 * np.abs(way) / step) - 1e-9))
        brake = np.abs(way) / (steps * dt_s) + a * dt_s * (steps - 1) / 2
        bound = np.minimum(spec.max_rate, brake)
        wanted = np.clip(way / dt_s, -bound, bound)
        return np.clip(wanted, self._rate - a * dt_s, self._rate + a * dt_s)

    def _mean(self) -> np.ndarray:
        """Return the mean of the path over each field's window, ``(Da,)``; forget the rest."""
        now_s = self._path[-1][0]
        oldest_s = now_s - float(self._window_s[np.isfinite(self._window_s)].max())
        while len(self._path) > 2 and self._path[1][0] <= oldest_s:
            del self._path[0]
        times = np.array([t for t, _ in self._path])
        values = np.array([x for _, x in self._path])
        mean = values[-1].copy()
        for i, window_s in enumerate(self._window_s):
            if np.isfinite(window_s) and window_s > 0.0:
                inside = times[times > now_s - window_s]
                at = np.concatenate([[now_s - window_s], inside])
                mean[i] = np.trapezoid(np.interp(at, times, values[:, i]), at) / window_s
        return mean
