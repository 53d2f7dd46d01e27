"""What came out of a training run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ilw_core.storage.files import json_text, read_json, write_file

_MAX_JSON_BYTES = 10_000_000


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

    @property
    def success_ratio(self) -> float | None:
        """Successful ones of the scored episodes; ``None``: not scored."""
        return None if self.success is None else self.success / self.episodes_eval

    def as_json(self) -> dict[str, Any]:
        """Return every number by name, for ``json_text``: it makes null of NaN."""
        return {name: getattr(self, name) for name in _OWN} | self.details

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> 'TrainSummary':
        """
        Return the summary that was shown, without its lines.

        :raises TypeError: something that each has is not there.
        """
        return cls(**{name: data[name] for name in _OWN if name in data},
                   details={name: value for name, value in data.items() if name not in _OWN})

    @classmethod
    def of(cls, out: Path) -> 'TrainSummary | None':
        """Return that of a training which is finished in a folder; ``None``: it is not."""
        path = out / 'training.json'
        return cls.from_json(read_json(path, _MAX_JSON_BYTES)) if path.is_file() else None

    def write(self, out: Path) -> 'TrainSummary':
        """Write ``training.json``; returns itself."""
        write_file(out / 'training.json', json_text(self.as_json(), indent=2) + '\n')
        return self


_OWN = tuple(each.name for each in fields(TrainSummary) if each.name not in ('details', 'lines'))
