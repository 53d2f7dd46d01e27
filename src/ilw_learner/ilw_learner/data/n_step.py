"""Steps become transitions over up to n of them (Sutton 1988): of one robot, of many at once."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ilw_learner.data.replay_buffer import Transition, Transitions


class NStepWalk:
    """
    Transitions of steps that come one after the other; each is given back as soon as it is known.

    :param steps: n.
    :param gamma: discount per step.
    """

    def __init__(self, steps: int, gamma: float) -> None:
        self._steps, self._gamma = steps, gamma
        self._open: deque[tuple[np.ndarray, int]] = deque()
        self._rewards: deque[float] = deque()

    def push(self, obs: np.ndarray, action: int, reward: float, *, terminated: bool, ended: bool,
             after: np.ndarray) -> Iterator[Transition]:
        """
        Take in a step.

        :param ended: nothing that comes belongs to the same episode.
        :param after: (I,) what it led to; of an ended episode its last observation.
        """
        self._open.append((obs, action))
        self._rewards.append(reward)
        while self._open and (ended or len(self._open) == self._steps):
            total, factor = 0.0, 1.0
            for each in self._rewards:
                total += factor * each
                factor *= self._gamma
            self._rewards.popleft()
            yield Transition(*self._open.popleft(), total, 0.0 if terminated else factor, after)


class NStep:
    """
    Transitions of N robots at once, on the training device.

    A transition ends early where its episode does. Each call takes one step of every robot and
    gives back the transitions that began n - 1 steps ago.
    """

    def __init__(self, steps: int, robots: int, width: int, gamma: float,
                 device: torch.device) -> None:
        shape = (steps, robots)
        self._gamma, self._steps, self._seen = gamma, steps, 0
        self._on_gpu = device.type != 'cpu'
        self._obs = torch.zeros(*shape, width, device=device)
        self._after = torch.zeros(*shape, width, device=device)
        self._action = torch.zeros(shape, dtype=torch.int64, device=device)
        self._reward = torch.zeros(shape, device=device)
        self._discount = torch.zeros(shape, device=device)
        self._open = torch.zeros(shape, dtype=torch.bool, device=device)

    def push(self, obs: Tensor, action: Tensor, reward: Tensor, terminated: Tensor,
             truncated: Tensor, after: Tensor) -> Transitions | None:
        """
        Take in a step of every robot.

        :param after: (N, I) what it led to; of an ended episode its last observation.
        """
        if self._steps == 1:
            return Transitions(obs, action, reward, self._gamma * (~terminated), after)
        slot = self._seen % self._steps
        self._obs[slot], self._action[slot] = obs, action
        self._reward[slot], self._discount[slot], self._open[slot] = 0.0, 1.0, True
        self._reward += torch.where(self._open, self._discount * reward, 0.0)
        self._discount = torch.where(
            self._open, self._discount * self._gamma * (~terminated), self._discount)
        ended = terminated | truncated
        if self._on_gpu:  # all rows: to ask how many there are is to wait for the device
            now = (self._open & ended).unsqueeze(-1)  # (n, N, 1)
            self._after = torch.where(now, after, self._after)
            self._open &= ~ended
        elif ended.any():
            slots, robots = torch.nonzero(self._open & ended, as_tuple=True)
            self._after[slots, robots] = after[robots]
            self._open &= ~ended
        self._seen += 1
        oldest = self._seen % self._steps
        if self._seen < self._steps:
            return None
        final = torch.where(self._open[oldest, :, None], after, self._after[oldest])
        return Transitions(self._obs[oldest], self._action[oldest], self._reward[oldest],
                           self._discount[oldest], final)
