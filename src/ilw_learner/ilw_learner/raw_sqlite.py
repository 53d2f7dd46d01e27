"""
Read the messages of an SQLite file of rosbag2, of any version, also one that was never closed.

SQLite mends a file with a journal or a write-ahead log beside it when it opens it; that is done on
a copy. What cannot be mended is read to the first page that is missing.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
import shutil
import sqlite3

from ilw_learner.raw_messages import Channel, DamagedBagError, RawMessage, Reading
from ilw_learner.unpack import MAX_CHUNK_BYTES

JOURNALS = ('-wal', '-journal')
_MAX_TOPICS = 65536
_MAX_TEXT_BYTES = 1 << 20
"""A definition, or what publishers offer"""


class SqliteFile:
    """
    One file; ``messages`` may be called again.

    :param room: gives a folder for a copy; called when there is a journal.
    :raises DamagedBagError: there is no room for it.
    """

    def __init__(self, path: Path, room: Callable[[], Path]) -> None:
        self._path, self._name = path, path.name
        journals = [Path(f'{path}{end}') for end in JOURNALS]
        journals = [file for file in journals if file.is_file() and file.stat().st_size]
        self._mended = bool(journals)
        if journals:
            scratch = room()
            needed = sum(file.stat().st_size for file in (path, *journals))
            if needed > shutil.disk_usage(scratch).free // 2:
                raise DamagedBagError(f'{path.name} was not closed, and there is no room to mend '
                                      f'a copy of {needed // 1_000_000} MB in {scratch}')
            for file in (path, *journals):
                shutil.copyfile(file, scratch / file.name)
            self._path = scratch / path.name

    def messages(self, reading: Reading) -> Iterator[RawMessage]:
        """
        Yield every message in the order it was written.

        :param reading: receives the channels and how far it went.
        :raises DamagedBagError: this is no such file.
        """
        mode = '' if self._mended else '?mode=ro&immutable=1'
        location = f'{self._path.absolute().as_uri()}{mode}'
        try:
            with closing(sqlite3.connect(location, uri=True)) as database:
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CHUNK_BYTES)
                database.execute('PRAGMA trusted_schema = OFF')
                # Nothing is written; this makes SQLite read files that have lost their end.
                database.execute('PRAGMA writable_schema = ON')
                channels = _channels(database)
                reading.channels += channels.values()
                yield from self._rows(database, channels, reading)
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
            if isinstance(error, DamagedBagError):
                raise
            if not reading.channels:
                raise DamagedBagError(f'{self._name}: {error}') from error
            reading.torn = f'{self._name}, after {reading.messages} messages: {error}'
        if self._mended and not reading.torn:
            reading.torn = f'{self._name} was never closed; its journal was taken into account'

    def _rows(self, database: sqlite3.Connection, channels: dict[int, Channel],
              reading: Reading) -> Iterator[RawMessage]:
        rows = database.execute('SELECT topic_id, timestamp, data FROM messages')
        for number, logged_ns, data in rows:
            if number not in channels or not isinstance(logged_ns, int) or logged_ns < 0:
                raise ValueError(f'message {reading.messages + 1} is of topic {number!r} at '
                                 f'{logged_ns!r}')
            reading.messages += 1
            yield RawMessage(channels[number], logged_ns, logged_ns, bytes(data or b''))


def _channels(database: sqlite3.Connection) -> dict[int, Channel]:
    """Return the topics by number."""
    kinds = dict(database.execute('SELECT name, type FROM sqlite_master'))
    # A view could make rows without end out of nothing.
    if not kinds.get('topics') == kinds.get('messages') == 'table':
        raise DamagedBagError('it must have the tables topics and messages')
    definitions: dict[str, tuple[str, str]] = {}
    if kinds.get('message_definitions') == 'table':
        definitions = {kind: (text, form) for kind, form, text in database.execute(
            'SELECT topic_type, encoding, encoded_message_definition FROM message_definitions '
            f'LIMIT {_MAX_TOPICS}') if len(text) <= _MAX_TEXT_BYTES}
    has = {column for _, column, *_ in database.execute('PRAGMA table_info(topics)')}
    optional = [column if column in has else "''"  # older ones have fewer
                for column in ('offered_qos_profiles', 'type_description_hash')]
    found = {}
    for number, topic, kind, encoding, qos, digest in database.execute(
            f'SELECT id, name, type, serialization_format, {", ".join(optional)} FROM topics '
            f'LIMIT {_MAX_TOPICS}'):
        text, form = definitions.get(kind, ('', ''))
        found[number] = Channel(str(topic), str(kind), str(encoding), text, form,
                                str(qos)[:_MAX_TEXT_BYTES], str(digest))
    return found
