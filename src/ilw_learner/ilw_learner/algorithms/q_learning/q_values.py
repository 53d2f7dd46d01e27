"""The values of choices: the network, its target, and what one update makes of a batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import math

import numpy as np
import torch
from torch import Tensor, nn

from ilw_learner.data.replay_buffer import Batch, ReplayBuffer
from ilw_learner.networks import fused_kernels
from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.networks.cuda_graph import CudaGraph
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.network import ModuleNetwork, Network
from ilw_learner.training.options import TrainConfig

_NO_WEIGHTS = np.empty(0, dtype=np.float32)
_AHEAD = 2048
"""Rows that are drawn ahead at most: what a cache holds"""


@dataclass(frozen=True)
class DqnConfig(TrainConfig):
    """Hyper-parameters; ``config/train/dqn.yaml`` has the reasons."""

    # the network
    hidden: int = 256
    """Units per layer"""
    layers: int = 2
    """Hidden layers"""
    fourier: int = 0
    """Frequencies added for each length (``*_m``). 0: none"""
    near_m: float = 0.0
    """Lengths d are also seen as 1 / (d / near_m + 1). 0: not"""
    fused: bool = True
    """The gradient by hand, in fused passes: the same numbers as autograd's in less time"""
    captured: bool = False
    """On a GPU, launch an update as one CUDA graph; not yet run on one, so off"""
    history: int = 1
    """Observations the policy sees, To; more tell what is under way where a base answers late"""
    bins: tuple[int, ...] = (3, 5)
    """Choices per action value where the contract names no discrete actions"""
    # the update
    gamma: float = 0.99
    """Discount per step"""
    n_step: int = 5
    """Steps of reward before the value is asked"""
    double: bool = True
    """Choose with the network, value with the target network"""
    dueling: bool = False
    """A value and an advantage per choice"""
    action_gap: float = 0.0
    """Advantage learning: how much worse a choice is than the best counts 1 / (1 - this) times"""
    temperature: float = 0.0
    """What a nat of chance in the choices is worth, in reward: soft Q-learning (Haarnoja et al.
    2017), whose choices are drawn, the better the likelier. 0: the best one always"""
    prioritised: bool = False
    """Draw by temporal-difference error"""
    alpha: float = 0.6
    """How much priorities count"""
    beta: float = 0.4
    """How far importance weights undo them, at the start; 1 at the end"""
    batch: int = 512
    """Transitions per update"""
    learning_rate: float = 0.0005
    """Of Adam"""
    final_rate_ratio: float = 0.1
    """Learning rate at the end, in parts of that at the start; falls linearly"""
    clip_norm: float = 10.0
    """Longest gradient"""
    target_every: int = 100
    """Updates between copies to the target network"""
    average: float = 0.995
    """Decay of the weight average that is scored and kept as the policy; 0: the weights as they
    are, which swing from one update to the next"""
    # experience
    steps: int = 1_500_000
    """Environment steps"""
    robots: int = 128
    """Robots at once, where the environment simulates many"""
    train_every: int = 1
    """Steps of all robots between rounds of updates"""
    updates_per_round: int = 1
    """Updates per round"""
    capacity: int = 200_000
    """Transitions kept"""
    warm_up: int = 20_000
    """Environment steps before the first update"""
    exploration_ratio: float = 0.1
    """Share of all steps over which random choices become rare"""
    epsilon_begin: float = 1.0
    """Chance of a random choice at the start"""
    epsilon_from: float = 0.2
    """The same where it begins with a checkpoint, which knows where to go"""
    epsilon_end: float = 0.02
    """Chance of a random choice after that"""
    shaping: float = 0.0
    """Reward per metre that ``shaping_name`` falls, as a potential: the best policy stays best"""
    shaping_name: str = 'goal.distance_m'
    """Observation that is the distance to go"""
    # demonstrations
    pretrain: int = 0
    """Updates on demonstrations alone, first"""
    margin: float = 0.0
    """By how much a demonstrated choice should be better than any other. 0: no demonstrations"""
    margin_weight: float = 1.0
    """Weight of that in the loss, at the start"""
    margin_ratio: float = 1.0
    """Share of all steps over which that weight falls to 0: later, reward alone decides"""
    mirror: bool = False
    """Add the left-right reflection of every demonstration"""
    demo_ratio: float = 0.0
    """Share of demonstrations in each batch, at the start; falls with the margin. 0: chance"""
    demo_bonus: float = 0.2
    """Priority added to demonstrations"""
    # candidates
    candidates: int = 12
    """Checkpoints scored along the way"""
    eval_episodes: int = 200
    """Simulated episodes to score each one"""

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.history, self.n_step, self.batch,
               self.target_every, self.steps, self.robots, self.train_every,
               self.updates_per_round, self.capacity, self.candidates, self.eval_episodes,
               *self.bins) < 1:
            raise ValueError('counts and sizes must be at least 1.')
        if not (0.0 < self.gamma <= 1.0 and self.learning_rate > 0.0):
            raise ValueError('gamma must be within (0, 1], learning_rate above 0.')
        if self.temperature < 0.0 or (self.temperature and self.n_step > 1):
            raise ValueError('temperature must be 0, or above it with n_step 1.')
        if not 0.0 <= self.action_gap < 1.0:
            raise ValueError('action_gap must be within [0, 1).')
        if self.capacity < self.robots:
            raise ValueError('capacity must be at least robots.')


class Dqn:
    """
    The network, its target and its optimiser; ``update`` makes one gradient step.

    :param width: network inputs, I.
    :param choices: K.
    :param seed: the initial weights follow from it and from nothing else.
    """

    def __init__(self, config: DqnConfig, width: int, choices: int, device: torch.device,
                 seed: int = 0) -> None:
        self.config, self.choices, self.device = config, choices, device
        sizes = [width] + [config.hidden] * config.layers + [choices + config.dueling]
        fused = [FusedMlp(sizes, torch.Generator().manual_seed(seed), device) for _ in range(2)]
        self.network: Network
        self.target: Network
        self.network, self.target = (
            each if config.fused else ModuleNetwork(each.module(), device) for each in fused)
        self._optimiser = AveragedAdam(self.network, learning_rate=config.learning_rate,
                                       average=config.average, clip_norm=config.clip_norm)
        self._duel = duel(choices, device) if config.dueling else None
        self._by_kernels = config.fused and device.type == 'cpu'
        self._one = fused[0].one if self._by_kernels else None
        self._demo_weight = 1.0
        self._beta = torch.zeros((), device=device)
        self._graph: CudaGraph | None = None
        self._graph_of: ReplayBuffer | None = None
        self._memories: dict[int, tuple[Tensor, Tensor, Tensor]] = {}

    def begin(self, net: nn.Sequential) -> None:
        """Begin with what a network like its own has learned."""
        self.network.take(net)
        self.target.flat.copy_(self.network.flat)
        self._optimiser.average.copy_(self.network.flat)

    @contextmanager
    def averaged(self) -> Iterator[Tensor]:
        """Act with the averaged weights meanwhile; gives them, (P,)."""
        if not self.config.average:
            yield self.network.flat
            return
        learning = self.network.flat.clone()
        self.network.flat.copy_(self._optimiser.average)
        yield self._optimiser.average
        self.network.flat.copy_(learning)

    def values(self, inputs: Tensor) -> Tensor:
        """Return the value of every choice, (N, K), for inputs (N, I)."""
        return self._values(self.network.forward(inputs))

    def _values(self, outputs: Tensor) -> Tensor:
        return outputs if self._duel is None else outputs @ self._duel

    def best(self, inputs: Tensor) -> Tensor:
        """Return the best choices, (N,) int64, for inputs (N, I)."""
        if inputs.shape[0] == 1 and self._one is not None:
            return torch.tensor([self.best_one(inputs[0].numpy())])
        return self.values(inputs).argmax(1)

    def log_chances(self, inputs: Tensor) -> Tensor:
        """Return the logarithm of every choice's chance, (N, K): with a ``temperature`` only."""
        return torch.log_softmax(self.values(inputs) / self.config.temperature, dim=1)

    def best_one(self, inputs: np.ndarray) -> int:
        """Return the best choice for inputs (I,)."""
        if self._one is None:
            return int(self.values(torch.from_numpy(inputs).unsqueeze(0)).argmax(1))
        out = self._one(inputs)
        if self._duel is not None:
            out = out[1:]  # the common value decides nothing
        return int(out.argmax())

    def set_progress(self, done: float) -> None:
        """Set what changes along the way for a share of the run done, 0 to 1."""
        config = self.config
        ratio = 1.0 + (config.final_rate_ratio - 1.0) * done
        self._optimiser.rate = config.learning_rate * ratio
        self._demo_weight = max(0.0, 1.0 - done / config.margin_ratio)

    def learn(self, buffer: ReplayBuffer, beta: float, count: int) -> Tensor:
        """Make several gradient steps; return the errors of the last one, (B,)."""
        every, left = self.config.target_every, count
        while left:
            steps = min(left, every - self.updates % every, max(1, _AHEAD // self.config.batch))
            if (steps == 1 or buffer.decides or not self._by_kernels
                    or self.config.temperature):
                steps, error = 1, self.update(buffer, beta)
            else:
                error = self._ahead(buffer, steps)
                self._follow_target()
            left -= steps
        return error

    def _ahead(self, buffer: ReplayBuffer, steps: int) -> Tensor:
        """
        Make steps between which nothing but the network changes.

        What they need of the buffer and of the target is worked out at once: the same numbers with
        fewer calls, each of which costs microseconds.
        """
        drawn = buffer.draw(steps * self.config.batch)
        after = self._values(self.target.forward(drawn.after))
        later = None if self.config.double else self._of_best(after, after)
        action, reward, discount = (v.numpy().reshape(steps, -1) for v in (
            drawn.action, drawn.reward, drawn.discount))
        parts = zip(drawn.obs.chunk(steps), drawn.after.chunk(steps), after.chunk(steps),
                    strict=True)
        for i, (obs, obs_after, values_after) in enumerate(parts):
            self._optimiser.prepare()
            best = (self._of_best(values_after, self.values(obs_after)) if later is None
                    else later.reshape(steps, -1)[i])
            values = self._values(self.network.forward(obs))
            slope, error = self._slope_by_kernels(
                values, action[i], reward[i], discount[i], best, _NO_WEIGHTS)
            self._descend(obs, slope)
        return error

    def update(self, buffer: ReplayBuffer, beta: float = 1.0) -> Tensor:
        """
        Make one gradient step on a batch; return its temporal-difference errors, (B,).

        Does not wait for the device.
        """
        self._optimiser.prepare()
        if self.config.captured and self.device.type == 'cuda' and not buffer.demonstrated:
            self._beta.fill_(beta)
            error = self._captured(buffer)()
        else:
            error = self._step(buffer, beta)
        self._follow_target()
        return error

    def _follow_target(self) -> None:
        if self.updates % self.config.target_every == 0:
            self.target.flat.copy_(self.network.flat)

    def _captured(self, buffer: ReplayBuffer) -> CudaGraph:
        if self._graph is None or self._graph_of is not buffer:
            self._graph_of = buffer
            self._graph = CudaGraph(lambda: self._step(buffer, self._beta), buffer.rng)
        return self._graph

    def _step(self, buffer: ReplayBuffer, beta: float | Tensor) -> Tensor:
        """Draw, follow the gradient, judge what was drawn: operations on the device alone."""
        batch = buffer.draw(self.config.batch, beta, self.config.demo_ratio * self._demo_weight)
        later = self._value_after(batch)
        values = self._values(self.network.forward(batch.obs))
        if self._by_kernels:
            slope, error = self._slope_by_kernels(
                values, batch.action.numpy(), batch.reward.numpy(), batch.discount.numpy(),
                later.numpy(), _NO_WEIGHTS if batch.weight is None else batch.weight.numpy())
        else:
            slope, error = self._slope(batch, values, later)
        if batch.demo is not None and self.config.margin * self._demo_weight:
            slope += self._margin_slope(values, batch.action.unsqueeze(1), batch.demo)
        self._descend(batch.obs, slope)
        buffer.judge(batch, error, self.config.demo_bonus)
        return error

    def _descend(self, obs: Tensor, slope: Tensor) -> None:
        """Follow the gradient, right after ``forward``: slopes (B, K) by the values."""
        self.network.backward(obs, slope if self._duel is None else slope @ self._duel.t())
        self._optimiser.apply()

    def _slope(self, batch: Batch, values: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
        """Return the slope of the mean Huber loss by the values, (B, K), and errors, (B,)."""
        wanted, action = batch.reward + batch.discount * later, batch.action.unsqueeze(1)
        taken = values.gather(1, action).squeeze(1)
        if self.config.action_gap:
            wanted -= self.config.action_gap * (values.amax(1) - taken)
        error = taken - wanted
        pull = error.clamp(-1.0, 1.0) * (1.0 / error.shape[0])
        if batch.weight is not None:
            pull = pull * batch.weight
        return torch.zeros_like(values).scatter_(1, action, pull.unsqueeze(1)), error

    def _slope_by_kernels(
        self, values: Tensor, action: np.ndarray, reward: np.ndarray, discount: np.ndarray,
        later: np.ndarray, weight: np.ndarray,
    ) -> tuple[Tensor, Tensor]:
        """As ``_slope``, in one pass, of what a batch holds; ``weight``: (B,), or (0,)."""
        slope, error = kept = self._kept(len(later))[:2]
        fused_kernels.value_slope(
            values.numpy(), action, reward, discount, later, weight,
            np.float32(self.config.action_gap), slope.numpy(), error.numpy())
        return kept

    def _kept(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return where the slope, the errors and the values after of a batch lie."""
        kept = self._memories.get(rows)
        if kept is None:
            kept = self._memories[rows] = (torch.empty(rows, self.choices), torch.empty(rows),
                                           torch.empty(rows))
        return kept

    def _of_best(self, values: Tensor, judged: Tensor) -> np.ndarray:
        """Return the values (B,), of (B, K), of the choices that ``judged`` (B, K) prefers."""
        best = self._kept(len(values))[2].numpy()
        fused_kernels.values_of_best(values.numpy(), judged.numpy(), best)
        return best

    def _value_after(self, batch: Batch) -> Tensor:
        later = self._values(self.target.forward(batch.after))
        if heat := self.config.temperature:
            return heat * torch.logsumexp(later / heat, dim=1)
        if self._by_kernels:
            return torch.from_numpy(self._of_best(
                later, self.values(batch.after) if self.config.double else later))
        if not self.config.double:
            return later.amax(1)
        chosen = self.values(batch.after).argmax(1, keepdim=True)
        return later.gather(1, chosen).squeeze(1)

    def _margin_slope(self, values: Tensor, action: Tensor, demo: Tensor) -> Tensor:
        """Return the slope of max_a [Q(s, a) + margin unless demonstrated] - Q(s, shown)."""
        raised = values + self.config.margin
        raised.scatter_(1, action, values.gather(1, action))
        rival = raised.argmax(1, keepdim=True)
        weight = (self.config.margin_weight * self._demo_weight / len(demo) * demo).unsqueeze(1)
        slope = torch.zeros_like(values).scatter_(1, rival, weight)
        return slope.scatter_add_(1, action, -weight)

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return self._optimiser.steps

    def state(self) -> dict[str, Tensor]:
        """Return what it takes to go on learning."""
        return {'network': self.network.flat, 'target': self.target.flat,
                **self._optimiser.state()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""
        self.network.flat.copy_(state['network'])
        self.target.flat.copy_(state['target'])
        self._optimiser.load(state)


def duel(choices: int, device: torch.device | None = None) -> Tensor:
    """Return (1 + K, K): a value and K advantages to K values, the advantages' mean taken out."""
    return torch.cat([torch.ones(1, choices, device=device),
                      torch.eye(choices, device=device) - 1.0 / choices])


def choice_table(low: np.ndarray, high: np.ndarray, bins: tuple[int, ...]) -> np.ndarray:
    """Return every combination of evenly spaced values per action value, ``(K, Da)``."""
    if len(bins) != len(low):
        raise ValueError(f'bins must have a number per action value ({len(low)}). Got {bins}.')
    axes = [np.linspace(a, b, n) if n > 1 else np.array([0.5 * (a + b)])
            for a, b, n in zip(low, high, bins, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(math.prod(bins), -1)
