"""
Inverse reinforcement learning with linear features, from drives in the batched simulator.

A. Boularias, J. Kober, J. Peters, "Relative Entropy Inverse Reinforcement Learning", AISTATS 2011:
of all distributions over drives that have the demonstrations' mean feature sums, the one nearest
to a base distribution is ``p(drive) ~ base(drive) * exp(weights @ sums)``; the weights maximise
the demonstrations' likelihood, with the partition function estimated from drives of the base.

The base is here a clone of the demonstrator, a part of whose actions is random, from none to all
(as D. S. Brown et al. degrade it, "Better-than-Demonstrator Imitation Learning via
Automatically-Ranked Demonstrations", CoRL 2019, section 4.2), or left out, so that it stands.

Differences from the paper: the distribution is over the drives in one world, given the world, so
that an easy world is no good driving; what the demonstrations would have summed up to in a world
is predicted from how far the goal was at the start, by least squares, as nobody demonstrated
there; a normal prior on the weights instead of the bound on the features' mismatch.
"""

from dataclasses import dataclass

import numpy as np

from ilw_learner.rewards.convex import minimise

PRIOR = 0.02
"""Precision of the weights' prior, of features with a spread of 1"""


@dataclass(frozen=True)
class SampledWeights:
    """What was found."""

    weights: np.ndarray
    """(F,) reward per unit of each feature"""
    mismatch: np.ndarray
    """(F,) demonstrated minus expected sum of an episode, over the spread among the drives"""
    evaluations: int


def expected_sums(sums: np.ndarray, starts: np.ndarray, others: np.ndarray) -> np.ndarray:
    """
    Return what demonstrations would have summed up to from other starts, (W, F).

    :param sums: (D, F) of the demonstrations.
    :param starts: (D, P) numbers that say how hard a start is.
    :param others: (W, P) the same of other starts.
    """
    def design(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones((len(values), 1)), values], axis=1)

    fit, *_ = np.linalg.lstsq(design(starts), sums, rcond=None)
    found: np.ndarray = design(others) @ fit
    return found


def recover_from_drives(targets: np.ndarray, drives: np.ndarray, prior: float = PRIOR,
                        ) -> SampledWeights:
    """
    Return the weights under which the demonstrations are likeliest.

    :param targets: (W, F) demonstrated sums of features, per world.
    :param drives: (W, M, F) sums of M drives in each of W worlds.
    """
    flat = drives.reshape(-1, drives.shape[2])
    spread = flat.std(axis=0)
    used = spread > 1e-9
    scale = np.where(used, spread, 1.0)
    # From the target on: what every drive of a world has in common cancels.
    gaps = (drives - targets[:, None]) / scale * used

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        gains = gaps @ weights  # (W, M)
        top = gains.max(axis=1, keepdims=True)
        shares = np.exp(gains - top)
        total = shares.sum(axis=1, keepdims=True)
        value = (top + np.log(total / gains.shape[1])).mean() + 0.5 * prior * weights @ weights
        mean = ((shares / total)[..., None] * gaps).sum(axis=1).mean(axis=0)
        return float(value), mean + prior * weights

    found = minimise(loss, np.zeros(drives.shape[2]))
    _, gradient = loss(found.at)
    return SampledWeights(found.at / scale, -(gradient - prior * found.at), found.evaluations)
