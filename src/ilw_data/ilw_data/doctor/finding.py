"""What the doctor says and what it looks at, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.features.glance import Glance
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_core.text.printable import pasteable
from ilw_data.clocks.lag import Signal

LEVELS = ('bad', 'warn', 'note')
"""
Worst first. ``bad``: do not train from it; ``warn``: training works but suffers; ``note``: worth
knowing, nothing is wrong
"""


_WITH_TASK = ('trim', 'redo', 'import')


@dataclass(frozen=True)
class Finding:
    """One thing found."""

    level: str
    """One of ``LEVELS``"""
    kind: str
    """What was looked for, as ``idle``; the same for every finding of its sort"""
    episode: str
    """Folder name; empty when it concerns the whole set"""
    text: str
    """What, in numbers with units"""
    command: str
    """What mends it, or shows more"""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The evidence, with the unit in each name"""


@dataclass(frozen=True)
class Pictures:
    """The pictures of one camera in one episode, in the order of their stamps."""

    stamps_ns: np.ndarray
    """(N,) int64"""
    glances: Sequence[Glance | None]
    """(N,) what is seen of each; ``None``: it cannot be read"""
    same: np.ndarray
    """(N,) bool: its bytes are those of the one before"""


@dataclass(frozen=True)
class Take:
    """One episode and where it lies."""

    folder: EpisodeFolder
    episode: Episode
    task: str = ''
    """As given on the command line"""
    signals: Mapping[int, tuple[Signal, Signal]] | None = None
    """Action -> its commands and the measured speed they ask for; ``None``: only the ticks"""

    pictures: Mapping[str, Pictures] = field(default_factory=dict)
    """Contract entry -> what its camera saw"""

    @property
    def name(self) -> str:
        """Its folder's name."""
        return self.episode.name

    def command(self, verb: str, *more: str) -> str:
        """Return the command line that does something with it; it may not know its contract."""
        if verb in _WITH_TASK and (verb == 'import' or not self.folder.contract_text):
            more = (*more, '--task', self.task)
        return command('episodes', verb, self.folder.path, *more)


@dataclass(frozen=True)
class Demos:
    """All episodes that can be read, and what they are held against."""

    root: Path
    task: str
    """As given on the command line: a name, or a path"""
    contract: Contract
    takes: list[Take]

    def command(self, *words: str) -> str:
        """Return a command line about this folder and this task."""
        return command(*words, '--task', self.task)


def command(*words: str | Path) -> str:
    """Return a command line that a person can copy."""
    return './ilw ' + pasteable(*words)
