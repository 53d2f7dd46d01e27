"""The scripted expert in the batched simulator, as well as it can and worse on purpose."""

from collections.abc import Sequence

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.rewards.drives import drive_once
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import YAW, X, Y
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.driver.expert import Expert
from ilw_sim.tasks.scene import make_grid

_GRID_M = 0.05


def driven_sums(contract: Contract, worlds: Sequence[int], names: Sequence[str],
                random_ratio: float, discount: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Drive one episode per world; return sums of features (W, F) and success (W,).

    :param random_ratio: share of half seconds in which the action is a random one, or none.
    :param discount: what a step counts, to the power of the steps before it.
    """
    scenes = make_scenes(contract, worlds)
    env = BatchEnv(contract, scenes=scenes)

    def driver(number: int):
        scene = scenes[number]
        expert = Expert(contract, np.random.default_rng([seed, number]))
        expert.plan(make_grid(scene.size, scene.shapes, _GRID_M, corner=scene.origin), scene.goal)
        return lambda obs, valid: expert.drive(
            tuple(env.arrays.state[number, [X, Y, YAW]].astype(float)))

    return drive_once(
        contract, env, [driver(number) for number in range(len(scenes))],
        np.full(len(scenes), random_ratio), names, np.random.default_rng(seed),
        discount)
