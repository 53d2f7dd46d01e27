"""Transitions on the training device: what happened in, random batches out."""

from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ilw_learner.networks import fused_kernels

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


class Transition(NamedTuple):
    """One row of ``Transitions``, as NumPy and Python have it."""

    obs: np.ndarray
    """(I,) float32"""
    action: int
    reward: float
    discount: float
    after: np.ndarray
    """(I,) float32"""


class Batch(NamedTuple):
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
                 demos: Transitions | None = None, alpha: float = 0.0) -> None:
        kept = len(demos.action) if demos else 0
        rows = capacity + kept
        # One row each, so that a batch is one gather: obs, after, reward, discount, action.
        self._rows = torch.empty(rows, 2 * width + 3, device=device)
        self._array = None if self._rows.is_cuda else self._rows.numpy()
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
        self._memories: dict[int, tuple[tuple[Tensor, ...], tuple[np.ndarray, ...]]] = {}
        if demos:
            self._write(slice(0, kept), demos)
            self._filled.fill_(kept)

    def __len__(self) -> int:
        return self._demos + self._added

    @property
    def demonstrated(self) -> bool:
        """Whether demonstrations are in it."""
        return self._demos > 0

    @property
    def decides(self) -> bool:
        """Whether what an update says, or how far the training is, changes what is drawn."""
        return self._priorities is not None or self.demonstrated

    def add(self, new: Transitions) -> None:
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

    def add_one(self, new: Transition) -> None:
        """Take in one transition, over the oldest; on a CPU."""
        assert self._array is not None
        row, width = self._array[self._demos + self._next], self._width
        row[:width], row[width:2 * width] = new.obs, new.after
        row[2 * width:] = new.reward, new.discount, new.action
        if self._priorities is not None:
            self._priorities.set(torch.tensor([self._demos + self._next]), self._of_new())
        self._next = (self._next + 1) % self._capacity
        self._added = min(self._added + 1, self._capacity)

    def _of_new(self) -> Tensor:
        """Return the priority, (1,), of what is not judged yet: it is to be drawn once before."""
        return self._largest.double().pow(self._alpha).float().expand(1)

    def _write(self, rows: slice | Tensor, new: Transitions) -> None:
        self._rows[rows] = torch.cat([
            new.obs, new.after,
            torch.stack([new.reward, new.discount, new.action.float()], 1)], 1)
        if self._priorities is not None:
            where = rows if isinstance(rows, Tensor) else torch.arange(
                rows.start, rows.stop, device=self._device)
            self._priorities.set(where, self._of_new().expand(where.shape))

    def draw(self, size: int, beta: float | Tensor = 0.0, demo_ratio: float = 0.0) -> Batch:
        """
        Return a random batch; does not wait for the device.

        On a CPU the next one of as many rows overwrites it: malloc takes time, too.

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
        demo = (rows < self._demos) if self._demos else None
        width = self._width
        if self._array is not None and not self._on_gpu:
            drawn_in, arrays = self._memory(size)
            fused_kernels.pick_rows(self._array, rows.numpy(), *arrays)
            return Batch(rows, *drawn_in, weight, demo)
        drawn = self._rows.index_select(0, rows)
        return Batch(
            rows, drawn[:, :width], drawn[:, -1].long(), drawn[:, -3], drawn[:, -2],
            drawn[:, width:2 * width], weight, demo)

    def _memory(self, size: int) -> tuple[tuple[Tensor, ...], tuple[np.ndarray, ...]]:
        """Return where batches of a size lie, as fields of ``Batch`` and for ``pick_rows``."""
        kept = self._memories.get(size)
        if kept is None:
            obs, after = torch.empty(2, size, self._width)
            reward, discount = torch.empty(2, size)
            action = torch.empty(size, dtype=torch.int64)
            kept = self._memories[size] = (
                (obs, action, reward, discount, after),
                tuple(v.numpy() for v in (obs, after, reward, discount, action)))
        return kept

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
