"""Drives in the simulator by a policy that is made worse on purpose, as sums of features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_data.doctor.labels import moving
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_features import measure, of_arrays, steps_of
from ilw_learner.rollout.evaluate import Act, make_env

HELD_TICKS = 5
"""For which a random action is held: shorter ones cancel each other"""

STANDING = 0.5
"""Share of the drives that are worse by standing, not by random actions: without them nothing
tells that time is dear, as who turns at random is known by the turning"""


@dataclass(frozen=True)
class DegradedDrives:
    """M drives in each of W worlds."""

    sums: np.ndarray
    """(W, M, F) of each feature over the drive, discounted"""
    success: np.ndarray
    """(W, M) bool"""
    shares: np.ndarray
    """(M,) part of the actions that is random"""


def drive_degraded(contract: Contract, simulator: str, acts: Sequence[Act],
                   shares: Sequence[float], worlds: Sequence[int], names: Sequence[str],
                   rng: np.random.Generator, *, discount: float = 1.0,
                   on_world: Callable[[int], None] = lambda done: None) -> DegradedDrives:
    """
    Drive once per share in every world.

    :param simulator: ``module:function`` of the many robots, as for ``./ilw train``.
    :param acts: one per share, each with a memory of its own; asked from the first tick on.
    :param names: of the features.
    :param discount: what a step counts, to the power of the steps before it.
    """
    sums, success = [], []
    for world in worlds:
        env = make_env(simulator, contract, robots=len(shares), seed=int(world), worlds=1,
                       first_world=int(world))
        of_world, good = drive_once(contract, env, acts, np.asarray(shares), names, rng, discount)
        sums.append(of_world)
        success.append(good)
        on_world(len(sums))
    return DegradedDrives(np.array(sums), np.array(success), np.asarray(shares, dtype=np.float64))


def return_of(episode: Episode, reward: RecoveredReward) -> float:
    """
    Return what a recorded episode earns, discounted; steps not seen whole earn nothing.

    It counts from the first command to move on: a recording begins before its driver does.
    """
    away = np.flatnonzero(moving(episode, reward.contract))
    steps = np.arange(len(episode.actions)) - (away[0] if len(away) else 0)
    counts = episode.whole[:-1] & episode.whole[1:] & (steps >= 0)
    weights = np.where(counts, reward.discount ** steps.clip(min=0), 0.0)
    return float(weights @ reward.of(steps_of(episode)).numpy())


def drive_once(contract: Contract, env: Any, acts: Sequence[Act], shares: np.ndarray,
               names: Sequence[str], rng: np.random.Generator, discount: float = 1.0,
               ) -> tuple[np.ndarray, np.ndarray]:
    """
    Drive one episode with each of M robots.

    :param env: of M robots, as ``make_batch`` gives it.
    :param acts: of each robot; asked at every tick, also where it is not obeyed.
    :param shares: (M,) part of the half seconds in which it is not: the robot does something at
        random then, or of ``STANDING`` of the robots, nothing.
    :param discount: what a step counts, to the power of the steps before it.
    :returns: sums of features (M, F) and success (M,).
    """
    action, robots = contract.action, len(shares)
    obs = np.array(env.reset(seed=int(rng.integers(2 ** 31)))[0])
    running, known = np.ones(robots, dtype=bool), np.ones(obs.shape[1], dtype=bool)
    seen: list[tuple[np.ndarray, ...]] = []
    lost, wild = running, np.zeros((robots, action.dim))
    stands = rng.random(robots) < STANDING
    while running.any():
        if len(seen) % HELD_TICKS == 0:
            lost = rng.random(robots) < shares
            wild = rng.uniform(action.low, action.high, (robots, action.dim))
            wild[stands] = action.rest
        wanted = wild.copy()
        for robot in np.flatnonzero(running):
            given = acts[robot](obs[robot], known)
            if not lost[robot]:
                wanted[robot] = action.rest if given is None else given
        choice = action.nearest(wanted) if action.discrete else wanted.astype(np.float32)
        new, _, terminated, truncated, info = env.step(choice)
        arrived = info['success'].copy()
        seen.append((obs, info['final_obs'].copy(), arrived, terminated & ~arrived, running))
        running = running & ~(terminated | truncated)
        obs = np.array(new)
    before, after, arrived, collided, ran = (np.stack(each) for each in zip(*seen, strict=True))
    flat = of_arrays(*(each.reshape(-1, *each.shape[2:])
                       for each in (before, after, arrived, collided)))
    rows = measure(contract, names, flat).numpy().reshape(*ran.shape, -1)  # (T, M, F)
    counts = ran * discount ** np.arange(len(ran))[:, None]
    return (counts[..., None] * rows).sum(axis=0), (ran & arrived).any(0)
