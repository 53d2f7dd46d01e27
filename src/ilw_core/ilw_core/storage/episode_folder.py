"""Find recorded episodes on disk and read what is written beside their bags. Never writes."""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import re
from typing import Any

from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError
from ilw_core.storage.files import is_regular, read_json

SCHEMA = 'ilw.episode/1'
"""``episode.json`` names it; another number after the slash is another layout."""
META_FILE = 'episode.json'
QUALITY_FILE = 'quality.json'
BAG_INDEX_FILE = 'metadata.yaml'
MAX_JSON_BYTES = 4_000_000
"""A contract has 1 MB at most; a larger description is damage"""
_STORAGE = re.compile(r'(?P<stem>[^.].*?)(?:_(?P<part>\d+))?(?P<kind>\.mcap|\.db3)(?:\.zstd?)?')
"""What rosbag2 names its files; ``_0``, ``_1`` ... are the parts of one that was split"""


@dataclass(frozen=True)
class EpisodeFolder:
    """One rosbag2 folder, with or without an ``episode.json``."""

    path: Path
    meta: dict[str, Any]
    """Content of ``episode.json``; empty for a bag that others recorded"""

    @property
    def bag_files(self) -> list[Path]:
        """
        The files of the recording, in the order they were written.

        :raises EpisodeError: there is none, or those of several recordings.
        """
        return storage_files(self.path)

    @property
    def size_bytes(self) -> int:
        """Size of the recording."""
        return sum(file.stat().st_size for file in self.bag_files)

    @property
    def foreign(self) -> bool:
        """Whether others recorded it, so that nobody here could have judged it."""
        source = self.meta.get('source')
        return not self.meta or (isinstance(source, dict) and bool(source.get('foreign')))

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """
        First and last tick, of an episode that was cut to them; ``None`` of any other.

        :raises EpisodeError: what is written there is no such span.
        """
        span = self.meta.get('span_ns')
        if span is None:
            return None
        if (not isinstance(span, list) or len(span) != 2
                or not all(type(each) is int and 0 <= each < 1 << 63 for each in span)
                or span[0] >= span[1]):
            raise EpisodeError(f'{self.path / META_FILE}: span_ns must be two increasing stamps '
                               f'[ns]. Got {span!r}.')
        return span[0], span[1]

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
    def seconds(self) -> float | None:
        """How long it is [s]; ``None`` when nobody said."""
        begin, end = self.meta.get('begin_ns'), self.meta.get('end_ns')
        if type(begin) is not int or type(end) is not int or end < begin:
            return None
        return round((end - begin) / 1e9, 2)

    @property
    def suspect(self) -> tuple[str, ...]:
        """Why the recorder doubts that it is fit to train from; empty when it does not."""
        try:
            return tuple(str(reason) for reason in self.quality.get('reasons', []))
        except TypeError:  # no list
            return ()

    @property
    def quality(self) -> dict[str, Any]:
        """Content of ``quality.json``; empty when it is missing or damaged."""
        try:
            found = read_json(self.path / QUALITY_FILE, MAX_JSON_BYTES)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

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

    :raises EpisodeError: there is no recording, or its ``episode.json`` is damaged or of a newer
        layout.
    """
    path = Path(path)
    if path.is_file() and _STORAGE.fullmatch(path.name):
        return EpisodeFolder(path, {})
    if not path.is_dir():
        raise EpisodeError(f'{path} must be an episode: a folder with a recording, or an .mcap or '
                           f'.db3 file. Got {"a file" if path.exists() else "nothing"} there. See '
                           f'./ilw episodes list FOLDER.')
    if not any(_STORAGE.fullmatch(name) for name in os.listdir(path)):
        raise EpisodeError(f'{path} is not an episode: it must hold {BAG_INDEX_FILE} and an '
                           f'.mcap or .db3 file.')
    return EpisodeFolder(path, _read_meta(path / META_FILE))


def find_episodes(root: str | Path) -> list[EpisodeFolder]:
    """
    Return every episode at or below a folder, sorted by path. Hidden folders are not looked into.

    A folder with ``metadata.yaml`` or ``episode.json`` is one episode, and so is one with a single
    recording, whose parts are numbered from 0. Other files side by side are one episode each.

    :raises EpisodeError: the folder is missing, or an episode in it cannot be read.
    """
    root = Path(root)
    if root.is_file() and _STORAGE.fullmatch(root.name):
        return [read_episode(root)]
    if not root.is_dir():
        raise EpisodeError(f'{root} must be a folder of episodes, or one recording (a folder, '
                           f'.mcap or .db3). Got {"a file" if root.exists() else "nothing"} '
                           f'there.')
    return sorted(_episodes_below(root), key=lambda episode: episode.path)


def calendar_s(value: object, otherwise: float) -> float:
    """Return seconds since 1970 that a file holds, if the calendar knows them."""
    if type(value) in (int, float) and 0 <= value < 2**32:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    return otherwise


def storage_files(path: Path) -> list[Path]:
    """
    Return the files of one recording, in the order they were written.

    :param path: its folder, or its only file.
    :raises EpisodeError: there is none, or those of several recordings.
    """
    if path.is_file():
        _require_regular(path)
        return [path]
    if not path.is_dir():
        raise EpisodeError(f'{path} must be a recording. Got nothing there.')
    found: dict[tuple[str, str], dict[int, Path]] = {}
    for file in sorted(path.iterdir()):  # a part comes before its packed copy
        match = _STORAGE.fullmatch(file.name)
        if match and not file.is_dir():
            _require_regular(file)
            parts = found.setdefault((match['stem'], match['kind']), {})
            parts.setdefault(int(match['part'] or -1), file)
    if len(found) != 1:
        names = ', '.join(stem + kind for stem, kind in found) or 'none'
        raise EpisodeError(f'{path} must hold one recording. Got {names}. Give each a folder of '
                           f'its own.')
    (parts,) = found.values()
    return [parts[number] for number in sorted(parts)]


def _require_regular(file: Path) -> None:
    if not is_regular(file):
        raise EpisodeError(f'{file} must be a regular file. Got a link, a pipe or a device. Put '
                           f'the recording itself there; links are not followed.')


def _episodes_below(root: Path) -> Iterator[EpisodeFolder]:
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith('.')]
        files = [match for name in names if (match := _STORAGE.fullmatch(name))]
        parts = {int(match['part'] or 0) for match in files}
        alone = len({match['stem'] for match in files}) == 1 and parts == set(range(len(parts)))
        if files and (alone or BAG_INDEX_FILE in names or META_FILE in names):
            yield read_episode(place)
        else:
            yield from (read_episode(Path(place) / match[0]) for match in files)


def _read_meta(file: Path) -> dict[str, Any]:
    try:
        meta = read_json(file, MAX_JSON_BYTES)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise EpisodeError(f'{file} cannot be read: {error}. Delete it to use the bag as one of '
                           f'unknown outcome.') from error
    schema = meta.get('schema') if isinstance(meta, dict) else None
    if schema != SCHEMA:
        raise EpisodeError(f'{file}: schema must be {SCHEMA!r}. Got {schema!r}. Was it written '
                           f'by a newer version?')
    return meta
