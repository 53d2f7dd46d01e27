"""How a training, or an evaluation, says where it is, and is told to stop."""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from typing import Any


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

    def as_json(self) -> dict[str, Any]:
        """Return what a program that follows is told; what is not known is None."""
        return {'update': self.update, 'updates': self.updates, 'loss': _known(self.loss),
                'success_ratio': _known(self.success_ratio)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> 'Progress':
        """Return what ``as_json`` told."""
        loss, ratio = (math.nan if data[key] is None else data[key]
                       for key in ('loss', 'success_ratio'))
        return cls(data['update'], data['updates'], loss, ratio)


@dataclass(frozen=True)
class EvalProgress:
    """Where an evaluation is; a program that follows is told the fields by name."""

    done: int
    """Episodes driven"""
    success: int
    """Of those"""


class CancelledError(Exception):
    """Somebody asked training to stop."""


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
