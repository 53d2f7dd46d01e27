"""A maze whose reward is known: demonstrations of it, and what a recovered reward gives back."""

from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.algorithms.q_learning.qtable_model import Model, reaching, value_iteration
from ilw_learner.rewards.binned_maze import BinnedWorld, binned_world, recover_in_bins
from ilw_learner.rewards.maximum_causal_entropy import FiniteWorld, best_actions, best_values

GAMMA = 0.9
"""Per held action, as in config/train/qtable.yaml"""


@dataclass(frozen=True)
class MazeFigures:
    """Of one seed."""

    regained: float
    """Discounted contract reward of the recovered reward's best policy, from every state that can
    reach the goal, in parts of the best there is"""
    rank: float
    """Spearman's coefficient of those states: what they are worth under either reward"""
    mismatch: float
    """Largest difference of a feature's count: demonstrated minus expected"""
    evaluations: int


def demonstrated(binned: BinnedWorld, best: np.ndarray, rng: np.random.Generator,
                 count: int, slips: float = 0.05) -> list[np.ndarray]:
    """
    Return ways from random states to the goal of a driver who knows the best actions.

    :param best: (S, K) their values.
    :param slips: chance of a random action; ties are broken at random.
    """
    world, starts, ways = binned.world, np.flatnonzero(reaching(best, binned.model)), []
    while len(ways) < count:
        way = [int(rng.choice(starts))]
        while len(way) <= world.horizon and not world.ends[way[-1]]:
            good = np.flatnonzero(best[way[-1]] >= best[way[-1]].max() - 1e-9)
            slip = rng.random() < slips
            action = rng.integers(best.shape[1]) if slip else rng.choice(good)
            way.append(int(world.after[way[-1], action]))
        if way[-1] == binned.goal:  # who fails does not demonstrate
            ways.append(np.array(way))
    return ways


def figures(contract: Contract, model: Model, hold: int, seed: int, count: int = 60,
            ) -> MazeFigures:
    """Recover the reward of so many demonstrations and hold it to the contract's."""
    binned = binned_world(contract, model, hold)
    best = value_iteration(model, GAMMA)
    ways = demonstrated(binned, best, np.random.default_rng(seed), count)
    _, found = recover_in_bins(contract, binned, ways)
    reward = binned.features @ found.weights
    states = np.flatnonzero(reaching(best, model))
    true = best.max(1)[states]
    worth = best_values(binned.world, reward)[states]
    earned = _earned(binned.world, reward, binned.goal, states)
    return MazeFigures(float(earned.sum() / true.sum()), spearman(worth, true), found.mismatch,
                       found.found.evaluations)


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Return the rank correlation; equal values share their mean rank."""
    def ranks(values: np.ndarray) -> np.ndarray:
        _, index, counts = np.unique(np.round(values, 9), return_inverse=True, return_counts=True)
        shared: np.ndarray = (counts.cumsum() - 0.5 * (counts + 1))[index]
        return shared

    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def _earned(world: FiniteWorld, reward: np.ndarray, goal: int, states: np.ndarray) -> np.ndarray:
    """Return the discounted reward, 1 for the goal and -1 for a collision, of each state."""
    here, earned = states.copy(), np.zeros(len(states))
    for step, choice in enumerate(best_actions(world, reward)):
        driving = ~world.ends[here]
        here = np.where(driving, world.after[here, choice[here]], here)
        paid = np.where(here == goal, 1.0, np.where(here == goal + 1, -1.0, 0.0))
        earned += driving * GAMMA ** step * paid
    return earned
