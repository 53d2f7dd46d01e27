"""
What is learned and forgotten when one policy learns task after task.

B. Liu et al., "LIBERO: Benchmarking knowledge transfer for lifelong robot learning", NeurIPS
2023 (arXiv 2306.03310), section 3: forward transfer, negative backward transfer, area under the
success curve. Differences from the paper: a task's success in its own stage and after later ones
is counted in worlds that no checkpoint was chosen in, so the curve along a stage, in the worlds
that it was chosen in, is counted apart; intervals are of the driving, see ``weighted_sum``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ilw_core.scores.statistics import Tried, weighted_sum


class Figure(NamedTuple):
    """A figure and its 95 % interval, as ratios."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StageMatrix:
    """Success of every task after every stage; stage i teaches task i."""

    tasks: tuple[str, ...]
    """(K,) names, in the order they were learned"""
    cells: tuple[tuple[Tried | None, ...], ...]
    """``[stage][task]``; ``None``: the policy cannot drive that task"""
    curves: tuple[tuple[Tried, ...], ...]
    """``[stage]``: its own task along its training, the earliest first; before it first of all"""

    def __post_init__(self) -> None:
        k = len(self.tasks)
        if (len(self.cells), len(self.curves), *map(len, self.cells)) != (k, k, *[k] * k):
            raise ValueError(f'{k} tasks need as many stages, with a cell for each task.')
        if not all(self.curves) or any(row[i] is None for i, row in enumerate(self.cells)):
            raise ValueError('Every stage needs its own task driven, along it and after it.')

    def forward_transfer(self) -> Figure:
        """
        Return how well tasks go while they are learned, the mean over tasks.

        Of one task: the mean success along its stage; from its best point on it counts as that,
        since that is the policy which is kept.
        """
        return _figure([part for i in range(len(self.tasks)) for part in self._forward(i)],
                       len(self.tasks))

    def negative_backward_transfer(self) -> Figure | None:
        """
        Return how much of a task is lost in later stages: the less, the better.

        Of one task: the mean over later stages of success after its own minus success after
        that. ``None``: no task can be driven after a later stage.
        """
        parts, counted = [], 0
        for i in range(len(self.tasks)):
            if later := self._later(i):
                parts += [(1.0, self._own(i)), *((-1.0 / len(later), each) for each in later)]
                counted += 1
        return _figure(parts, counted) if counted else None

    def area_under_curve(self) -> Figure:
        """Return the mean of learning and keeping: along a task's stage and after later ones."""
        parts = []
        for i in range(len(self.tasks)):
            later = self._later(i)
            weight = 1.0 / (1 + len(later))
            parts += [(weight * share, each) for share, each in self._forward(i)]
            parts += [(weight, each) for each in later]
        return _figure(parts, len(self.tasks))

    def _own(self, i: int) -> Tried:
        own = self.cells[i][i]
        assert own is not None
        return own

    def _later(self, i: int) -> list[Tried]:
        return [cell for row in self.cells[i + 1:] if (cell := row[i]) is not None]

    def _forward(self, i: int) -> list[tuple[float, Tried]]:
        curve = self.curves[i]
        best = max(range(len(curve)), key=lambda at: (curve[at].ratio, -at))
        return [(1.0 / len(curve), curve[min(at, best)]) for at in range(len(curve))]


def mean_matrix(matrices: Sequence[StageMatrix]) -> StageMatrix:
    """
    Return the matrix of several trainings of the same stages, their episodes counted together.

    :raises ValueError: they are of other stages.
    """
    first = matrices[0]
    if any((m.tasks, [len(c) for c in m.curves]) != (first.tasks, [len(c) for c in first.curves])
           for m in matrices):
        raise ValueError('Only trainings of the same stages have a mean.')
    k = range(len(first.tasks))
    return StageMatrix(
        first.tasks,
        tuple(tuple(_together([m.cells[i][j] for m in matrices]) for j in k) for i in k),
        tuple(tuple(_summed(points) for points in zip(*(m.curves[i] for m in matrices),
                                                      strict=True)) for i in k))


def _together(cells: Sequence[Tried | None]) -> Tried | None:
    known = [cell for cell in cells if cell is not None]
    return _summed(known) if len(known) == len(cells) else None


def _summed(each: Sequence[Tried]) -> Tried:
    return Tried(sum(t.success for t in each), sum(t.n for t in each))


def _figure(parts: Sequence[tuple[float, Tried]], tasks: int) -> Figure:
    return Figure(*weighted_sum([(weight / tasks, each) for weight, each in parts]))
