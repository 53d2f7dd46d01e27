"""
The numbers a fit works on: which samples count, the model's speeds, residuals and weights.

The parameters, in this order: delay [s], the two time constants [s], the two gains, pull. Dead
zones make the model jump, so they stay outside, see ``dead_zones.py``.
"""

from dataclasses import dataclass, replace

import numpy as np

from ilw_core.plant import Plant
from ilw_core.plant_response import respond
from ilw_learner.identify.drive import Drive

NAMES = ('delay_s', 'lag_s', 'turn_lag_s', 'gain', 'turn_gain', 'pull_radpm')
SMALLEST = np.array([-0.2, 0.0, 0.0, 0.05, 0.05, -5.0])
LARGEST = np.array([1.0, 2.0, 2.0, 3.0, 3.0, 5.0])
_STEPS = np.array([5e-4, 5e-4, 5e-4, 1e-3, 1e-3, 1e-3])
"""For derivatives: far below what can be told apart, far above rounding"""
_SILENT_S = 0.5
"""Without a command for longer, most drivers stop by themselves: what counts is not known"""
_SETTLED_S = 1.5
"""After a silence or a start in motion, samples count again when so much time has passed"""
_HUBER = 2.5


@dataclass(frozen=True)
class Problem:
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
        """Return the plant of (6,) parameters."""
        named = dict(zip(NAMES, map(float, values), strict=True))
        return Plant(**named, dead_zone_mps=self.dead_zones[0],
                     turn_dead_zone_radps=self.dead_zones[1])

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Return odometry less model, ``(M, 2)``."""
        return self.speeds - respond(self.plant(values), self.command_s, self.commands, self.at_s)

    def slopes(self, values: np.ndarray) -> np.ndarray:
        """Return the derivatives of the model's speeds, ``(M, 2, 6)``."""
        found = []
        for k, step in enumerate(_STEPS):
            low, high = values.copy(), values.copy()
            low[k], high[k] = max(values[k] - step, SMALLEST[k]), min(values[k] + step, LARGEST[k])
            found.append((self.residuals(low) - self.residuals(high)) / (high[k] - low[k]))
        return np.stack(found, axis=2)

    def with_dead_zones(self, forward: float, turn: float) -> 'Problem':
        """Return the same with other dead zones."""
        return replace(self, dead_zones=(forward, turn))


def make_problem(drive: Drive) -> Problem:
    """Return what of a drive counts: not what follows a silence, nor a start in motion."""
    before = np.searchsorted(drive.command_s, drive.odom_s, side='right') - 1
    last = np.maximum(before, 0)
    since_s = drive.odom_s - drive.command_s[last]
    standing = ~drive.commands.any(axis=1)
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
    return Problem(drive.command_s, drive.commands, drive.odom_s[keep], drive.speeds[keep])


def scales(residuals: np.ndarray, commands: np.ndarray) -> np.ndarray:
    """
    Return the scale of each axis' residuals, ``(2,)``.

    Not the median's alone: where odometry is clean, all that a wrong delay leaves lies in a few
    samples, which are no outliers.
    """
    middle = 1.4826 * np.median(np.abs(residuals), axis=0)
    rms = np.sqrt(np.mean(residuals ** 2, axis=0))
    least = 1e-4 * np.maximum(np.abs(commands).max(axis=0, initial=0.0), 1e-2)
    scale: np.ndarray = np.maximum(np.maximum(middle, 0.5 * rms), least)
    return scale


def weights(residuals: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return Huber's weights over the squared scale, ``(M, 2)`` (P. J. Huber, 1964)."""
    size = np.abs(residuals) / scale
    return np.where(size > _HUBER, _HUBER / np.maximum(size, 1e-12), 1.0) / scale ** 2
