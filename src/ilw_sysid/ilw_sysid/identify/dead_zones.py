"""
The dead zone of an axis: between the largest command that did nothing and the smallest that moved.

Between two commanded sizes every dead zone explains a drive equally well, so what is found is
an interval by nature.
"""

from dataclasses import dataclass

import numpy as np

from ilw_core.base.plant_response import follow
from ilw_sysid.identify.problem import FitProblem, weights

_LEVELS = 60
_ENOUGH = 9.0
"""Cost above the best, in units of the residuals' variance, at which a dead zone is ruled out"""
_BLOCK_S, _SURE = 1.0, 1.5
_PAYS = 2.0
"""What a dead zone must gain to be put in the model (H. Akaike, 1974)"""


@dataclass(frozen=True)
class DeadZone:
    """What is known of one axis' dead zone."""

    value: float
    """The middle of the best interval between commanded sizes; 0 where none is needed"""
    low: float
    high: float
    """Between them, nothing is ruled out"""
    smallest_command: float
    """The smallest that was sent, other than 0; infinite if none was"""


def search_dead_zone(problem: FitProblem, values: np.ndarray, scale: np.ndarray, axis: int,
                     inflation: float = 1.0) -> DeadZone:
    """
    Try every interval between commanded sizes, with the gain that is best for each.

    :param scale: (M, 2) of the residuals.
    :param inflation: how many samples say as much as one independent one.
    """
    commands = problem.commands[:, axis]
    size = np.abs(commands)
    levels = _levels(size)
    if not len(levels):
        return DeadZone(0.0, 0.0, np.inf, np.inf)
    delay_s, lag_s, gain, most = values[[0, 1 + axis, 3 + axis, 6 + axis]].tolist()
    switch_s = problem.command_s + delay_s

    def answer(zone: float) -> np.ndarray:
        goal = gain * np.where(size < zone, 0.0, commands)
        return follow(switch_s, goal, lag_s, problem.at_s, most)

    # What the axis should explain: its own speed, less what the rest of the model adds (pull).
    residuals = problem.residuals(values)[:, axis]
    share = weights(residuals[:, None], scale[:, axis:axis + 1])[:, 0]
    wanted = residuals + answer(problem.dead_zones[axis])
    edges = np.concatenate([[0.0], levels])
    losses = np.array([_loss(answer(zone), wanted, share)
                       for zone in 0.5 * (edges[1:] + edges[:-1])])
    costs = losses.sum(axis=1)
    best = int(costs.argmin())
    limit = costs[best] + _ENOUGH * inflation
    fits = np.flatnonzero(costs <= limit)
    low, high = float(edges[fits[0]]), float(edges[fits[-1] + 1])
    pays = (costs[0] - costs[best] > _PAYS * inflation
            and _again_and_again(losses[0] - losses[best], problem.at_s))
    if not pays:
        low = 0.0
    value = 0.5 * float(edges[best] + edges[best + 1]) if pays else 0.0
    return DeadZone(value, low, high, float(levels[0]))


def _levels(size: np.ndarray) -> np.ndarray:
    """Return sizes of commands to tell apart, up to half of the largest, rising."""
    found = np.unique(np.round(size[size > 1e-4], 5))
    found = found[found <= 0.5 * found.max(initial=0.0) + 1e-9]
    if len(found) > _LEVELS:
        found = np.unique(np.quantile(found, np.linspace(0.0, 1.0, _LEVELS)))
    return found


def _loss(base: np.ndarray, wanted: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the loss of each sample with the gain that is best, ``(M,)``."""
    power = float((share * base) @ base)
    gain = float((share * base) @ wanted) / power if power > 0.0 else 0.0
    return share * (wanted - gain * base) ** 2


def _again_and_again(gained: np.ndarray, at_s: np.ndarray) -> bool:
    """
    Tell whether a dead zone explains more at many times, not at one.

    At one time, a push of the ground or a slow start looks the same.
    """
    sums = np.bincount(((at_s - at_s[0]) / _BLOCK_S).astype(np.int64), weights=gained)
    return float(sums.sum()) > _SURE * float(np.sqrt((sums ** 2).sum()))
