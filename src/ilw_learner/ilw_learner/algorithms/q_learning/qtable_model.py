"""A Markov decision process with a table of values: learned by driving, or known by iteration."""

from typing import Protocol

from numba import njit
import numpy as np


class Model(Protocol):
    """A Markov decision process with S states and K actions."""

    shape: tuple[int, int, int]
    origin: np.ndarray
    size: np.ndarray
    goal: np.ndarray
    after: np.ndarray
    reward: np.ndarray
    ended: np.ndarray
    free: np.ndarray


@njit(cache=True)
def learn(q: np.ndarray, after: np.ndarray, reward: np.ndarray, ended: np.ndarray,
          starts: np.ndarray, alpha: float, gamma: float, epsilon: float, horizon: int,
          updates: int, seed: int) -> None:
    """
    Improve ``q`` (S, K) by driving: episodes from random starts, each action now and then random.

    :param starts: states an episode may begin in.
    """
    np.random.seed(seed)
    state, left = 0, 0
    for _ in range(updates):
        if left == 0:
            state, left = starts[np.random.randint(len(starts))], horizon
        if np.random.random() < epsilon:
            action = np.random.randint(q.shape[1])
        else:
            action = int(np.argmax(q[state]))
        target = reward[state, action]
        then = after[state, action]
        if not ended[state, action]:
            target += gamma * q[then].max()
        q[state, action] += alpha * (target - q[state, action])
        left = 0 if ended[state, action] else left - 1
        state = then


def value_iteration(model: Model, gamma: float) -> np.ndarray:
    """Return the values of the best policy for every action, (S, K), to rounding."""
    q = np.zeros(model.after.shape)
    while True:
        new = model.reward + gamma * ~model.ended * q.max(1)[model.after]
        if np.max(np.abs(new - q)) < 1e-13:
            return new
        q = new


def reaching(best: np.ndarray, model: Model) -> np.ndarray:
    """Return the states from which the goal can be reached, (S,) bool."""
    return model.free & (best.max(1) > 1e-12)


def is_optimal(q: np.ndarray, best: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return where the greedy action of ``q`` is one of the best, (S,) bool, of some states."""
    chosen = np.take_along_axis(best, q.argmax(1)[:, None], 1)[:, 0]
    return (chosen >= best.max(1) - 1e-9) & states
