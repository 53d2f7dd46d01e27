"""SQLite bags that bring programs instead of messages, or journals that name other files."""

from contextlib import closing
import os
import resource
import shutil
import sqlite3
import struct
import threading

import pytest

from ilw_core.errors import EpisodeError
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.messages import DamagedBagError
from ilw_data.bag.raw.sqlite_guard import Budget, open_guarded
from ilw_data.bag.reader import read_messages

TOPICS = '''CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT,
serialization_format TEXT, offered_qos_profiles TEXT);
INSERT INTO topics VALUES (1, '/odom', 'std_msgs/msg/Empty', 'cdr', '');
'''
MESSAGES = '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER,
data BLOB);
'''
ROW = "INSERT INTO messages VALUES (1, 1, 5, x'00010000');"
GOOD = TOPICS + MESSAGES + ROW


def bag(folder, statements):
    """Return a bag of one SQLite file that the statements make."""
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / 'one.db3')) as database:
        database.executescript(statements)
    return folder


def forged(folder, **sql):
    """Return a bag whose schema says something else than SQLite would write."""
    bag(folder, GOOD)
    with closing(sqlite3.connect(folder / 'one.db3')) as database:
        database.execute('PRAGMA writable_schema = ON')
        for name, text in sql.items():
            database.execute('UPDATE sqlite_master SET sql = ? WHERE name = ?', (text, name))
        database.commit()
    return folder


def test_an_ordinary_file_is_read(tmp_path):
    found = RawBag(bag(tmp_path / 'one', GOOD))
    assert [message.data for message in found.messages()] == [b'\x00\x01\x00\x00']


@pytest.mark.parametrize('statements', [
    TOPICS + 'CREATE VIEW messages AS SELECT 1 AS topic_id, 5 AS timestamp, x\'00\' AS data',
    TOPICS + '''CREATE TABLE seen(i); CREATE VIEW messages AS WITH RECURSIVE n(i) AS (SELECT 1
    UNION ALL SELECT i + 1 FROM n) SELECT 1 AS topic_id, i AS timestamp, x'00' AS data FROM n''',
    GOOD + 'CREATE VIEW more AS SELECT * FROM messages',
    GOOD + 'CREATE TRIGGER more AFTER INSERT ON topics BEGIN DELETE FROM messages; END',
    TOPICS + 'CREATE VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)',
    GOOD + 'CREATE VIRTUAL TABLE more USING rtree(id, a, b)',
    TOPICS + '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp,
    data AS (zeroblob(100)) STORED); INSERT INTO messages(topic_id, timestamp) VALUES (1, 5)''',
    TOPICS + '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp,
    data AS (zeroblob(100000000)) VIRTUAL); INSERT INTO messages(topic_id, timestamp)
    VALUES (1, 5)''',
    TOPICS + '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp AS (5), data);
    INSERT INTO messages(topic_id, data) VALUES (1, x'00')''',
    TOPICS + '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp, data)
    WITHOUT ROWID; INSERT INTO messages VALUES (1, 1, 5, x'00')''',
    TOPICS + MESSAGES + "INSERT INTO messages VALUES (1, 1, 5, 'text')",
    TOPICS + MESSAGES + 'INSERT INTO messages VALUES (1, 1, 5, 2000000000)',
    TOPICS + MESSAGES + 'INSERT INTO messages VALUES (1, 1, 5, 1.5)',
    TOPICS + MESSAGES + 'INSERT INTO messages VALUES (1, 1, 5, NULL)',
    GOOD + "INSERT INTO topics VALUES (2, x'00', 'a/msg/B', 'cdr', '')",
    GOOD + "INSERT INTO topics VALUES (2, '/a', NULL, 'cdr', '')",
], ids=['view', 'endless view', 'another view', 'trigger', 'virtual table',
        'another virtual table', 'computed data', 'huge computed data', 'computed time',
        'without rowid', 'text', 'number as a size', 'fraction', 'null', 'topic of bytes',
        'topic without a type'])
def test_only_ordinary_tables_with_blobs_are_read(tmp_path, statements):
    folder = bag(tmp_path / 'one', statements)
    with pytest.raises(EpisodeError, match=r'one\.db3') as caught:
        list(read_messages(folder))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('sql', [
    {'messages': "CREATE VIEW messages AS SELECT 1 topic_id, 5 timestamp, x'00' data"},
    {'messages': 'CREATE VIRTUAL TABLE messages USING fts5(topic_id, timestamp, data)'},
    {'messages': "CREATE/**/VIEW messages AS SELECT 1 topic_id, 5 timestamp, x'00' data"},
    {'messages': 'CREATE TEMP TABLE messages(topic_id, timestamp, data)'},
    {'messages': 'CREATE TABLE messages(topic_id, timestamp, data AS (randomblob(9)))'},
    {'messages': None},
    {'topics': "CREATE VIEW topics AS SELECT 1 id, 'a' name, 'b' type, 'c' "
               "serialization_format, '' offered_qos_profiles"},
], ids=['view', 'virtual', 'comment', 'temporary', 'computed', 'nothing', 'topics'])
def test_a_schema_that_lies_about_its_kinds_is_refused(tmp_path, sql):
    with pytest.raises(EpisodeError):
        list(read_messages(forged(tmp_path / 'one', **sql)))


@pytest.mark.long
def test_rows_that_many_pages_share_are_not_read_without_end(tmp_path):
    """An inner page whose children are all the same page gives its rows over and over."""
    rows = ''.join(f"INSERT INTO messages VALUES ({i}, 1, {i}, zeroblob(300));"
                   for i in range(3000))
    folder = bag(tmp_path / 'one', f'PRAGMA page_size = 4096;{TOPICS}{MESSAGES}'
                 f'BEGIN;{rows}COMMIT;')
    file = folder / 'one.db3'
    with closing(sqlite3.connect(file)) as database:
        (root,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'messages'").fetchone()
    data = bytearray(file.read_bytes())
    at = (root - 1) * 4096
    assert data[at] == 5  # an inner page of a table
    cells = struct.unpack_from('>H', data, at + 3)[0]
    assert cells > 20
    places = [at + place for place in struct.unpack_from(f'>{cells}H', data, at + 12)]
    leaf, other = (bytes(data[place:place + 4]) for place in places[:2])
    between = (struct.unpack('>I', other)[0] - 1) * 4096
    for place in places:
        data[place:place + 4] = leaf
    data[at + 8:at + 12] = leaf
    data[between:between + 4096] = data[at:at + 4096]  # all of its children are one leaf
    for place in places:
        data[place:place + 4] = other
    data[at + 8:at + 12] = other
    file.write_bytes(data)
    with pytest.raises(EpisodeError, match='more comes out of it'):
        list(read_messages(folder))


def test_a_budget_ends_what_takes_longer_than_the_file_is_large(tmp_path):
    folder = bag(tmp_path / 'one', GOOD)
    budget = Budget(100)
    budget.take(b'x' * 40, 'y' * 40)
    with pytest.raises(DamagedBagError, match='100 bytes'):
        budget.take(b'x' * 40)
    budget = Budget(0)
    with closing(open_guarded(folder / 'one.db3', ('topics',), budget,
                              mended=False)) as database:
        database.set_authorizer(None)
        with pytest.raises(sqlite3.OperationalError, match='interrupted'):
            database.execute('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) '
                             'SELECT count(*) FROM n').fetchall()
    assert budget.spent


@pytest.mark.parametrize('statement', [
    'SELECT load_extension(\'x\')', 'ATTACH \'other.db3\' AS other', 'SELECT randomblob(9)',
    'SELECT * FROM secret', 'PRAGMA user_version = 3', 'DELETE FROM topics',
    'CREATE TABLE x(a)', 'PRAGMA writable_schema = OFF', 'DROP TABLE topics'])
def test_nothing_but_reading_the_named_tables_is_authorised(tmp_path, statement):
    folder = bag(tmp_path / 'one', GOOD + 'CREATE TABLE secret(a)')
    with closing(open_guarded(folder / 'one.db3', ('topics', 'messages'), Budget(10_000),
                              mended=False)) as database, \
            pytest.raises(sqlite3.DatabaseError):
        database.execute(statement).fetchall()


@pytest.fixture
def killed(tmp_path):
    """Return a bag with a rollback journal, as it is when its writer is killed."""
    rows = ''.join(f"INSERT INTO messages VALUES ({i}, 1, {i}, zeroblob(3000));"
                   for i in range(2, 100))
    folder = bag(tmp_path / 'writing', GOOD + rows)
    with closing(sqlite3.connect(folder / 'one.db3', isolation_level=None)) as database:
        database.execute('PRAGMA cache_size = 1')
        database.execute('BEGIN')
        database.execute('DELETE FROM messages')
        shutil.copytree(folder, tmp_path / 'killed')
        database.execute('ROLLBACK')
    return tmp_path / 'killed'


@pytest.mark.parametrize('name', ['{victim}', 'relative', '/etc/passwd'])
def test_a_journal_that_names_another_file_deletes_nothing(killed, tmp_path, name):
    victim = tmp_path / 'victim'
    victim.write_text('precious')
    named = name.format(victim=victim).encode()
    with open(killed / 'one.db3-journal', 'ab') as journal:
        journal.write(struct.pack('>I', 1) + named + struct.pack('>II', len(named), sum(named))
                      + b'\xd9\xd5\x05\xf9\x20\xa1\x63\xd7')
    with pytest.raises(EpisodeError, match='names another'):
        RawBag(killed)
    with pytest.raises(EpisodeError, match='names another'):
        RawBag(killed, partial=True)
    assert victim.read_text() == 'precious'


@pytest.mark.parametrize('end', ['-wal', '-journal'])
@pytest.mark.parametrize('kind', ['link', 'pipe', 'folder'])
def test_a_journal_that_is_no_regular_file_is_refused_at_once(tmp_path, end, kind):
    folder = bag(tmp_path / 'one', GOOD)
    journal = folder / f'one.db3{end}'
    if kind == 'link':
        (tmp_path / 'other').write_bytes(b'x' * 1000)
        journal.symlink_to(tmp_path / 'other')
    elif kind == 'pipe':
        os.mkfifo(journal)
    else:
        journal.mkdir()
    found = []

    def read():
        try:
            RawBag(folder)
        except EpisodeError as error:
            found.append(str(error))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(10.0)
    assert found and 'regular file' in found[0]


def test_a_value_that_claims_more_than_the_file_takes_no_memory(tmp_path):
    """Its length is written as 200 MB, and its pages follow themselves in a circle."""
    folder = bag(tmp_path / 'one', TOPICS + MESSAGES
                 + 'INSERT INTO messages VALUES (1, 1, 5, zeroblob(20000));')
    file = folder / 'one.db3'
    data = bytearray(file.read_bytes())
    claimed, real = 2 * 200_000_000 + 12, 2 * 20_000 + 12

    def varint(value):
        parts = [value & 0x7f]
        while value := value >> 7:
            parts.append(value & 0x7f | 0x80)
        return bytes(reversed(parts))

    at = data.find(varint(real))
    assert at > 0
    data[at:at + len(varint(real))] = varint(claimed)[:len(varint(real))]
    file.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        list(read_messages(folder))
    except EpisodeError as error:
        assert '\n' not in str(error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
