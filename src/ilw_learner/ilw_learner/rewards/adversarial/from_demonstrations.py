"""Recover a reward by setting a driver in the simulator against demonstrations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ilw_core import world_seeds
from ilw_core.contract.action import nearest_choice
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import EpisodeError
from ilw_data.doctor.labels import moving
from ilw_learner.algorithms.dqn import choices_of
from ilw_learner.algorithms.q_learning.q_learner import drive_greedily
from ilw_learner.algorithms.q_learning.q_values import DqnConfig
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.rewards.adversarial.airl import AirlConfig, TwoSides, set_against_each_other
from ilw_learner.rewards.adversarial.discriminator import SeenSteps
from ilw_learner.rewards.noisy_drives import steps_of_a_timeout
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_features import (
    GAINS,
    StepTensors,
    features_of,
    measure,
    of_arrays,
    steps_of,
)
from ilw_learner.rollout.batch_robots import JUDGE_ROBOTS, LEARN_WORLDS, batch_robots
from ilw_learner.rollout.evaluate import Act
from ilw_learner.rollout.vec_env import BatchVecEnv
from ilw_learner.training.options import training_math

METHOD = 'adversarial inverse reinforcement learning'


@dataclass(frozen=True)
class Adversarial:
    """What came out."""

    reward: RecoveredReward
    success_ratio: float
    """Of the driver that learned from it, greedily in 512 unseen worlds"""
    told_apart: float
    """Share of steps whose side the discriminator told at the end; 0.5: it cannot"""
    act: Act
    """The driver, one observation at a time"""


@training_math()
def recover_adversarially(
    contract: Contract, episodes: Sequence[Episode], simulator: str, dqn: DqnConfig,
    config: AirlConfig, seed: int, on_steps: Callable[[int], None] = lambda steps: None,
) -> Adversarial:
    """
    Return the reward under which a driver was taken for the demonstrator.

    :param dqn: of the driver; its choices and what it sees are those of ``dqn``'s training.
    """
    table = choices_of(contract, dqn)
    inputs = Inputs(contract, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                    fourier=dqn.fourier, near_m=dqn.near_m)

    def encode(obs: Tensor) -> Tensor:
        return inputs(obs)  # type: ignore[no-any-return]

    def many(robots: int, worlds: int, first: int) -> BatchVecEnv:
        return batch_robots(simulator, contract, table, robots=robots, worlds=worlds, first=first,
                            seed=seed, device=torch.device('cpu'))

    judged = many(JUDGE_ROBOTS, JUDGE_ROBOTS, world_seeds.JUDGE)
    names = list(features_of(contract))
    collision, step = names.index('collision'), names.index('step')
    lost = steps_of_a_timeout(contract, config.discriminator.gamma)

    def features(steps: StepTensors) -> Tensor:
        found = measure(contract, names, steps)
        found[:, step] += lost * found[:, collision]
        return found

    found = set_against_each_other(
        config, replace(dqn, history=1), many(dqn.robots, LEARN_WORLDS, world_seeds.LEARN), encode,
        len(table), features, [k for k, name in enumerate(names) if name not in GAINS],
        shown_in(episodes, contract, table), seed=seed, on_round=on_steps,
        judge=lambda net: drive_greedily(net, judged, encode, JUDGE_ROBOTS, seed))
    weights = found.weights.double().numpy().copy()
    weights[collision] += lost * weights[step]
    return Adversarial(
        RecoveredReward(contract, METHOD,
                        {name: float(weights[k]) for k, name in enumerate(names) if weights[k]},
                        discount=config.discriminator.gamma),
        drive_greedily(found.driver.dqn, judged, encode, JUDGE_ROBOTS, seed).success_ratio,
        found.told_apart, _acting(found, encode, table))


def shown_in(episodes: Sequence[Episode], contract: Contract, table: np.ndarray) -> SeenSteps:
    """
    Return the steps of episodes at which all was seen and a command was given.

    Each begins with its first command to move on.

    :param table: (K, Da) what each choice means; a command counts as the nearest.
    :raises EpisodeError: there is none.
    """
    parts, choices = [], []
    span = contract.action.high - contract.action.low
    for episode in episodes:
        usable = episode.whole[:-1] & episode.whole[1:] & episode.action_valid
        away = np.flatnonzero(moving(episode, contract))
        usable &= np.arange(len(usable)) >= (away[0] if len(away) else 0)
        steps, rows = steps_of(episode), np.flatnonzero(usable)
        parts.append([each.numpy()[rows] for each in (
            steps.before, steps.after, steps.arrived, steps.collided)])
        choices.append(nearest_choice(episode.actions[rows], table, span))
    if not sum(map(len, choices)):
        raise EpisodeError('No step of the demonstrations was seen whole. Look at them: '
                           './ilw doctor')
    return SeenSteps(of_arrays(*(np.concatenate(each) for each in zip(*parts, strict=True))),
                     torch.from_numpy(np.concatenate(choices)))


def _acting(found: TwoSides, encode: Callable[[Tensor], Tensor], table: np.ndarray) -> Act:
    def act(values: np.ndarray, valid: np.ndarray, images: Any = None) -> np.ndarray:
        choice: np.ndarray = table[found.driver.dqn.best_one(
            encode(torch.from_numpy(values).unsqueeze(0))[0].numpy())]
        return choice

    return act
