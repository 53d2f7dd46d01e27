"""
Every message of a recording as bytes, however rosbag2 stored it. Never changes it.

SQLite and MCAP, in one file or split, each file or each message packed with zstd, or never
finished: without ``metadata.yaml``, without the end of the last file. What a finished recording
has lost is an error; an unfinished one is read as far as it goes.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
import shutil
import tempfile
import weakref

from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import BAG_INDEX_FILE, storage_files
from ilw_core.storage.files import FileRefusedError
from ilw_core.text.printable import pasteable
from ilw_data.bag.index import read_index
from ilw_data.bag.raw.mcap import McapFile
from ilw_data.bag.raw.messages import Channel, DamagedBagError, RawMessage, Reading
from ilw_data.bag.raw.sqlite import SqliteFile
from ilw_data.bag.unpack import ZSTD_MAGIC, PackedError, budget_bytes, unpack, unpack_file

_MAX_REASON = 300
_REFUSED = (DamagedBagError, PackedError, FileRefusedError)
_ADVICE = 'Import what can still be read: ./ilw episodes import {path} --task TASK'


class RawBag:
    """
    A recording, read from its start to its end whenever messages are asked for.

    :param path: its folder, or its only file.
    :param partial: take what a damaged recording still gives, too.
    :raises EpisodeError: there is none, or it is damaged.
    """

    def __init__(self, path: Path, *, partial: bool = False) -> None:
        self.path = path
        self._partial = partial
        self._scratch = ''
        files = storage_files(path)
        self._budget_bytes = budget_bytes(sum(file.stat().st_size for file in files))
        try:
            self._files = [self._open(file) for file in files]
        except _REFUSED as error:
            raise self._damage(str(error)) from error
        self.channels: list[Channel] = []
        """One per topic and type"""
        self.counts: Counter[str] = Counter()
        """Topic (no leading slash) -> messages"""
        self.torn = ''
        """What is missing at its end; empty when it is whole"""
        for message in self.messages():
            self.counts[message.channel.name] += 1
        self._compare(files)

    @property
    def types(self) -> dict[str, str]:
        """Topic (no leading slash) -> type."""
        return {channel.name: channel.type for channel in reversed(self.channels)}

    def messages(self, topics: Collection[str] | None = None) -> Iterator[RawMessage]:
        """
        Yield messages in the order they were written.

        :param topics: names without a leading slash; ``None`` for all.
        :raises EpisodeError: a topic has two types, or the recording is damaged.
        """
        known: dict[Channel, None] = {}
        torn, left_bytes = [], self._budget_bytes
        for file in self._files:
            reading = Reading()
            try:
                for message in file.messages(reading):
                    if topics is not None and message.channel.name not in topics:
                        continue
                    if message.data[:4] == ZSTD_MAGIC:  # CDR begins with a zero
                        message = message._replace(data=unpack(message.data, 'zstd'))
                        left_bytes -= len(message.data)
                        if left_bytes < 0:
                            raise DamagedBagError('messages hold more than a file of this size '
                                                  'may')
                    yield message
            except _REFUSED as error:
                if not self._partial:
                    raise self._damage(str(error)) from error
                reading.torn = reading.torn or str(error)
            torn += [_line(reading.torn)] if reading.torn else []
            known.update(dict.fromkeys(reading.channels))
        self.channels, self.torn = list(known), '; '.join(torn)

    def _open(self, file: Path) -> McapFile | SqliteFile:
        if file.suffix in ('.zst', '.zstd'):
            target = self._room() / file.stem
            unpack_file(file, target)
            file = target
        if file.suffix == '.mcap':
            return McapFile(file, partial=self._partial)
        return SqliteFile(file, self._room)

    def _room(self) -> Path:
        """Return a folder for copies that goes when this object does."""
        if not self._scratch:
            self._scratch = tempfile.mkdtemp(prefix='ilw-bag-')
            weakref.finalize(self, shutil.rmtree, self._scratch, True)
        return Path(self._scratch)

    def _compare(self, files: list[Path]) -> None:
        """Hold what was read against what ``metadata.yaml`` says was written."""
        total = self.counts.total()
        try:
            said = read_index(self.path)
        except DamagedBagError as error:
            if not self._partial:
                raise self._damage(str(error)) from error
            said = None
        names = {file.name for file in files}
        lost = ''
        if said and (missing := [name for name in said.files if name not in names
                                 and Path(name).stem not in names]):
            lost = f'{", ".join(missing[:3])} is missing'
        elif said and said.messages > total:
            lost = f'{total} of {said.messages} messages are left. {self.torn}'.strip()
        if lost and not self._partial:
            raise self._damage(lost)
        self.torn = lost or self.torn
        if said is None and not self.torn and self.path.is_dir():
            self.torn = f'it has no {BAG_INDEX_FILE}'

    def _damage(self, why: str) -> EpisodeError:
        return EpisodeError(f'{self.path} is damaged: {_line(why)}. '
                            + _ADVICE.format(path=pasteable(self.path)))


def _line(text: str) -> str:
    """Return what a reader said of wrong bytes, which may quote them, as part of a sentence."""
    return ' '.join(text.split())[:_MAX_REASON].rstrip('.')
