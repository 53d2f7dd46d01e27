"""Transitions on the training device: n-step returns in, random batches out."""

from dataclasses import dataclass
import math

import torch
from torch import Tensor

_SMALLEST = 1e-3
"""Added to every priority, so that nothing is never drawn"""


@dataclass(frozen=True)
class Transitions:
    """What happened, one row each."""

    obs: Tensor
    """(N, I) float32"""
    action: Tensor
    """(N,) int64 choice"""
    reward: Tensor
    """(N,) float32, of up to n steps, discounted"""
    discount: Tensor
    """(N,) float32, what the value of ``after`` counts; 0 where the episode ended there"""
    after: Tensor
    """(N, I) float32, the observation n steps later, or the episode's last"""


@dataclass(frozen=True)
class Batch:
    """Transitions drawn from the buffer."""

    rows: Tensor
    """(B,) int64 where they stand in the buffer"""
    obs: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    after: Tensor
    weight: Tensor | None
    """(B,) importance weights, at most 1; ``None`` when drawn uniformly"""
    demo: Tensor | None
    """(B,) bool, true for a demonstration; ``None`` when there are none"""


class ReplayBuffer:
    """
    The newest transitions of several robots, behind demonstrations that stay.

    :param capacity: transitions kept, demonstrations not counted.
    :param demos: transitions that were demonstrated; they are never overwritten.
    :param alpha: how much priorities count; 0 draws uniformly (Schaul et al. 2016).
    """

    def __init__(self, capacity: int, width: int, device: torch.device, rng: torch.Generator, *,
                 demos: 'Transitions | None' = None, alpha: float = 0.0) -> None:
        kept = len(demos.action) if demos else 0
        rows = capacity + kept
        # One row each, so that a batch is one gather: obs, after, reward, discount, action.
        self._rows = torch.empty(rows, 2 * width + 3, device=device)
        self._width, self._device, self.rng = width, device, rng
        self._capacity, self._demos = capacity, kept
        self._next, self._added = 0, 0
        self._alpha = alpha
        self._largest = torch.ones((), device=device)
        """Priority of what was never drawn"""
        self._filled = torch.zeros((), dtype=torch.float64, device=device)
        """As ``len``, where a captured graph finds it"""
        self._on_gpu = device.type != 'cpu'
        """There, drawing is the same operations however full it is, and none of them waits"""
        self._priorities = SumTree(rows, device) if alpha > 0.0 else None
        if demos:
            self._write(slice(0, kept), demos)
            self._filled.fill_(kept)

    def __len__(self) -> int:
        return self._demos + self._added

    @property
    def demonstrated(self) -> bool:
        """Whether demonstrations are in it."""
        return self._demos > 0

    def add(self, new: 'Transitions') -> None:
        """Take in transitions, over the oldest ones."""
        many, begin = len(new.action), self._demos + self._next
        if self._next + many <= self._capacity:
            self._write(slice(begin, begin + many), new)
        else:
            wrapped = torch.arange(self._next, self._next + many, device=self._device)
            self._write(self._demos + wrapped % self._capacity, new)
        self._next = (self._next + many) % self._capacity
        self._added = min(self._added + many, self._capacity)
        if self._on_gpu:
            self._filled.fill_(len(self))

    def _write(self, rows: slice | Tensor, new: 'Transitions') -> None:
        self._rows[rows] = torch.cat([
            new.obs, new.after,
            torch.stack([new.reward, new.discount, new.action.float()], 1)], 1)
        if self._priorities is not None:
            where = rows if isinstance(rows, Tensor) else torch.arange(
                rows.start, rows.stop, device=self._device)
            # everything is drawn once before it is judged
            first = self._largest.double().pow(self._alpha).float()
            self._priorities.set(where, first.expand(where.shape))

    def draw(self, size: int, beta: float | Tensor = 0.0, demo_ratio: float = 0.0) -> Batch:
        """
        Return a random batch; does not wait for the device.

        :param beta: how far importance weights undo the priorities; 1 entirely.
        :param demo_ratio: share of the batch from demonstrations; 0: as many as chance gives.
            With priorities these decide.
        """
        weight = None
        if self._priorities is None:
            rows = self._uniform(size, demo_ratio)
        else:
            rows, chance = self._priorities.draw(size, self.rng)
            weight = (chance * (self._filled if self._on_gpu else len(self))).pow_(-beta)
            weight /= weight.max()
        width = self._width
        drawn = self._rows.index_select(0, rows)
        return Batch(
            rows, drawn[:, :width], drawn[:, -1].long(), drawn[:, -3], drawn[:, -2],
            drawn[:, width:2 * width], weight, (rows < self._demos) if self._demos else None)

    def _uniform(self, size: int, demo_ratio: float) -> Tensor:
        shown = round(demo_ratio * size) if self._demos and self._added else 0
        first = self._demos if shown else 0
        if self._on_gpu and not self._demos:
            part = torch.rand(size, generator=self.rng, device=self._device, dtype=torch.float64)
            return (part * self._filled).long()
        rows = torch.randint(first, len(self), (size,), generator=self.rng, device=self._device)
        if shown:
            rows[:shown] = torch.randint(self._demos, (shown,), generator=self.rng,
                                         device=self._device)
        return rows

    def judge(self, batch: Batch, error: Tensor, bonus: float = 0.0) -> None:
        """
        Set the priorities of a batch from its temporal-difference errors (B,).

        :param bonus: added to those of demonstrations, so that they keep being drawn.
        """
        if self._priorities is None:
            return
        priority = error.abs() + _SMALLEST
        if batch.demo is not None:
            priority += bonus * batch.demo
        torch.maximum(self._largest, priority.max(), out=self._largest)
        self._priorities.set(batch.rows, priority.pow_(self._alpha))


class SumTree:
    """
    Priorities from which rows are drawn in proportion, all of a batch at once.

    A binary tree whose nodes hold the sums below them; level by level, so a batch costs as many
    operations as the tree has levels.
    """

    def __init__(self, rows: int, device: torch.device) -> None:
        self._levels = max(1, math.ceil(math.log2(rows)))
        self._first_leaf = 1 << self._levels
        self._sums = torch.zeros(2 * self._first_leaf, dtype=torch.float64, device=device)

    def set(self, rows: Tensor, priority: Tensor) -> None:
        """Give rows (B,) a priority (B,); of a row that comes twice, one of the two stays."""
        node = rows + self._first_leaf
        self._sums[node] = priority.double()
        for _ in range(self._levels):
            node = node >> 1
            self._sums[node] = self._sums[2 * node] + self._sums[2 * node + 1]

    def draw(self, size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return rows (B,), one from each of B equal parts of the sum, and their chances (B,)."""
        total = self._sums[1]
        part = torch.rand(size, generator=rng, device=self._sums.device, dtype=torch.float64)
        left = (torch.arange(size, device=self._sums.device) + part) * (total / size)
        node = torch.ones(size, dtype=torch.int64, device=self._sums.device)
        for _ in range(self._levels):
            node = 2 * node
            below = self._sums[node]
            # Never into an empty half, whatever rounding left over.
            right = (left >= below) & (self._sums[node + 1] > 0.0)
            left = torch.where(right, left - below, left)
            node = node + right
        return node - self._first_leaf, (self._sums[node] / total).float()


class NStep:
    """
    Turns steps into transitions over up to n of them (Sutton 1988), for N robots at once.

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
             truncated: Tensor, after: Tensor) -> 'Transitions | None':
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
