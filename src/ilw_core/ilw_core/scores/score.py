"""Turn driven episodes into the row of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
import statistics
from typing import Any, Protocol

from ilw_core.scores.statistics import wilson


class ScoredEpisode(Protocol):
    """How one episode went, over ROS or in an environment."""

    success: bool
    stop_reason: str
    time_s: float
    path_length_m: float
    shortest_path_m: float


@dataclass(frozen=True)
class EvalScore:
    """How some episodes went; ``eval --json`` and ``report.json`` show it under these names."""

    success: int
    """Successful ones of ``n``"""
    n: int
    wilson95: tuple[float, float]
    """95 % interval of the success ratio, (low, high)"""
    collisions: int
    time_to_goal_s: float | None
    """Median of the successful ones, as is ``path_ratio``; ``None`` without one"""
    path_ratio: float | None
    """Path driven by the shortest one"""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> 'EvalScore':
        """Return what was shown; :raises KeyError: it is not there."""
        return cls(**{each.name: data[each.name] for each in fields(cls)})


def score(driven: Sequence[ScoredEpisode]) -> EvalScore:
    """Count successes and describe the successful ways."""
    good = [d for d in driven if d.success]
    ratios = [d.path_length_m / d.shortest_path_m for d in good if d.shortest_path_m > 0.0]
    low, high = wilson(len(good), len(driven))
    return EvalScore(
        success=len(good), n=len(driven), wilson95=(round(low, 4), round(high, 4)),
        collisions=sum(d.stop_reason == 'collision' for d in driven),
        time_to_goal_s=round(statistics.median(d.time_s for d in good), 2) if good else None,
        path_ratio=round(statistics.median(ratios), 3) if ratios else None)
