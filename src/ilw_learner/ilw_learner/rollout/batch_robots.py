"""Many simulated robots that a learner drives by choices."""

from typing import Any

import numpy as np
import torch

from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.rollout.vec_env import BatchVecEnv

LEARN_WORLDS = 2000
"""To learn in"""
JUDGE_ROBOTS = 512
"""Each in an unseen world: so many tell 95 % from 92 %"""


def batch_robots(simulator: str, contract: Contract, table: np.ndarray, *, robots: int,
                 worlds: int, first: int, seed: int, device: torch.device, plant: Any = None,
                 captured: bool = False) -> BatchVecEnv:
    """
    Return robots of a batched simulator.

    :param simulator: ``module:function``.
    :param table: ``(K, Da)`` what each choice means.
    :param first: number of the first world, among those of the seed.
    :raises IlwError: there is no such simulator.
    """
    env = make_env(simulator, contract, robots=robots, seed=seed, worlds=worlds,
                   first_world=seed * world_seeds.PER_RUN + first, device=device.type,
                   plant=plant)
    return BatchVecEnv(env, device, None if contract.action.discrete else table,
                       captured=captured)
