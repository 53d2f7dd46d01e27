"""Robots, and recorded episodes, that earn a recovered reward instead of the contract's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ilw_core.episode import Episode
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_features import StepTensors, steps_of
from ilw_learner.rollout.vec_env import Steps, VecEnv


class PaidRobots:
    """
    A ``VecEnv`` whose reward is another one; what it observes is as the contract says.

    :param robots: their own reward is not read.
    :param pay: what N steps earn, (N,), of the steps and (N,) choices.
    """

    def __init__(self, robots: VecEnv, pay: Callable[[StepTensors, Tensor], Tensor]) -> None:
        self._robots, self._pay, self.count = robots, pay, robots.count
        self._obs = torch.empty(0)

    def reset(self, seed: int) -> Tensor:
        """Begin anew."""
        obs = self._robots.reset(seed)
        self._obs = obs.clone()
        return obs

    def step(self, choices: Tensor) -> Steps:
        """Apply a choice per robot."""
        seen = self._robots.step(choices)
        earned = self._pay(StepTensors(
            self._obs, seen.after, seen.success, seen.terminated & ~seen.success), choices)
        self._obs.copy_(seen.obs)  # the robots' own arrays are overwritten by the next step
        return replace(seen, reward=earned)


def earned_in(episode: Episode, reward: RecoveredReward) -> np.ndarray:
    """Return the reward of each step, (T,) float32."""
    earned: np.ndarray = reward.of(steps_of(episode)).numpy()
    return earned
