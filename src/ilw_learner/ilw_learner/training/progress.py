"""How a training says where it is, and is told to stop."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where training is."""

    update: int
    """Gradient updates done; environment steps where it learns from reward"""
    updates: int
    """Planned"""
    loss: float
    success_ratio: float
    """Newest evaluation; NaN before the first one, or without an environment"""
    evaluations: int = 0
    """How many there were"""


class CancelledError(Exception):
    """Somebody asked training to stop."""
