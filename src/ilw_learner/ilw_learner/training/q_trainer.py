"""Learn from reward: drive, remember, update, score; keep the network that drives best."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
import os
from pathlib import Path
import time

import numpy as np
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor

from ilw_core.errors import NotFiniteError
from ilw_core.storage.files import read_bytes, write_file
from ilw_learner.data.replay_buffer import NStep, ReplayBuffer, Transitions
from ilw_learner.policies.dqn import Dqn, DqnConfig
from ilw_learner.rollout.vec_env import Steps, VecEnv
from ilw_learner.training.progress import CancelledError, Progress
from ilw_learner.training.tracking import Tracker

_LOG_EVERY_S = 1.0
RESUME = 'resume.safetensors'
_MAX_RESUME_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Score:
    """How well a network drives."""

    success_ratio: float
    """NaN where the environment knows no success"""
    mean_return: float
    """Sum of rewards per episode"""
    episodes: int

    @property
    def rank(self) -> tuple[float, float]:
        """The better, the greater."""
        return (0.0 if math.isnan(self.success_ratio) else self.success_ratio, self.mean_return)

    def named(self) -> dict[str, float]:
        """Return the numbers by the names they are tracked under."""
        named = {'eval/return': self.mean_return}
        if not math.isnan(self.success_ratio):
            named |= {'eval/success_rate': self.success_ratio, 'eval/episodes': self.episodes}
        return named


Encode = Callable[[Tensor], Tensor]
"""(N, Do) observations -> (N, I) network inputs"""
Judge = Callable[[Dqn], Score]


class QTrainer:
    """
    Trains one network.

    :param robots: where to gather experience.
    :param encode: what the network sees of an observation.
    :param judge: drives a greedy network through unseen episodes.
    :param potential: observation index whose fall is rewarded by ``config.shaping``.
    :param demos: demonstrated transitions, already encoded.
    :param on_progress: called about once a second; returning ``False`` cancels.
    """

    def __init__(self, config: DqnConfig, robots: VecEnv, encode: Encode, choices: int,
                 folder: Path, *, device: torch.device, judge: Judge, seed: int = 0,
                 potential: int | None = None, demos: Transitions | None = None,
                 track: str = 'tensorboard',
                 on_progress: Callable[[Progress], bool] = lambda p: True) -> None:
        self.config, self.robots, self.folder = config, robots, folder
        self._encode, self._judge, self._potential = encode, judge, potential
        self._on_progress, self._track, self._device = on_progress, track, device
        self._newest = math.nan
        self._obs = robots.reset(seed).clone()
        self._inputs = encode(self._obs)
        width = self._inputs.shape[1]
        self.dqn = Dqn(config, width, choices, device, seed)
        self._rng = np.random.default_rng(seed)
        self._torch_rng = torch.Generator(device).manual_seed(seed)
        self._buffer = ReplayBuffer(
            config.capacity, width, device, self._torch_rng, demos=demos,
            alpha=config.alpha if config.prioritised else 0.0)
        self._nstep = NStep(config.n_step, robots.count, width, config.gamma, device)
        self._pretrained = demos is None
        self.steps = 0
        """Environment steps so far, of all robots"""
        self.best: tuple[tuple[float, float], Score, Tensor] | None = None
        self._returns = torch.zeros(robots.count, device=device)
        self._sums = torch.zeros(2, device=device)
        self._recent: list[float] = []

    def fit(self) -> Score:
        """
        Train to the end; the best network's parameters are in ``dqn`` afterwards.

        :raises CancelledError: ``on_progress`` said so.
        :raises NotFiniteError: observations, rewards or weights are NaN or infinite.
        """
        config = self.config
        marks = self._marks()
        last, rounds, evaluations = time.monotonic(), 0, 0
        error = torch.full((1,), math.nan)
        with Tracker(self.folder, self._track) as tracker:
            self._pretrain()
            while self.steps < config.steps:
                self._drive()
                rounds += 1
                if self._may_learn and rounds % config.train_every == 0:
                    error = self._learn()
                if marks and self.steps >= marks[0]:
                    marks.pop(0)
                    evaluations += 1
                    begin = time.monotonic()
                    score = self._take_score()
                    tracker.leave_out(time.monotonic() - begin)
                    tracker.write(self.steps, score.named(), update=self.dqn.updates)
                elif time.monotonic() - last < _LOG_EVERY_S:
                    continue
                last = time.monotonic()
                self._require_finite()
                size = float(error.abs().mean())
                tracker.write(self.steps, {'train/td_error': size,
                                           'train/return': self._mean_return()},
                              update=self.dqn.updates)
                if not self._on_progress(Progress(
                        self.steps, config.steps, size, self._newest, evaluations)):
                    raise CancelledError
        return self.use_best()

    def use_best(self) -> Score:
        """Put the best network's parameters into ``dqn``; there must have been a candidate."""
        assert self.best is not None
        self.dqn.network.flat.copy_(self.best[2])
        return self.best[1]

    def _require_finite(self) -> None:
        """Check what was seen and the weights; waits for the device."""
        for what, total in zip(('observation', 'reward'), self._sums.tolist(), strict=True):
            if total != 0.0:
                raise NotFiniteError(f'A robot of the simulator has a {what} that is NaN or '
                                     f'infinite, at step {self.steps} or shortly before. Mend '
                                     f'the simulator.')
        if not bool(torch.isfinite(self.dqn.network.flat).all()):
            raise NotFiniteError(f'Weights are NaN or infinite at update {self.dqn.updates}, step '
                                 f'{self.steps}. Lower learning_rate or scale the rewards down.')

    def _marks(self) -> list[int]:
        """Return the steps at which a candidate is scored, those still to come."""
        every = self.config.steps / self.config.candidates
        marks = [math.ceil(every * (i + 1)) for i in range(self.config.candidates)]
        return [mark for mark in marks if mark > self.steps]

    @property
    def _may_learn(self) -> bool:
        return self.steps >= self.config.warm_up and len(self._buffer) >= self.config.batch

    def _learn(self) -> Tensor:
        """Make a round of updates; return the last one's errors."""
        config, done = self.config, self.steps / self.config.steps
        self.dqn.set_progress(done)
        beta = config.beta + (1.0 - config.beta) * done
        for _ in range(config.updates_per_round):
            error = self.dqn.update(self._buffer, beta)
        return error

    def _pretrain(self) -> None:
        if not self._pretrained:
            for _ in range(self.config.pretrain):
                self.dqn.update(self._buffer, self.config.beta)
        self._pretrained = True

    def _drive(self) -> None:
        """Take one step with every robot and remember it."""
        choices = self._explore()
        seen: Steps = self.robots.step(choices)
        after = self._encode(seen.after)
        reward = seen.reward
        if self._potential is not None and self.config.shaping:
            reward = reward + self._shaping(seen)
        new = self._nstep.push(self._inputs, choices, reward, seen.terminated, seen.truncated,
                               after)
        if new is not None:
            self._buffer.add(new)
        # NaN as soon as anything is not finite, without waiting for the device.
        self._sums += torch.stack([(seen.after * 0.0).sum(), (seen.reward * 0.0).sum()])
        self._returns += seen.reward
        ended = seen.terminated | seen.truncated
        if ended.any():
            self._recent = (self._recent + self._returns[ended].tolist())[-100:]
            self._returns[ended] = 0.0
            self._inputs = self._encode(seen.obs)
        else:
            self._inputs = after
        self._obs.copy_(seen.obs)
        self.steps += self.robots.count

    def _shaping(self, seen: Steps) -> Tensor:
        """Return gamma * potential(after) - potential(before) (Ng et al. 1999)."""
        before, after = self._obs[:, self._potential], seen.after[:, self._potential]
        # An episode's end has no future; leaving its potential out would reward ending far away.
        return self.config.shaping * (
            before - self.config.gamma * torch.where(seen.terminated, 0.0, after))

    def _explore(self) -> Tensor:
        epsilon, many = self.epsilon, self.robots.count
        if many == 1 and self._rng.random() < epsilon:
            return torch.tensor([int(self._rng.integers(self.dqn.choices))])
        best = self.dqn.best(self._inputs)
        if many == 1:
            return best
        random = torch.rand(many, generator=self._torch_rng, device=self._device) < epsilon
        any_one = torch.randint(self.dqn.choices, (many,), generator=self._torch_rng,
                                device=self._device)
        return torch.where(random, any_one, best)

    @property
    def epsilon(self) -> float:
        """Chance of a random choice now."""
        config = self.config
        done = min(1.0, self.steps / (config.exploration_ratio * config.steps + 1e-9))
        return config.epsilon_begin + (config.epsilon_end - config.epsilon_begin) * done

    def _take_score(self) -> Score:
        self._require_finite()
        with self.dqn.averaged() as weights:
            score = self._judge(self.dqn)
            if not math.isfinite(score.mean_return):
                raise NotFiniteError(f'Rewards of the episodes that judge step {self.steps} are '
                                     f'NaN or infinite. Mend the simulator.')
            if self.best is None or score.rank >= self.best[0]:
                self.best = (score.rank, score, weights.clone())
        self._newest = score.success_ratio
        self._save()
        return score

    def _mean_return(self) -> float:
        return float(np.mean(self._recent)) if self._recent else math.nan

    def _save(self) -> None:
        """Write down what it takes to go on after an interruption; not the experience."""
        assert self.best is not None
        _, score, flat = self.best
        numbers = torch.tensor([self.steps, score.success_ratio,
                                score.mean_return, score.episodes], dtype=torch.float64)
        write_file(self.folder / RESUME, to_safetensors(
            {'numbers': numbers, 'best': flat, **self.dqn.state()}))

    def resume(self) -> bool:
        """Go on from where a run in the same folder stopped; false when there is none."""
        path = self.folder / RESUME
        if not os.path.lexists(path):
            return False
        state = {name: tensor.to(self._device) for name, tensor in
                 from_safetensors(read_bytes(path, _MAX_RESUME_BYTES)).items()}
        steps, ratio, mean_return, episodes = state.pop('numbers').tolist()
        score = Score(ratio, mean_return, int(episodes))
        self.best = (score.rank, score, state.pop('best'))
        self.dqn.load(state)
        self.steps, self._pretrained = int(steps), True
        return True


def drive_greedily(dqn: Dqn, robots: VecEnv, encode: Encode, episodes: int, seed: int) -> Score:
    """
    Return how a network drives without random choices.

    Of each robot the first episodes count, equally many: short ones must not count more often.
    """
    each = math.ceil(episodes / robots.count)
    obs = robots.reset(seed)
    left = torch.full((robots.count,), each, device=obs.device)
    total = torch.zeros(robots.count, device=obs.device)
    good = torch.zeros(robots.count, device=obs.device)
    for _ in _forever():
        seen = robots.step(dqn.best(encode(obs)))
        obs = seen.obs
        running = left > 0
        total += torch.where(running, seen.reward, 0.0)
        ended = running & (seen.terminated | seen.truncated)
        good += ended & seen.success
        left -= ended.long()
        if not (left > 0).any():
            break
    count = each * robots.count
    return Score(float(good.sum()) / count, float(total.sum()) / count, count)


def _forever() -> Iterator[None]:
    while True:
        yield
