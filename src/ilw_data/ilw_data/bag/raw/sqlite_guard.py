"""
Open an SQLite file that others made, so that it can do no more than give rows of its tables.

A database file brings its own schema: views and generated columns are programs, virtual tables
call code, pages may be counted many times over, and a rollback journal may name a file that SQLite
then deletes. See "Defense Against The Dark Arts" in SQLite's documentation.
"""

from pathlib import Path
import re
import sqlite3

from ilw_core.storage.files import open_regular
from ilw_data.bag.raw.messages import DamagedBagError
from ilw_data.bag.unpack import MAX_CHUNK_BYTES

_MASTER = 'sqlite_master'
_ORDINARY = re.compile(r'create\s+(table|index|unique\s+index)\s', re.IGNORECASE)
_VIRTUAL = re.compile(r'\bwithout\s+rowid\b|\bgenerated\s+always\b', re.IGNORECASE)
_MAX_OBJECTS = 1000
_LIMITS = {
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000, sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 50, sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 2,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000, sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 8,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 10, sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0}
_STEPS, _STEPS_PER_BYTE = 2_000_000, 4
"""Instructions of SQLite's machine; a message of rosbag2 takes a tenth of one per byte"""
_EVERY = 10_000
_JOURNAL_MAGIC = b'\xd9\xd5\x05\xf9\x20\xa1\x63\xd7'


class Budget:
    """
    What may come out of a file: what is in it, once.

    :param size_bytes: of the file, with its journals.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._left_bytes = size_bytes
        self._left_steps = _STEPS + _STEPS_PER_BYTE * size_bytes
        self.spent = False

    def take(self, *values: object) -> None:
        """Count a row; :raises DamagedBagError: more came out than is in the file."""
        self._left_bytes -= 2 + sum(len(v) for v in values if isinstance(v, (bytes, str)))
        if self._left_bytes < 0:
            raise DamagedBagError(f'more comes out of it than its {self.size_bytes} bytes hold')

    def step(self) -> int:
        """Count instructions; 1 ends the query."""
        self._left_steps -= _EVERY
        self.spent = self.spent or self._left_steps < 0
        return int(self.spent)


def open_guarded(path: Path, tables: tuple[str, ...], budget: Budget, *,
                 mended: bool) -> sqlite3.Connection:
    """
    Return a connection that reads some ordinary tables, and does nothing else.

    :param tables: those that may be read, where they are there.
    :param mended: it is a copy with its journals beside it, which SQLite may write.
    :raises DamagedBagError: it holds something else than ordinary tables and their indexes.
    :raises sqlite3.Error: it is no such file.
    """
    open_regular(path).close()
    mode = 'mode=rw' if mended else 'mode=ro&immutable=1'
    database = sqlite3.connect(f'{path.absolute().as_uri()}?{mode}', uri=True)
    try:
        database.set_progress_handler(budget.step, _EVERY)
        for limit, value in _LIMITS.items():
            database.setlimit(limit, value)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH,
                          min(MAX_CHUNK_BYTES, max(budget.size_bytes, 100_000)))
        for pragma in ('trusted_schema = OFF', 'query_only = ON', 'mmap_size = 0',
                       'temp_store = MEMORY'):
            database.execute(f'PRAGMA {pragma}')
        # Nothing is written; this makes SQLite read files that have lost their end.
        database.execute('PRAGMA writable_schema = ON')
        database.set_authorizer(_authorizer(tables))
        _check_schema(database, tables)
    except BaseException:
        database.close()
        raise
    return database


def check_journal(path: Path) -> None:
    """
    Refuse a rollback journal that names another: SQLite would look into that, and delete it.

    :raises DamagedBagError: it does.
    """
    with open_regular(path) as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - len(_JOURNAL_MAGIC)))
        if size > len(_JOURNAL_MAGIC) and stream.read() == _JOURNAL_MAGIC:
            raise DamagedBagError(f'{path.name} names another journal, which a recording never '
                                  f'has')


def _authorizer(tables: tuple[str, ...]):  # type: ignore[no-untyped-def]
    readable = {*tables, _MASTER}

    def allow(action: int, first: str | None, second: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_SELECT:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ and first is not None and first.lower() in readable:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_PRAGMA and first == 'table_xinfo' and second in tables:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY
    return allow


def _check_schema(database: sqlite3.Connection, tables: tuple[str, ...]) -> None:
    rows = database.execute(f'SELECT type, name, sql FROM {_MASTER} LIMIT {_MAX_OBJECTS + 1}')
    for number, (kind, name, sql) in enumerate(rows):
        if number == _MAX_OBJECTS:
            raise DamagedBagError(f'it has more than {_MAX_OBJECTS} tables')
        own_index = kind == 'index' and sql is None  # of a UNIQUE or PRIMARY KEY
        # What counts is the text: SQLite makes of it what it says, not what `type` says.
        if not own_index and not (kind in ('table', 'index') and isinstance(sql, str)
                                  and _ORDINARY.match(sql)):
            raise DamagedBagError(f'it must have ordinary tables only. Got {str(kind)[:20]!r} '
                                  f'{str(name)[:60]!r}')
        if kind == 'table' and name in tables and _VIRTUAL.search(sql):
            raise DamagedBagError(f'the table {name} must be an ordinary one')


def columns(database: sqlite3.Connection, table: str) -> set[str]:
    """
    Return the columns of an ordinary table; empty if there is none of the name.

    :raises DamagedBagError: one is computed.
    """
    found = database.execute(f'PRAGMA table_xinfo({table})').fetchall()
    if any(row[-1] for row in found):
        raise DamagedBagError(f'the table {table} must hold its values. Some are computed')
    return {row[1] for row in found}
