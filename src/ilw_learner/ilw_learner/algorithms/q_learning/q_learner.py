"""Learn from reward: drive, remember, update."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
import math

import numpy as np
import torch
from torch import Tensor

from ilw_core.errors import NotFiniteError
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig
from ilw_learner.data.n_step import NStep, NStepWalk
from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions
from ilw_learner.rollout.vec_env import OneRobot, Steps, VecEnv
from ilw_learner.training.loop import CandidateScore, Learner


@dataclass(frozen=True)
class DrivingScore:
    """How well a network drives."""

    success_ratio: float
    """NaN where the environment knows no success"""
    mean_return: float
    """Sum of rewards per episode"""
    episodes: int
    by_return: bool = False
    """Whether the return alone decides: success is what the contract calls so"""

    @property
    def rank(self) -> tuple[float, float]:
        """The better, the greater."""
        unknown = self.by_return or math.isnan(self.success_ratio)
        return (0.0 if unknown else self.success_ratio, self.mean_return)

    def named(self) -> dict[str, float]:
        """Return the numbers by the names they are tracked under."""
        named = {'eval/return': self.mean_return}
        if not math.isnan(self.success_ratio):
            named |= {'eval/success_rate': self.success_ratio, 'eval/episodes': self.episodes}
        return named


_RECENT = 100
"""Episodes whose mean return is logged"""
_LOOK_EVERY = 16
"""Steps between two questions whether every robot is done, where asking means to wait"""

Encode = Callable[[Tensor], Tensor]
"""(N, Do) observations -> (N, I) network inputs"""
Judge = Callable[[Dqn], DrivingScore]


def _as_it_is(obs: Tensor) -> Tensor:
    return obs


class QLearner(Learner):
    """
    Trains one network.

    :param robots: where to gather experience.
    :param encode: what the network sees of an observation; ``None``: all of it, as it is.
    :param judge: drives a greedy network through unseen episodes.
    :param potential: observation index whose fall is rewarded by ``config.shaping``.
    :param demos: demonstrated transitions, already encoded.
    :param code: what it learns and what its network sees, beside what ``config`` says.
    """

    def __init__(self, config: DqnConfig, robots: VecEnv, encode: Encode | None, choices: int, *,
                 device: torch.device, judge: Judge, seed: int = 0,
                 potential: int | None = None, demos: Transitions | None = None,
                 code: str = '') -> None:
        self.config, self.robots, self.planned = config, robots, config.steps
        self._encode: Encode = encode or _as_it_is
        self._judge, self._potential = judge, potential
        self._device = device
        self._obs = robots.reset(seed).clone()
        self._inputs = self._encode(self._obs)
        width = self._inputs.shape[1]
        self.dqn = Dqn(config, width, choices, device, seed)
        # Not the length of the training, nor its rates: a longer one goes on, too.
        self.work = (f'{width} {choices} {config.hidden} {config.layers} {config.dueling} '
                     f'{config.fused} {seed} {code}')
        self._rng = np.random.default_rng(seed)
        self._torch_rng = torch.Generator(device).manual_seed(seed)
        self._buffer = ReplayBuffer(
            config.capacity, width, device, self._torch_rng, demos=demos,
            alpha=config.alpha if config.prioritised else 0.0)
        self._nstep = NStep(config.n_step, robots.count, width, config.gamma, device)
        single = (isinstance(robots, OneRobot) and device.type == 'cpu' and encode is None
                  and potential is None and not config.temperature)
        self._walk = NStepWalk(config.n_step, config.gamma) if single else None
        """Of a robot that is alone: for one, numbers cost less than tensors"""
        self._row, self._return = self._obs[0].numpy() if single else np.empty(0), 0.0
        self._demonstrated = demos is not None
        self.steps = 0
        """Environment steps so far, of all robots"""
        self.rounds = 0
        self.best: DrivingScore | None = None
        self._judged: tuple[DrivingScore, Tensor] | None = None
        self._best_flat: Tensor | None = None
        self._error = torch.full((1,), math.nan)
        self._returns = torch.zeros(robots.count, device=device)
        self._sums = torch.zeros(2, device=device)
        self._recent: list[float] = []
        self._on_gpu = device.type != 'cpu'
        """There, to look at a number is to wait for all that was asked before"""
        self._ring = torch.zeros(_RECENT + 1, device=device)
        """Returns of the newest episodes on a GPU; the last place takes what did not end"""
        self._ended = torch.zeros((), dtype=torch.int64, device=device)

    @property
    def done(self) -> int:
        """Environment steps."""
        return self.steps

    @property
    def updates(self) -> int:
        """Gradient steps."""
        return self.dqn.updates

    def begin(self) -> None:
        """Learn from demonstrations alone, where there are any."""
        if self._demonstrated:
            for _ in range(self.config.pretrain):
                self.dqn.update(self._buffer, self.config.beta)

    def advance(self) -> None:
        """Take a step with every robot; now and then, learn from what is remembered."""
        if self._walk is None:
            self._drive()
        else:
            self._drive_one(self._walk)
        self.rounds += 1
        if self._may_learn and self.rounds % self.config.train_every == 0:
            self._error = self._learn()

    def figures(self) -> dict[str, float]:
        """Return the newest error and the mean return; waits for the device."""
        self._require_finite()
        return {'train/td_error': float(self._error.abs().mean()),
                'train/return': self._mean_return()}

    def use_best(self) -> DrivingScore:
        """Put the best network's parameters into ``dqn``; there must have been a candidate."""
        assert self.best is not None and self._best_flat is not None
        self.dqn.network.flat.copy_(self._best_flat)
        return self.best

    def _require_finite(self) -> None:
        """Check what was seen and the weights."""
        for what, total in zip(('observation', 'reward'), self._sums.tolist(), strict=True):
            if total != 0.0:
                raise NotFiniteError(f'A robot of the simulator has a {what} that is NaN or '
                                     f'infinite, at step {self.steps} or shortly before. Mend '
                                     f'the simulator.')
        if not bool(torch.isfinite(self.dqn.network.flat).all()):
            raise NotFiniteError(f'Weights are NaN or infinite at update {self.dqn.updates}, step '
                                 f'{self.steps}. Lower learning_rate or scale the rewards down.')

    @property
    def _may_learn(self) -> bool:
        return self.steps >= self.config.warm_up and len(self._buffer) >= self.config.batch

    def _learn(self) -> Tensor:
        """Make a round of updates; return the last one's errors."""
        config, done = self.config, self.steps / self.config.steps
        self.dqn.set_progress(done)
        beta = config.beta + (1.0 - config.beta) * done
        return self.dqn.learn(self._buffer, beta, config.updates_per_round)

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
        if self._on_gpu:
            self._note(ended)
            self._inputs = self._encode(seen.obs)
        elif ended.any():
            self._recent = (self._recent + self._returns[ended].tolist())[-_RECENT:]
            self._returns[ended] = 0.0
            self._inputs = self._encode(seen.obs)
        else:
            self._inputs = after
        self._obs.copy_(seen.obs)
        self.steps += self.robots.count

    def _drive_one(self, walk: NStepWalk) -> None:
        """Take one step with the only robot and remember it; it checks what is seen itself."""
        assert isinstance(self.robots, OneRobot)
        if self._rng.random() < self.epsilon:
            choice = int(self._rng.integers(self.dqn.choices))
        else:
            choice = self.dqn.best_one(self._row)
        seen = self.robots.take(choice)
        for new in walk.push(self._row, choice, seen.reward, terminated=seen.terminated,
                             ended=seen.ended, after=seen.after):
            self._buffer.add_one(new)
        self._row, self._return = seen.obs, self._return + seen.reward
        if seen.ended:
            self._recent = [*self._recent, self._return][-_RECENT:]
            self._return = 0.0
        self.steps += 1

    def _note(self, ended: Tensor) -> None:
        """Put the returns of (N,) ended episodes into the ring, without waiting."""
        place = (self._ended + ended.cumsum(0) - 1) % _RECENT
        self._ring.scatter_(0, torch.where(ended, place, _RECENT), self._returns)
        self._ended += ended.sum()
        self._returns.masked_fill_(ended, 0.0)

    def _shaping(self, seen: Steps) -> Tensor:
        """Return gamma * potential(after) - potential(before) (Ng et al. 1999)."""
        before, after = self._obs[:, self._potential], seen.after[:, self._potential]
        # An episode's end has no future; leaving its potential out would reward ending far away.
        return self.config.shaping * (
            before - self.config.gamma * torch.where(seen.terminated, 0.0, after))

    def _explore(self) -> Tensor:
        epsilon, many = self.epsilon, self.robots.count
        if self.config.temperature:
            chances = self.dqn.log_chances(self._inputs).exp()
            return torch.multinomial(chances, 1, generator=self._torch_rng).squeeze(1)
        best = self.dqn.best(self._inputs)
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

    def judge(self) -> CandidateScore:
        """Drive the network greedily, with its averaged weights where there are any."""
        with self.dqn.averaged() as weights:
            score = self._judge(self.dqn)
            if not math.isfinite(score.mean_return):
                raise NotFiniteError(f'Rewards of the episodes that judge step {self.steps} are '
                                     f'NaN or infinite. Mend the simulator.')
            self._judged = score, weights.clone()
        return CandidateScore(score.rank, score.named(), score.success_ratio)

    def keep(self) -> None:
        """Remember the network that was judged last."""
        assert self._judged is not None
        self.best, self._best_flat = self._judged

    def _mean_return(self) -> float:
        if self._on_gpu:
            known = min(int(self._ended), _RECENT)
            return float(self._ring[:known].mean()) if known else math.nan
        return float(np.mean(self._recent)) if self._recent else math.nan

    def state(self) -> dict[str, Tensor]:
        """Return networks, optimiser and what was best; not the experience."""
        assert self.best is not None and self._best_flat is not None
        numbers = torch.tensor([self.steps, self.best.success_ratio, self.best.mean_return,
                                self.best.episodes], dtype=torch.float64)
        return {'numbers': numbers, 'best': self._best_flat, **self.dqn.state()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        given = {name: tensor.to(self._device) for name, tensor in state.items()}
        steps, ratio, mean_return, episodes = given.pop('numbers').tolist()
        self.best = DrivingScore(ratio, mean_return, int(episodes))
        self._best_flat = given.pop('best')
        self.dqn.load(given)
        self.steps = int(steps)


def drive_greedily(dqn: Dqn, robots: VecEnv, encode: Encode | None, episodes: int,
                   seed: int) -> DrivingScore:
    """
    Return how a network drives without random choices.

    Of each robot the first episodes count, equally many: short ones must not count more often.
    """
    encode = encode or _as_it_is
    each = math.ceil(episodes / robots.count)
    obs = robots.reset(seed)
    left = torch.full((robots.count,), each, device=obs.device)
    total = torch.zeros(robots.count, device=obs.device)
    good = torch.zeros(robots.count, device=obs.device)
    look_every = 1 if obs.device.type == 'cpu' else _LOOK_EVERY
    for step in count(1):
        seen = robots.step(dqn.best(encode(obs)))
        obs = seen.obs
        running = left > 0
        total += torch.where(running, seen.reward, 0.0)
        ended = running & (seen.terminated | seen.truncated)
        good += ended & seen.success
        left -= ended.long()
        if step % look_every == 0 and not (left > 0).any():
            break
    driven = each * robots.count
    return DrivingScore(float(good.sum()) / driven, float(total.sum()) / driven, driven)
