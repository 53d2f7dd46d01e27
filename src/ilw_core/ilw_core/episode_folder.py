"""Find recorded episodes on disk and read what is written beside their bags. Never writes."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError

SCHEMA = 'ilw.episode/1'
"""``episode.json`` names it; another number after the slash is another layout."""
META_FILE = 'episode.json'
QUALITY_FILE = 'quality.json'
BAG_INDEX_FILE = 'metadata.yaml'


@dataclass(frozen=True)
class EpisodeFolder:
    """One rosbag2 folder, with or without an ``episode.json``."""

    path: Path
    meta: dict[str, Any]
    """Content of ``episode.json``; empty for a bag that others recorded"""

    @property
    def bag_file(self) -> Path:
        """
        The MCAP file.

        :raises EpisodeError: there is none, or more than one.
        """
        files = sorted(self.path.glob('*.mcap'))
        if len(files) != 1:
            raise EpisodeError(f'{self.path} must hold one .mcap file. Got {len(files)}. '
                               f'Merge or convert it with `ros2 bag convert`.')
        return files[0]

    @property
    def outcome(self) -> Outcome:
        """Whether the task succeeded; ``UNKNOWN`` when nobody said."""
        name = str(self.meta.get('outcome', 'unknown')).upper()
        return Outcome[name] if name in Outcome.__members__ else Outcome.UNKNOWN

    @property
    def stop_reason(self) -> str:
        """How it ended; empty when nobody said."""
        return str(self.meta.get('stop_reason', ''))

    @property
    def contract_text(self) -> str:
        """The contract it was recorded under; empty when unknown."""
        return str(self.meta.get('contract_text', ''))

    @property
    def contract_hash(self) -> str:
        """Hash of that contract; empty when unknown."""
        return str(self.meta.get('contract_hash', ''))


def read_episode(path: str | Path) -> EpisodeFolder:
    """
    Return one episode.

    :raises EpisodeError: the folder is missing, is no rosbag2 folder, or its ``episode.json`` is
        damaged or of a newer layout.
    """
    path = Path(path)
    if not path.is_dir():
        raise EpisodeError(f'{path} must be a folder. '
                           f'Got {"a file" if path.exists() else "nothing"} there.')
    if not (path / BAG_INDEX_FILE).is_file() or not any(path.glob('*.mcap')):
        raise EpisodeError(f'{path} is not an episode: it must hold {BAG_INDEX_FILE} and one '
                           f'.mcap file.')
    return EpisodeFolder(path, _read_meta(path / META_FILE))


def find_episodes(root: str | Path) -> list[EpisodeFolder]:
    """
    Return every episode at or below a folder, sorted by path. Hidden folders are not looked into.

    :raises EpisodeError: the folder is missing, or an episode in it cannot be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise EpisodeError(f'{root} must be a folder of episodes. '
                           f'Got {"a file" if root.exists() else "nothing"} there.')
    return [read_episode(index.parent) for index in sorted(root.rglob(BAG_INDEX_FILE))
            if not any(part.startswith('.') for part in index.relative_to(root).parts[:-1])
            and any(index.parent.glob('*.mcap'))]


def _read_meta(file: Path) -> dict[str, Any]:
    try:
        meta = json.loads(file.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise EpisodeError(f'{file} cannot be read: {error}. Delete it to use the bag as one of '
                           f'unknown outcome.') from error
    schema = meta.get('schema') if isinstance(meta, dict) else None
    if schema != SCHEMA:
        raise EpisodeError(f'{file}: schema must be {SCHEMA!r}. Got {schema!r}. Was it written '
                           f'by a newer version?')
    return meta
