"""What came out of a training run."""

from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

from ilw_core.storage.files import json_text, write_file


@dataclass(frozen=True)
class TrainSummary:
    """One run's result; ``--json``, ``training.json`` and the trainer node show it."""

    checkpoint: str
    """Folder"""
    task: str
    """Name of the contract, or of the Gymnasium environment"""
    algorithm: str
    seed: int
    train_s: float
    """Seconds, scoring included"""
    steps: int = 0
    """Of demonstrations, or of robots in the simulator"""
    updates: int = 0
    plant: str | None = None
    success: int | None = None
    """Successful ones of ``episodes_eval``; ``None``: not scored"""
    episodes_eval: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    """What only this algorithm knows, under names of its own"""
    lines: tuple[str, ...] = ()
    """The same for a person to read"""

    def as_json(self) -> dict[str, Any]:
        """Return every number by name; NaN becomes null."""
        own = {name: value for name, value in vars(self).items()
               if name not in ('details', 'lines')} | self.details
        return {name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in own.items()}

    def write(self, out: Path) -> 'TrainSummary':
        """Write ``training.json``; returns itself."""
        write_file(out / 'training.json', json_text(self.as_json(), indent=2) + '\n')
        return self
