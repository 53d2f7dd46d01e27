"""
From the motion of an arm to its plant: delay, lag, gain, noise, each with a 95 % interval.

Commanded velocities, delayed and lagged, times a gain, give how far the tool comes from one
message to the next. Delay and lag are searched on a grid, the gain follows by least squares; the
intervals are those of a jackknife over stretches of time.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.arm_plant import ARM_RANGES, ArmPlant
from ilw_core.base.plant import PlantProfile
from ilw_core.errors import EpisodeError
from ilw_core.scores.statistics import Z95
from ilw_sysid.arm.moves import Moves

_STEP_S = 0.01
_DELAYS_S = np.arange(0.0, 0.4001, _STEP_S)
_LAGS_S = np.array([0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3])
_BLOCKS = 16
_SILENT_S = 0.5
"""Without a newer command for so long an arm stops by itself, as ours do"""
_LEAST_M = 0.5
"""Way of the tool that a recording must hold"""


@dataclass(frozen=True)
class ArmIdentified:
    """What recordings tell of an arm."""

    plant: ArmPlant
    intervals: dict[str, tuple[float, float]]
    """Field of ``ArmPlant`` -> 95 % interval"""
    way_m: float
    """How far the tool went in them"""
    left_ratio: float
    """Of the variance of the tool's steps, what this arm leaves unexplained"""
    default_ratio: float
    """The same of an arm that obeys at once"""

    def profile(self, name: str) -> PlantProfile:
        """Return the intervals as a profile."""
        return PlantProfile(name, self.intervals, 'arm')


class _Ways:
    """How far arms of gain 1 and of one lag would have come by the commands, without delay."""

    def __init__(self, moves: list[Moves], lag_s: float) -> None:
        self._moves = moves
        self._ways = [_way(each, lag_s) for each in moves]

    def steps(self, delay_s: float) -> np.ndarray:
        """Return how far they come between messages if they are late by so much, ``(S, D)``."""
        return np.concatenate([np.diff(np.stack([
            np.interp(moves.measured_s - delay_s, at_s, axis) for axis in way.T], axis=1), axis=0)
            for moves, (at_s, way) in zip(self._moves, self._ways, strict=True)])


def _way(moves: Moves, lag_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times ``(T,)`` and the integral of the lagged commands until then, ``(T, D)``."""
    at_s = np.arange(min(moves.measured_s[0], moves.command_s[0]), moves.measured_s[-1] + _STEP_S,
                     _STEP_S)
    newest = np.searchsorted(moves.command_s, at_s + 1e-9, side='right') - 1
    told = np.maximum(newest, 0)
    obeyed = (newest >= 0) & (at_s - moves.command_s[told] <= _SILENT_S)
    speeds = np.where(obeyed[:, None], moves.commands[told], 0.0)
    way = np.zeros_like(speeds)
    way[1:] = np.cumsum(speeds, axis=0)[:-1] * _STEP_S
    if lag_s > 0.0:  # the way lags behind as the speed does
        keep, behind = float(np.exp(-_STEP_S / lag_s)), np.zeros(way.shape[1])
        for row in range(len(way)):
            way[row] = behind = way[row] + (behind - way[row]) * keep
    return at_s, way


def identify_arm(moves: list[Moves]) -> ArmIdentified:
    """
    Return the arm that explains its motion.

    :raises EpisodeError: it hardly moved, or its motion does not follow the commands.
    """
    moved = np.concatenate([np.diff(each.places, axis=0) for each in moves])  # (S, D)
    way_m = float(np.linalg.norm(moved, axis=1).sum())
    if way_m < _LEAST_M:
        raise EpisodeError(f'The recording must hold at least {_LEAST_M:g} m of the tool moving. '
                           f'Got {way_m:.2f} m. Record a few demonstrations.')
    ways = {float(lag_s): _Ways(moves, float(lag_s)) for lag_s in _LAGS_S}
    grid = [(float(delay_s), lag_s) for delay_s in _DELAYS_S for lag_s in ways]
    table = np.array([_moments(ways[lag_s].steps(delay_s), moved)
                      for delay_s, lag_s in grid])  # (G, S, 3)
    blocks = np.array_split(np.arange(table.shape[1]), _BLOCKS)
    whole = table.sum(axis=1)
    delay_s, lag_s, gain, left = _best(grid, whole)
    total = float(np.sum(moved ** 2))
    if left / total > 0.5:
        raise EpisodeError(f'The data contradict this model: {left / total:.0%} of how the tool '
                           'moved does not follow these commands. Are they the ones that it was '
                           'driven with?')
    others = np.array([_best(grid, whole - table[:, block].sum(axis=1))[:3] for block in blocks])
    spread = np.sqrt((_BLOCKS - 1) / _BLOCKS * ((others - others.mean(axis=0)) ** 2).sum(axis=0))
    half = Z95 * spread + (0.5 * _STEP_S, 0.5 * _STEP_S, 0.003 * gain)
    noise_m, noise_rad = _rest_noise(moves)
    intervals = {name: _within(name, value - h, value + h) for name, value, h in zip(
        ('delay_s', 'lag_s', 'gain'), (delay_s, lag_s, gain), half, strict=True)}
    for name, value in (('joint_noise_rad', noise_rad), ('place_noise_m', noise_m)):
        intervals[name] = _within(name, 0.8 * value, 1.2 * value)
    plain = float(np.sum((moved - ways[0.0].steps(0.0)) ** 2))
    return ArmIdentified(ArmPlant(delay_s, lag_s, gain, noise_rad, noise_m), intervals, way_m,
                         left / total, plain / total)


def _moments(foretold: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return per step what least squares of the gain needs, ``(S, 3)``."""
    return np.stack([(foretold ** 2).sum(axis=1), (foretold * moved).sum(axis=1),
                     (moved ** 2).sum(axis=1)], axis=1)


def _best(grid: list[tuple[float, float]],
          sums: np.ndarray) -> tuple[float, float, float, float]:
    """Return delay, lag, gain and what they leave unexplained; ``sums``: (G, 3)."""
    gains = sums[:, 1] / np.maximum(sums[:, 0], 1e-12)
    left = sums[:, 2] - gains * sums[:, 1]
    best = int(np.argmin(left))
    return (*grid[best], float(gains[best]), float(left[best]))


def _within(name: str, low: float, high: float) -> tuple[float, float]:
    least, most = ARM_RANGES[name]
    return max(least, float(low)), min(most, float(high))


def _rest_noise(moves: list[Moves]) -> tuple[float, float]:
    """
    Return the noise of places [m] and of joints [rad], from what third differences leave.

    Motion is smooth at the rate of messages, noise is not: of white noise a third difference has
    20 times the variance. The median over the axes and windows is of those that hardly move.
    """
    def noise(values: list[np.ndarray]) -> float:
        rough = [np.abs(np.diff(each, 3, axis=0)) for each in values if len(each) > 3]
        if not rough:
            return 0.0
        lowest = np.sort(np.concatenate(rough).ravel())
        # Half of the smallest half: a quarter of a normal distribution lies within 0.319 of it.
        return float(lowest[len(lowest) // 4] / 0.319 / np.sqrt(20.0))

    return noise([each.places for each in moves]), noise(
        [each.joints_rad for each in moves if each.joints_rad.size])


def text_of(found: ArmIdentified, name: str) -> str:
    """Return the profile's YAML, with the reason behind each value."""
    reasons = {key: f'{getattr(found.plant, key):.4g}; from {found.way_m:.1f} m of the tool'
               for key in found.intervals}
    return ('# Identified from a recording; intervals are 95 %.\n'
            + found.profile(name).text(reasons))
