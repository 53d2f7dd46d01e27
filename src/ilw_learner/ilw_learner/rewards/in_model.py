"""Ways through a finite world, and what they earn."""

from collections.abc import Sequence

import numpy as np

from ilw_learner.rewards.maximum_causal_entropy import FiniteWorld, best_actions


def wander(world: FiniteWorld, reward: np.ndarray, start: int, random_ratio: float,
           rng: np.random.Generator) -> np.ndarray:
    """
    Return the states of an episode that takes the best actions, and random ones in between.

    :param reward: (S,) of entering a state.
    :param random_ratio: share of random actions.
    """
    best, way = best_actions(world, reward), [start]
    for choices in best:
        if world.ends[way[-1]]:
            break
        lost = rng.random() < random_ratio
        action = rng.integers(world.after.shape[1]) if lost else choices[way[-1]]
        way.append(int(world.after[way[-1], action]))
    return np.array(way)


def returns_of(ways: Sequence[np.ndarray], reward: np.ndarray) -> np.ndarray:
    """Return what each way earns, (N,)."""
    return np.array([reward[way[1:]].sum() for way in ways])
