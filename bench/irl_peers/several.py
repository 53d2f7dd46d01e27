"""CartPole several times, as ILW's learners drive it."""

from cart import ENV
import numpy as np
import torch

from ilw_learner.rollout.gym_env import make_gymnasium
from ilw_learner.rollout.vec_env import Steps

ROBOTS = 16


class Robots:
    """Several CartPoles as a ``VecEnv``."""

    def __init__(self, count: int) -> None:
        self.count, self._robots = count, [make_gymnasium(ENV) for _ in range(count)]

    def reset(self, seed: int) -> torch.Tensor:
        """Begin anew."""
        return torch.cat([each.reset(seed * self.count + k)
                          for k, each in enumerate(self._robots)])

    def step(self, choices: torch.Tensor) -> Steps:
        """Apply a choice per robot."""
        seen = [each.take(choice) for each, choice in zip(
            self._robots, choices.tolist(), strict=True)]
        obs, reward, terminated, truncated, after, success = zip(*seen, strict=True)
        return Steps(torch.from_numpy(np.array(obs)), torch.tensor(reward),
                     torch.tensor(terminated), torch.tensor(truncated),
                     torch.from_numpy(np.array(after)), torch.tensor(success))
