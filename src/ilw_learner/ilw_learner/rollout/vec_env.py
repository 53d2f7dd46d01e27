"""One robot or many, seen alike by a learner from reward: batches of tensors. Not ROS."""

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from typing import Any, NamedTuple, Protocol

import gymnasium
import numpy as np
import torch
from torch import Tensor

from ilw_core.errors import IlwError, NotFiniteError
from ilw_learner.networks.cuda_graph import CudaGraph


@dataclass(frozen=True)
class Steps:
    """What one step of every robot led to."""

    obs: Tensor
    """(N, Do) of the next step; of a new episode where one ended"""
    reward: Tensor
    """(N,)"""
    terminated: Tensor
    """(N,) bool"""
    truncated: Tensor
    """(N,) bool"""
    after: Tensor
    """(N, Do) as ``obs``, but the last observation where an episode ended"""
    success: Tensor
    """(N,) bool, of episodes that ended"""


class VecEnv(Protocol):
    """N robots, each in an episode of its own; one that ends is followed by the next at once."""

    count: int
    """N"""

    def reset(self, seed: int) -> Tensor:
        """Begin anew; return (N, Do) observations."""

    def step(self, choices: Tensor) -> Steps:
        """Apply (N,) choices. The tensors are overwritten by the next step."""


class OneStep(NamedTuple):
    """What one step of a single robot led to, as ``Steps``."""

    obs: np.ndarray
    """(Do,) float32 of the next step; of a new episode where one ended"""
    reward: float
    terminated: bool
    truncated: bool
    after: np.ndarray
    """(Do,) float32 as ``obs``, but the last observation where an episode ended"""
    success: bool

    @property
    def ended(self) -> bool:
        """Whether the episode did."""
        return self.terminated or self.truncated


class OneRobot:
    """
    A Gymnasium environment with Discrete actions; choice 0 is the first of them.

    :param name: for errors.
    :param width: numbers in an observation, Do; ``None``: as many as its space has.
    :param encode: makes them of what the environment gives.
    """

    count = 1

    def __init__(self, env: gymnasium.Env[Any, Any], name: str = 'the environment',
                 width: int | None = None,
                 encode: Callable[[Any], np.ndarray] = np.asarray) -> None:
        space = env.action_space
        assert isinstance(space, gymnasium.spaces.Discrete)
        self._env, self._name, self._encode = env, name, encode
        self.choices, self.first_action = int(space.n), int(space.start)
        self._width = int(np.prod(env.observation_space.shape)) if width is None else width
        self._no, self._yes = torch.tensor([False]), torch.tensor([True])
        self._step, self._steps = 0, 0

    def reset(self, seed: int) -> Tensor:
        """Begin anew."""
        self._step = 0
        return torch.from_numpy(self._row(self._env.reset(seed=seed)[0])).unsqueeze(0)

    def step(self, choices: Tensor) -> Steps:
        """Apply one choice; raises as ``take``."""
        seen = self.take(int(choices[0]))
        after = torch.from_numpy(seen.after).unsqueeze(0)
        obs = torch.from_numpy(seen.obs).unsqueeze(0) if seen.ended else after
        return Steps(obs, torch.tensor([seen.reward]), self._flag(seen.terminated),
                     self._flag(seen.truncated), after, self._flag(seen.success))

    def take(self, choice: int) -> OneStep:
        """
        Apply a choice; for a single robot, numbers cost less than tensors.

        :raises NotFiniteError: an observation or the reward is NaN or infinite.
        :raises IlwError: an observation is not as large as its space says.
        """
        self._step += 1
        self._steps += 1
        values, reward, terminated, truncated, info = self._env.step(self.first_action + choice)
        obs = after = self._row(values)
        if not math.isfinite(reward):
            raise self._not_finite('the reward', reward)
        if terminated or truncated:
            self._step = 0
            obs = self._row(self._env.reset()[0])
        return OneStep(obs, float(reward), bool(terminated), bool(truncated), after,
                       bool(info.get('success', False)))

    def _flag(self, value: bool) -> Tensor:
        return self._yes if value else self._no

    def _row(self, values: Any) -> np.ndarray:
        row = np.array(self._encode(values))  # of its own: some environments write into the last
        if row.dtype != np.float32:
            with np.errstate(over='ignore'):  # beyond float32 is infinite, and said below
                row = row.astype(np.float32)
        row = row.reshape(-1)
        if len(row) != self._width:
            raise IlwError(f'{self._name}: an observation must have the {self._width} numbers '
                           f'of its observation_space. Got {len(row)}.')
        if not math.isfinite(np.add.reduce(row)) and not np.isfinite(row).all():
            at = int(np.flatnonzero(~np.isfinite(row))[0])
            raise self._not_finite(f'observation[{at}]', row[at])
        return row

    def _not_finite(self, what: str, value: float) -> NotFiniteError:
        return NotFiniteError(f'{self._name}: {what} is {value} at step {self._step} of an '
                              f'episode, {self._steps} in all. Mend the environment.')


class BatchVecEnv:
    """
    A Gymnasium vector environment that resets within the step.

    :param table: ``(K, Da)`` what each choice means where the environment takes numbers.
    :param captured: launch a step as one CUDA graph, of an environment with ``use_stream``.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv[Any, Any, Any], device: torch.device,
                 table: np.ndarray | None, *, captured: bool = False) -> None:
        self._env, self._device, self.count = env, device, env.num_envs
        self._choices = torch.zeros(self.count, dtype=torch.int64, device=device)
        self._graph = CudaGraph(self._launch) if captured and device.type == 'cuda' else None
        self._seen: Steps | None = None
        self._table = None if table is None else torch.as_tensor(
            np.asarray(table, dtype=np.float32), device=device)
        self._first = int(getattr(env.single_action_space, 'start', 0))

    def reset(self, seed: int) -> Tensor:
        """Begin anew."""
        return self._tensor(self._env.reset(seed=seed)[0])

    def step(self, choices: Tensor) -> Steps:
        """Apply a choice per robot."""
        if self._graph is None:
            return self._step(choices)
        self._choices.copy_(choices)
        self._graph()
        assert self._seen is not None
        return self._seen

    def _launch(self) -> Tensor:
        """Step where torch works now; the arrays are the same in every step."""
        stream = torch.cuda.current_stream(self._device).cuda_stream
        self._env.use_stream(stream)  # type: ignore[attr-defined]
        self._seen = self._step(self._choices)
        return self._seen.reward

    def _step(self, choices: Tensor) -> Steps:
        actions = choices + self._first if self._table is None else self._table[choices]
        given = actions.numpy() if self._device.type == 'cpu' else actions
        obs, reward, terminated, truncated, info = self._env.step(given)
        return Steps(*(self._tensor(v) for v in (
            obs, reward, terminated, truncated, info['final_obs'], info['success'])))

    def _tensor(self, values: Any) -> Tensor:
        """Return a tensor that shares the array's memory, on either device."""
        return torch.as_tensor(values, device=self._device)


class FrameStack:
    """
    Robots that show their last observations side by side, the newest last: (N, To * Do).

    An episode's first observation stands for those before it, as in ``PolicyRunner``.

    :param history: how many, To.
    """

    def __init__(self, robots: VecEnv, history: int) -> None:
        self._robots, self._history, self.count = robots, history, robots.count
        self._window = torch.empty(0)

    def reset(self, seed: int) -> Tensor:
        """Begin anew."""
        self._window = self._robots.reset(seed).repeat(1, self._history)
        return self._window

    def step(self, choices: Tensor) -> Steps:
        """Apply a choice per robot."""
        seen = self._robots.step(choices)
        after = torch.cat([self._window[:, seen.after.shape[1]:], seen.after], dim=1)
        ended = (seen.terminated | seen.truncated).unsqueeze(1)
        self._window = torch.where(ended, seen.obs.repeat(1, self._history), after)
        return replace(seen, obs=self._window, after=after)
