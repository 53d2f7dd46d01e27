"""CartPole for both sides of bench/imitation.py: who is imitated, and how a policy is scored."""

from collections.abc import Callable

import gymnasium
import numpy as np

ENV = 'CartPole-v1'
EPISODES = 60
"""Shown"""
_SCORED, _FIRST = 50, 10_000


def expert(obs: np.ndarray) -> np.ndarray:
    """Return the choices (N,) of one who balances, of (N, 4) observations."""
    return (obs @ np.array([0.05, 0.12, 1.0, 0.25]) > 0.0).astype(np.int64)


def shown(seed: int, episodes: int = EPISODES) -> dict[str, np.ndarray]:
    """Return whole episodes of the expert as steps that follow each other."""
    env, rows = gymnasium.make(ENV), []
    for number in range(episodes):
        obs, ended = env.reset(seed=1000 * seed + number)[0], False
        while not ended:
            choice = int(expert(obs[None])[0])
            after, _, terminated, truncated, _ = env.step(choice)
            ended = terminated or truncated
            rows.append((obs, choice, after, terminated, ended))
            obs = after
    return dict(zip(('obs', 'choices', 'after', 'terminated', 'ended'),
                    map(np.array, zip(*rows, strict=True)), strict=True))


def mean_return(act: Callable[[np.ndarray], np.ndarray]) -> float:
    """Return the mean steps of 50 episodes; ``act`` gives choices (N,) for (N, 4)."""
    env, total = gymnasium.make(ENV), 0
    for number in range(_SCORED):
        obs, ended = env.reset(seed=_FIRST + number)[0], False
        while not ended:
            obs, _, terminated, truncated, _ = env.step(int(act(obs[None])[0]))
            ended = terminated or truncated
            total += 1
    return total / _SCORED
