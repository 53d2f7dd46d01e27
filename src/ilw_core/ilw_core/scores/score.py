"""Turn driven episodes into the row of a table."""

from collections.abc import Sequence
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


def score(driven: Sequence[ScoredEpisode]) -> dict[str, Any]:
    """
    Count successes and describe the successful ways.

    :returns: the keys of ``report.json``; medians are over successes, ``None`` without one.
    """
    good = [d for d in driven if d.success]
    ratios = [d.path_length_m / d.shortest_path_m for d in good if d.shortest_path_m > 0.0]
    return {
        'success': len(good), 'n': len(driven),
        'wilson95': [round(v, 4) for v in wilson(len(good), len(driven))],
        'collisions': sum(d.stop_reason == 'collision' for d in driven),
        'time_to_goal_s': round(statistics.median(d.time_s for d in good), 2) if good else None,
        'path_ratio': round(statistics.median(ratios), 3) if ratios else None,
    }
