"""
Maximum causal entropy inverse reinforcement learning, exactly, on a finite world.

B. D. Ziebart, "Modeling Purposeful Adaptive Behavior with the Principle of Maximum Causal
Entropy", 2010, chapter 6: soft value iteration over a finite horizon backwards, state visitation
forwards, and the gradient of the demonstrations' log-likelihood, which is what they visited minus
what the policy is expected to visit.

Differences: actions lead to one state each, so that causal and plain entropy agree (Ziebart et al.
2008); episodes begin where the demonstrations did, which makes the gradient exact for any number
of them; a normal prior on the weights, without which a perfect driver has infinite ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from numba import njit
import numpy as np

from ilw_learner.rewards.convex import Minimum, minimise


@dataclass(frozen=True)
class FiniteWorld:
    """S states, K actions, one step after the other until an end or the horizon."""

    after: np.ndarray
    """(S, K) int64 the state that an action leads to"""
    ends: np.ndarray
    """(S,) bool: nothing follows, and nothing more is earned"""
    horizon: int
    """Actions of an episode, at most"""


@dataclass(frozen=True)
class Demonstrations:
    """What was driven, as the states that were entered."""

    starts: np.ndarray
    """(S,) share of the episodes that began there"""
    entered: np.ndarray
    """(S,) times that a state was entered in an episode, on average"""
    count: int
    """Episodes"""


@dataclass(frozen=True)
class RecoveredWeights:
    """The reward of entering a state is ``features @ weights``."""

    weights: np.ndarray
    """(F,)"""
    found: Minimum
    """How the search ended; its value: negative log-likelihood per episode, with the prior's"""
    mismatch: float
    """Largest difference of a feature's count: demonstrated minus expected, without the prior"""


def demonstrations_of(ways: Sequence[np.ndarray], states: int) -> Demonstrations:
    """
    Count what was entered.

    :param ways: of each episode the states it was in, (T + 1,) int64.
    :raises ValueError: there is none.
    """
    if not ways:
        raise ValueError('there must be at least one demonstration')
    starts = np.bincount([way[0] for way in ways], minlength=states) / len(ways)
    entered = np.bincount(np.concatenate([way[1:] for way in ways]), minlength=states) / len(ways)
    return Demonstrations(starts, entered, len(ways))


def recover_weights(world: FiniteWorld, features: np.ndarray, shown: Demonstrations,
                    prior: np.ndarray, *, most_steps: int = 200) -> RecoveredWeights:
    """
    Return the weights under which the demonstrations are likeliest.

    :param features: (S, F) of entering a state.
    :param prior: (F,) precision of the normal prior, per episode: 0 for none.
    """
    target = shown.entered @ features

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        reward = features @ weights
        values = soft_values(world, reward)
        visited = expected_visits(world, reward, values, shown.starts)
        # Of one episode: log p = sum of rewards - value of the start.
        likely = target @ weights - shown.starts @ values[0]
        gap = visited @ features - target
        return (float(0.5 * prior @ weights ** 2 - likely), gap + prior * weights)

    found = minimise(loss, np.zeros(features.shape[1]), most_steps=most_steps)
    _, gradient = loss(found.at)
    return RecoveredWeights(found.at, found,
                            float(np.abs(gradient - prior * found.at).max()))


def soft_values(world: FiniteWorld, reward: np.ndarray) -> np.ndarray:
    """
    Return the soft value of every state with t steps gone, (horizon + 1, S).

    :param reward: (S,) of entering a state.
    """
    values = np.zeros((world.horizon + 1, len(reward)))
    _soft_values(world.after, world.ends, reward, values)
    return values


def expected_visits(world: FiniteWorld, reward: np.ndarray, values: np.ndarray,
                    starts: np.ndarray) -> np.ndarray:
    """Return how often the soft policy enters each state in an episode, (S,)."""
    visited = np.zeros(len(reward))
    _visits(world.after, world.ends, reward, values, starts, visited)
    return visited


def soft_policy(world: FiniteWorld, reward: np.ndarray, values: np.ndarray,
                step: int) -> np.ndarray:
    """Return the chances of the actions with ``step`` steps gone, (S, K)."""
    gain = reward[world.after] + values[step + 1][world.after]
    chances: np.ndarray = np.exp(gain - values[step][:, None])
    chances[world.ends] = 1.0 / world.after.shape[1]
    return chances


def best_values(world: FiniteWorld, reward: np.ndarray) -> np.ndarray:
    """Return what can be earned at most from every state with all steps left, (S,)."""
    values = np.zeros(len(reward))
    for _ in range(world.horizon):
        values = np.where(world.ends, 0.0, (reward + values)[world.after].max(1))
    return values


def best_actions(world: FiniteWorld, reward: np.ndarray) -> np.ndarray:
    """Return the actions that earn most, with t steps gone, (horizon, S)."""
    choices, values = [], np.zeros(len(reward))
    for _ in range(world.horizon):
        gain = (reward + values)[world.after]
        choices.append(gain.argmax(1))
        values = np.where(world.ends, 0.0, gain.max(1))
    return np.array(choices[::-1])


@njit(cache=True)
def _soft_values(after: np.ndarray, ends: np.ndarray, reward: np.ndarray,
                 values: np.ndarray) -> None:
    states, kinds = after.shape
    for t in range(len(values) - 2, -1, -1):
        for s in range(states):
            if ends[s]:
                continue
            best = -np.inf
            for k in range(kinds):
                best = max(best, reward[after[s, k]] + values[t + 1, after[s, k]])
            total = 0.0
            for k in range(kinds):
                total += math.exp(reward[after[s, k]] + values[t + 1, after[s, k]] - best)
            values[t, s] = best + math.log(total)


@njit(cache=True)
def _visits(after: np.ndarray, ends: np.ndarray, reward: np.ndarray, values: np.ndarray,
            starts: np.ndarray, visited: np.ndarray) -> None:
    states, kinds = after.shape
    here = starts.copy()
    for t in range(len(values) - 1):
        there = np.zeros(states)
        for s in range(states):
            if here[s] == 0.0 or ends[s]:
                continue
            for k in range(kinds):
                to = after[s, k]
                there[to] += here[s] * math.exp(reward[to] + values[t + 1, to] - values[t, s])
        visited += there
        here = there
