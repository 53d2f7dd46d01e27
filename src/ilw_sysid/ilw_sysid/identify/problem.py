"""
The numbers a fit works on: which samples count, the model's speeds, residuals and weights.

The parameters, in this order: delay [s], the two time constants [s], the two gains, pull, the two
limits of acceleration. Dead zones make the model jump, so they stay outside, see
``dead_zones.py``.
"""

from dataclasses import dataclass, replace

import numpy as np

from ilw_core.base.plant import NO_LIMIT, Plant
from ilw_core.base.plant_response import respond
from ilw_sysid.identify.drive import Drive

NAMES = ('delay_s', 'lag_s', 'turn_lag_s', 'gain', 'turn_gain', 'pull_radpm', 'acceleration_mps2',
         'turn_acceleration_radps2')
SMALLEST = np.array([-0.2, 0.0, 0.0, 0.05, 0.05, -5.0, 0.05, 0.1])
LARGEST = np.array([1.0, 2.0, 2.0, 3.0, 3.0, 5.0, NO_LIMIT, NO_LIMIT])
_STEPS = np.array([1e-3, 1e-3, 1e-3, 5e-3, 2e-2])
"""For derivatives by all but times: far below what can be told apart, far above rounding"""
_TIME_STEP = 0.15
"""The same of times, in odometry's periods: a base that answers faster than odometry samples makes
stairs of them, and only a slope over some stairs leads down"""
_SILENT_S = 0.5
"""Without a command for longer, most drivers stop by themselves: what counts is not known"""
_SETTLED_S = 1.5
"""After a silence or a start in motion, samples count again when so much time has passed"""
_HUBER = 2.5
_MEMORY_S, _EARLY_S = 0.2, 0.03
"""How long a new command makes residuals larger, beside the lag; how much too early it may seem"""


@dataclass(frozen=True)
class FitProblem:
    """Commands and the odometry samples that count."""

    command_s: np.ndarray
    """(N,)"""
    commands: np.ndarray
    """(N, 2)"""
    at_s: np.ndarray
    """(M,)"""
    speeds: np.ndarray
    """(M, 2)"""
    dead_zones: tuple[float, float] = (0.0, 0.0)

    def plant(self, values: np.ndarray) -> Plant:
        """Return the plant of (P,) parameters."""
        named = dict(zip(NAMES, map(float, values), strict=True))
        return Plant(**named, dead_zone_mps=self.dead_zones[0],
                     turn_dead_zone_radps=self.dead_zones[1])

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Return odometry less model, ``(M, 2)``."""
        return self.speeds - respond(self.plant(values), self.command_s, self.commands, self.at_s)

    def slopes(self, values: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Return the model's derivatives by the free of its parameters, ``(M, 2, free)``."""
        found = []
        period_s = float(np.median(np.diff(self.at_s)))
        steps = np.concatenate([np.full(3, _TIME_STEP * period_s), _STEPS])
        for k in np.flatnonzero(free):
            step = steps[k]
            low, high = values.copy(), values.copy()
            low[k], high[k] = max(values[k] - step, SMALLEST[k]), min(values[k] + step, LARGEST[k])
            found.append((self.residuals(low) - self.residuals(high)) / (high[k] - low[k]))
        return np.stack(found, axis=2)

    def activity(self, axis: int, values: np.ndarray) -> np.ndarray:
        """Return how much the command of an axis has changed lately, ``(M,)``, in its unit."""
        change = np.abs(np.diff(self.commands[:, axis], prepend=0.0))
        memory_s = _MEMORY_S + values[1 + axis]
        due = np.searchsorted(self.at_s, self.command_s + values[0] - _EARLY_S)
        inside = due < len(self.at_s)
        fresh = np.zeros(len(self.at_s))
        np.add.at(fresh, due[inside], change[inside])
        fade = np.exp(-np.diff(self.at_s, prepend=self.at_s[0]) / memory_s)
        level, levels = 0.0, []
        for left, new in zip(fade.tolist(), fresh.tolist(), strict=True):
            level = level * left + new
            levels.append(level)
        return np.array(levels)

    def with_dead_zones(self, forward: float, turn: float) -> 'FitProblem':
        """Return the same with other dead zones."""
        return replace(self, dead_zones=(forward, turn))


def make_problem(drive: Drive) -> FitProblem:
    """Return what of a drive counts: not what follows a silence, nor a start in motion."""
    before = np.searchsorted(drive.command_s, drive.odom_s, side='right') - 1
    last = np.maximum(before, 0)
    since_s = drive.odom_s - drive.command_s[last]
    standing = ~np.any(drive.commands, axis=1)
    unknown = (before >= 0) & (since_s > _SILENT_S) & ~standing[last]
    moving = np.abs(drive.speeds).max(axis=1) > 0.02
    unknown |= (before < 0) & moving
    bad_s = drive.odom_s[unknown]
    if len(bad_s):
        newest = np.searchsorted(bad_s, drive.odom_s, side='right') - 1
        settling = (newest >= 0) & (
            drive.odom_s - bad_s[np.maximum(newest, 0)] < _SETTLED_S)
        unknown |= settling
    # Long rest tells nothing but the noise; a second of it around each motion is kept.
    busy_s = np.union1d(drive.odom_s[moving], drive.command_s[~standing])
    rest = np.ones(len(drive.odom_s), dtype=bool)
    if len(busy_s):
        after = np.clip(np.searchsorted(busy_s, drive.odom_s), 1, len(busy_s) - 1) if len(
            busy_s) > 1 else np.zeros(len(drive.odom_s), dtype=np.int64)
        near = np.minimum(np.abs(busy_s[after] - drive.odom_s),
                          np.abs(busy_s[np.maximum(after - 1, 0)] - drive.odom_s))
        rest = near > 1.0
    keep = ~unknown & ~rest
    return FitProblem(drive.command_s, drive.commands, drive.odom_s[keep], drive.speeds[keep])


def scales(problem: FitProblem, values: np.ndarray) -> np.ndarray:
    """
    Return the scale of each residual, ``(M, 2)``: s^2 = a^2 + (b x recent change of command)^2.

    A base that is told something new answers by rules of its own (limits of acceleration, a
    control loop that comes round late), so residuals there are larger; a is what is left in calm.
    """
    residuals, columns = problem.residuals(values), []
    for axis in (0, 1):
        square = residuals[:, axis] ** 2
        # Outliers are cut, or they would call themselves normal.
        square = np.minimum(square, 25.0 * max(float(square.mean()), 1e-18))
        change = problem.activity(axis, values) ** 2
        least = (1e-4 * max(float(np.abs(problem.commands[:, axis]).max(initial=0.0)), 1e-2)) ** 2
        columns.append(np.sqrt(_variance(square, change, least)))
    return np.stack(columns, axis=1)


def _variance(square: np.ndarray, change: np.ndarray, least: float) -> np.ndarray:
    """Return a^2 + b^2 change, fitted to squared residuals; each counts by its own variance."""
    found = np.maximum(np.full(len(square), float(square.mean())), least)
    if change.max(initial=0.0) <= 0.0:
        return found
    for _ in range(10):
        share = 1.0 / found ** 2
        matrix = np.array([[share.sum(), share @ change], [share @ change, share @ change ** 2]])
        calm, busy = np.linalg.solve(matrix + 1e-12 * np.diag(np.diag(matrix)),
                                     [share @ square, share @ (change * square)])
        if busy < 0.0:
            calm, busy = float(share @ square / share.sum()), 0.0
        if calm < least:
            calm, busy = least, max(float(share @ (change * (square - least))
                                          / (share @ change ** 2)), 0.0)
        found = calm + busy * change
    return found


def weights(residuals: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return Huber's weights over the squared scale, ``(M, 2)`` (P. J. Huber, 1964)."""
    size = np.abs(residuals) / scale
    return np.where(size > _HUBER, _HUBER / np.maximum(size, 1e-12), 1.0) / scale ** 2


def inflation_of(residuals: np.ndarray) -> float:
    """
    Return how many samples of ``(M,)`` say as much as one independent one.

    That is 1 + twice the sum of the autocorrelations, to where they first vanish.
    """
    centred = residuals - residuals.mean()
    power = float(centred @ centred)
    if power <= 0.0:
        return 1.0
    total = 1.0
    for lag in range(1, min(len(centred) // 4, 400)):
        r = float(centred[:-lag] @ centred[lag:]) / power
        if r <= 0.05:
            break
        total += 2.0 * r
    return total
