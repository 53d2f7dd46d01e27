"""
Read the messages of an SQLite file of rosbag2, of any version, also one that was never closed.

SQLite mends a file with a journal or a write-ahead log beside it when it opens it; that is done on
a copy. What cannot be mended is read to the first page that is missing.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
import os
from pathlib import Path
import shutil
import sqlite3
import tempfile

from ilw_core.storage.files import create, open_regular
from ilw_data.bag.raw.messages import Channel, DamagedBagError, RawMessage, Reading
from ilw_data.bag.raw.sqlite_guard import Budget, check_journal, columns, open_guarded

JOURNALS = ('-wal', '-journal')
_TABLES = ('topics', 'messages', 'message_definitions')
_MAX_TOPICS = 65536
_MAX_TEXT_BYTES = 1 << 20
"""A definition, or what publishers offer"""


class SqliteFile:
    """
    One file; ``messages`` may be called again.

    :param room: gives a folder for a copy; called when there is a journal.
    :raises DamagedBagError: there is no room for it, or the journal is not one of a recording.
    """

    def __init__(self, path: Path, room: Callable[[], Path]) -> None:
        self._path, self._name = path, path.name
        journals = {end: Path(f'{path}{end}') for end in JOURNALS
                    if os.path.lexists(f'{path}{end}')}
        sizes = {end: _size_bytes(file) for end, file in journals.items()}
        journals = {end: file for end, file in journals.items() if sizes[end]}
        self._size_bytes = _size_bytes(path) + sum(sizes.values())
        self._mended = bool(journals)
        if '-journal' in journals:
            check_journal(journals['-journal'])
        if journals:
            scratch = Path(tempfile.mkdtemp(dir=room()))
            if self._size_bytes > shutil.disk_usage(scratch).free // 2:
                raise DamagedBagError(f'{path.name} was not closed, and there is no room to mend '
                                      f'a copy of {self._size_bytes // 1_000_000} MB in '
                                      f'{scratch}')
            self._path = scratch / 'copy.db3'
            for end, file in {'': path, **journals}.items():
                with open_regular(file) as source, create(f'{self._path}{end}') as target:
                    shutil.copyfileobj(source, target)

    def messages(self, reading: Reading) -> Iterator[RawMessage]:
        """
        Yield every message in the order it was written.

        :param reading: receives the channels and how far it went.
        :raises DamagedBagError: this is no such file, or one that does more than hold messages.
        """
        budget = Budget(self._size_bytes)
        try:
            with closing(open_guarded(self._path, _TABLES, budget,
                                      mended=self._mended)) as database:
                channels = _channels(database, budget)
                reading.channels += channels.values()
                yield from self._rows(database, channels, reading, budget)
        except DamagedBagError as error:
            raise DamagedBagError(f'{self._name}: {error}') from error
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
            if budget.spent:
                raise DamagedBagError(f'{self._name} takes longer to read than a file of its '
                                      f'size may') from error
            if not reading.channels:
                raise DamagedBagError(f'{self._name}: {error}') from error
            reading.torn = f'{self._name}, after {reading.messages} messages: {error}'
        if self._mended and not reading.torn:
            reading.torn = f'{self._name} was never closed; its journal was taken into account'

    def _rows(self, database: sqlite3.Connection, channels: dict[int, Channel],
              reading: Reading, budget: Budget) -> Iterator[RawMessage]:
        # An index could hold other values than the table.
        rows = database.execute(
            'SELECT topic_id, timestamp, data FROM messages NOT INDEXED')
        for number, logged_ns, data in rows:
            if number not in channels or type(logged_ns) is not int or logged_ns < 0:
                raise ValueError(f'message {reading.messages + 1} is of topic {number!r} at '
                                 f'{logged_ns!r}')
            if type(data) is not bytes:
                raise DamagedBagError(f'message {reading.messages + 1} must be bytes. Got '
                                      f'{type(data).__name__}')
            budget.take(data)
            reading.messages += 1
            yield RawMessage(channels[number], logged_ns, logged_ns, data)


def _size_bytes(path: Path) -> int:
    with open_regular(path) as stream:
        return os.fstat(stream.fileno()).st_size


def _channels(database: sqlite3.Connection, budget: Budget) -> dict[int, Channel]:
    """Return the topics by number."""
    has = {table: columns(database, table) for table in _TABLES}
    if not has['topics'] or not has['messages']:
        raise DamagedBagError('it must have the tables topics and messages')
    definitions: dict[str, tuple[str, str]] = {}
    if has['message_definitions']:
        for kind, form, text in database.execute(
                'SELECT topic_type, encoding, encoded_message_definition '
                f'FROM message_definitions NOT INDEXED LIMIT {_MAX_TOPICS}'):
            budget.take(kind, form, text)
            if _are_texts(kind, form, text):
                definitions[kind] = (text, form)
    optional = [column if column in has['topics'] else "''"  # older ones have fewer
                for column in ('offered_qos_profiles', 'type_description_hash')]
    found = {}
    for number, *texts in database.execute(
            f'SELECT id, name, type, serialization_format, {", ".join(optional)} '
            f'FROM topics NOT INDEXED LIMIT {_MAX_TOPICS}'):
        budget.take(*texts)
        if type(number) is not int or not _are_texts(*texts):
            raise DamagedBagError('the table topics must hold a number and texts')
        topic, kind, encoding, qos, digest = texts
        text, form = definitions.get(kind, ('', ''))
        found[number] = Channel(topic, kind, encoding, text, form, qos, digest)
    return found


def _are_texts(*values: object) -> bool:
    return all(isinstance(each, str) and len(each) <= _MAX_TEXT_BYTES for each in values)
