"""
Inverse reinforcement learning with linear features: who drives with less noise wants it more.

D. S. Brown, W. Goo, S. Niekum, "Better-than-Demonstrator Imitation Learning via
Automatically-Ranked Demonstrations", CoRL 2019 (D-REX): a clone of the demonstrator drives with
more and more of its actions random, and of two drives the one with less noise is taken to be the
better. The weights maximise the likelihood of that order under R. D. Luce's choice rule, their
equation 2: ``p(a above b) = 1 / (1 + exp(-weights @ (sums_a - sums_b)))``.

Differences from the paper: the reward is linear in named features instead of a network; both
drives of a pair are of one world, so that an easy world is no good driving; sums are of whole
drives, discounted, instead of snippets; a normal prior on the weights, as drives that can be told
apart without error have infinite ones; and features about which the drives say nothing, by a
bootstrap over worlds (B. Efron, 1979), are left out, the least known first.
"""

from dataclasses import dataclass

import numpy as np

PRIOR = 0.02
"""Precision of the weights' prior, per pair, of features whose gaps have a spread of 1"""
MARGIN = 0.1
"""Of two drives whose shares of noise are nearer than this, nobody says which is better"""
_DRAWS = 500
_NEWTON_STEPS = 50
_SLACK = 1e-9


@dataclass(frozen=True)
class RankedWeights:
    """What was found."""

    weights: np.ndarray
    """(F,) reward per unit of each feature; 0 where not known"""
    known: np.ndarray
    """(F,) bool: the 95 % interval does not hold 0"""
    drawn: np.ndarray
    """(B, F) weights of the bootstrap; of an unknown feature those when it was left out"""
    agreement: float
    """Part of the pairs in which the drive with less noise earns more"""


def weights_of_ranking(sums: np.ndarray, shares: np.ndarray, rng: np.random.Generator, *,
                       never_good: tuple[int, ...] = (), prior: float = PRIOR) -> RankedWeights:
    """
    Return the weights under which less noise is likeliest to be better.

    :param sums: (W, M, F) of M drives in each of W worlds.
    :param shares: (M,) part of a drive's actions that is random.
    :param never_good: features whose weight is not known unless it is below 0.
    :raises ValueError: no two shares are so far apart that they could be ranked.
    """
    gaps, spread = _gaps(sums, shares)
    known, drawn = spread > _SLACK, np.zeros((_DRAWS, sums.shape[2]))
    scale = np.where(known, spread, 1.0)
    gaps /= scale
    found = np.zeros(len(scale))
    while known.any():
        found = _fit(gaps * known, prior, found * known)
        rows = [rng.integers(len(gaps), size=len(gaps)) for _ in range(_DRAWS)]
        of_round = np.array([_fit(gaps[row] * known, prior, found) for row in rows]) / scale
        drawn[:, known] = of_round[:, known]
        low, high = np.percentile(of_round, [2.5, 97.5], axis=0)
        vague = known & (low <= 0.0) & (high >= 0.0)
        vague[list(never_good)] |= known[list(never_good)] & (high[list(never_good)] >= 0.0)
        if not vague.any():
            break
        certainty = np.abs(of_round.mean(axis=0)) / of_round.std(axis=0).clip(min=_SLACK)
        certainty[[k for k in never_good if of_round[:, k].mean() > 0.0]] = -1.0  # at once
        known[np.where(vague, certainty, np.inf).argmin()] = False
        found[~known] = 0.0
    return RankedWeights(found / scale, known, drawn, float((gaps @ found > 0.0).mean()))


def _gaps(sums: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return better minus worse of each pair, (W, P, F), and their root mean square, (F,)."""
    better, worse = np.nonzero(shares[None] - shares[:, None] >= MARGIN - _SLACK)
    if not len(better):
        raise ValueError(f'two shares must be {MARGIN} apart. Got {shares.tolist()}')
    gaps: np.ndarray = sums[:, better] - sums[:, worse]
    return gaps, np.sqrt((gaps ** 2).mean(axis=(0, 1)))


def _fit(gaps: np.ndarray, prior: float, start: np.ndarray) -> np.ndarray:
    """Return the likeliest weights (F,) for gaps (W, P, F): Newton's steps, halved if too long."""
    flat, weights = gaps.reshape(-1, gaps.shape[2]), start

    def loss(at: np.ndarray) -> float:
        return float(np.logaddexp(0.0, -(flat @ at)).mean() + 0.5 * prior * at @ at)

    value = loss(weights)
    for _ in range(_NEWTON_STEPS):
        wrong = np.exp(-np.logaddexp(0.0, flat @ weights))  # the chance of the other order
        gradient = prior * weights - wrong @ flat / len(flat)
        curve = (flat.T * (wrong * (1.0 - wrong))) @ flat / len(flat)
        step = np.linalg.solve(curve + prior * np.eye(len(weights)), gradient)
        newer = loss(weights - step)
        while newer > value and np.abs(step).max() > _SLACK:
            step = 0.5 * step
            newer = loss(weights - step)
        if np.abs(step).max() <= _SLACK:
            break
        weights, value = weights - step, newer
    return weights
