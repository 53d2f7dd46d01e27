"""How one policy does in each of its tasks: a table for a person, the same as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ilw_core.scores.score import EvalScore
from ilw_core.scores.statistics import Tried, weighted_sum


@dataclass(frozen=True)
class TaskScores:
    """Task -> how it was driven."""

    by_task: Mapping[str, EvalScore]

    @property
    def mean(self) -> tuple[float, float, float]:
        """Mean success ratio of the tasks and its 95 % interval, (value, low, high)."""
        return weighted_sum([(1.0 / len(self.by_task), Tried(each.success, each.n))
                             for each in self.by_task.values()])

    def as_json(self) -> dict[str, Any]:
        """Return every number by name."""
        value, low, high = self.mean
        return {'tasks': {name: asdict(each) for name, each in self.by_task.items()},
                'mean_success': round(value, 4), 'mean_wilson95': [round(low, 4), round(high, 4)]}

    def lines(self) -> list[str]:
        """Return a line per task, and one of their mean."""
        width = max(len('mean'), *map(len, self.by_task))
        value, low, high = self.mean
        return [*(f'{name:<{width}}  {score_line(each)}' for name, each in self.by_task.items()),
                f'{"mean":<{width}}  success {value:.1%} (95 %: {low:.0%} to {high:.0%})']


def score_line(result: EvalScore) -> str:
    """Return how some episodes went, for a person."""
    low, high = result.wilson95
    return (f'success {result.success}/{result.n} (95 %: {low:.0%} to {high:.0%}), '
            f'{result.collisions} collisions')
