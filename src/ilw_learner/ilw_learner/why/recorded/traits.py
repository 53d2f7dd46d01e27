"""What kind of quantity an input is, by the recordings: the shapes that confounders have."""

from dataclasses import dataclass

import numpy as np

from ilw_learner.why.inputs import NamedInput
from ilw_learner.why.recorded.regression import squared_errors, told


@dataclass(frozen=True)
class InputTraits:
    """How far an input follows something that is no cause of what to do next."""

    follows_last_action: float
    """R² of it from the last action: a lamp that lights as one brakes, a measured speed"""
    follows_time: float
    """R² of it from the time since the episode began: a clock, a battery"""
    varies_within: float
    """Part of its variance that is within episodes: 0 of a colour patch, a place that stays"""


def traits(given: NamedInput, obs: np.ndarray, previous: np.ndarray, tick: np.ndarray,
           episode: np.ndarray) -> InputTraits:
    """
    Look at an input's newest values.

    :param obs: ``(N, To, Do)``; ``previous``: ``(N, Da)`` last actions, NaN where not known.
    """
    values = obs[:, -1, given.columns].astype(np.float64)
    known = np.isfinite(previous).all(axis=1)
    _, index, count = np.unique(episode, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(index, column) / count for column in values.T], axis=1)
    moving = values.var(axis=0) > 1e-12
    within = np.square(values - means[index]).mean(axis=0)[moving] / values.var(axis=0)[moving]
    return InputTraits(
        told(squared_errors(previous[known], values[known], episode[known])),
        told(squared_errors(tick[:, None].astype(float), values, episode)),
        float(within.mean()) if moving.any() else 0.0)
