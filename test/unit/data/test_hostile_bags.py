"""Bags that lie about sizes cost one clear line, not memory; names in them leave no folder."""

from contextlib import contextmanager
from pathlib import Path
import sqlite3
import struct

import lz4.frame
import pytest
import zstandard

from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.mcap import MAGIC
from ilw_data.bag.reader import Bag, read_messages
from ilw_data.bag.unpack import MAX_CHUNK_BYTES, PackedError, unpack
from ilw_data.episode.copy import adopt

MB = 1_000_000
HUGE = 1 << 60
ROOM_BYTES = 350 * MB
"""One chunk within its bound, what Python holds besides, and nothing like what the bags claim"""


@contextmanager
def little_memory():
    """Fail if more address space was taken at any time than a chunk needs."""
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak so far
    before = _status('VmRSS')
    yield
    grown = _status('VmHWM') - before
    assert grown < ROOM_BYTES, f'{grown / MB:.0f} MB'


def _status(key):
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) * 1024


def record(opcode, content, length=None):
    return struct.pack('<BQ', opcode, len(content) if length is None else length) + content


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def chunk(packed, size, how='zstd'):
    return record(6, struct.pack('<QQQI', 0, 1, size, 0) + text(how)
                  + struct.pack('<Q', len(packed)) + packed)


def footer(summary_start=0):
    return record(2, struct.pack('<QQI', summary_start, 0, 0)) + MAGIC


HEADER = MAGIC + record(1, text('ros2') + text('x'))
ZEROS = bytes(16 * MB)
BIG_FRAME = b'\x28\xb5\x2f\xfd\xe0' + struct.pack('<Q', HUGE) + b'\x01\x00\x00'
"""A zstd frame that names its size: an exabyte"""


def bomb(size):
    """Return zstd that unpacks to so many zeros."""
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(ZEROS[:min(len(ZEROS), size - at)])
             for at in range(0, size, len(ZEROS))]
    return b''.join([*parts, packer.flush()])


@pytest.mark.parametrize('content', [
    HEADER + record(6, b'', HUGE),
    HEADER + record(5, b'abc', (1 << 64) - 1) + footer(),
    HEADER + chunk(BIG_FRAME, HUGE) + footer(),
    HEADER + chunk(BIG_FRAME, 1000) + footer(),
    HEADER + chunk(BIG_FRAME, MAX_CHUNK_BYTES) + footer(),
    HEADER + chunk(lz4.frame.compress(ZEROS), HUGE, 'lz4') + footer(),
    HEADER + chunk(lz4.frame.compress(ZEROS), 1000, 'lz4') + footer(),
    HEADER + record(15, bytes(4)) + record(8, bytes(40), HUGE) + footer(len(HEADER) + 13),
    HEADER + record(3, struct.pack('<H', 1) + struct.pack('<I', 0xFFFFFFFF)) + footer(),
    HEADER + chunk(b'x', 1, 'rar') + footer(),
    HEADER + footer(HUGE),
    MAGIC,
], ids=range(12))
def test_an_mcap_file_that_claims_too_much_is_refused_or_empty(tmp_path, content):
    file = tmp_path / 'one' / 'one.mcap'
    file.parent.mkdir()
    file.write_bytes(content)
    with little_memory():
        try:
            assert Bag(file.parent).types == {}
        except EpisodeError as error:
            assert '\n' not in str(error)


def test_many_chunks_of_nothing_are_given_up_within_a_budget(tmp_path):
    packed = bomb(MAX_CHUNK_BYTES)
    file = tmp_path / 'one' / 'one.mcap'
    file.parent.mkdir()
    file.write_bytes(HEADER + chunk(packed, MAX_CHUNK_BYTES) * 50 + footer())
    with little_memory(), pytest.raises(EpisodeError, match='more than a file of this size may'):
        RawBag(file.parent)


def test_a_packed_file_that_holds_too_much_is_given_up(tmp_path):
    file = tmp_path / 'one' / 'one.mcap.zstd'
    file.parent.mkdir()
    file.write_bytes(bomb(400 * MB))
    with little_memory(), pytest.raises(EpisodeError, match='holds more than'):
        Bag(file.parent)


def test_packed_messages_that_hold_too_much_are_refused(bags, tmp_path):
    folder = bags.write(tmp_path / 'one', ticks=3)
    raw = RawBag(folder)
    file = next(folder.glob('*.mcap'))
    channel = record(4, struct.pack('<HH', 1, 0) + text('/x') + text('cdr') + text(''))
    message = record(5, struct.pack('<HIQQ', 1, 0, 0, 0) + bomb(MAX_CHUNK_BYTES + 1))
    file.write_bytes(HEADER + channel + message + footer())
    (folder / 'metadata.yaml').unlink()
    assert raw.counts.total() == 6
    with little_memory(), pytest.raises(EpisodeError, match='more than'):
        Bag(folder)


def test_unpacking_stops_at_what_was_said():
    for how, packed in (('zstd', bomb(100 * MB)), ('lz4', lz4.frame.compress(ZEROS))):
        with little_memory(), pytest.raises(PackedError, match='more than the 1000 bytes'):
            unpack(packed, how, 1000)


TOPICS = '''CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT,
serialization_format TEXT); INSERT INTO topics VALUES (1, '/odom', 'nav_msgs/msg/Odometry', 'cdr');
'''


@pytest.mark.parametrize('statements', [
    TOPICS + '''CREATE VIEW messages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1
    FROM n) SELECT i AS id, 1 AS topic_id, i AS timestamp, zeroblob(1000000) AS data FROM n''',
    TOPICS + '''CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER,
    data BLOB GENERATED ALWAYS AS (zeroblob(900000000))); INSERT INTO messages(topic_id, timestamp)
    VALUES (1, 1)''',
    TOPICS + 'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id TEXT, timestamp TEXT, '
    "data TEXT); INSERT INTO messages VALUES (1, 'x', 'y', 'z')",
    'CREATE TABLE messages(id INTEGER); CREATE TABLE topics(id INTEGER)',
    'CREATE TABLE other(id INTEGER)',
], ids=['endless view', 'large out of nothing', 'texts', 'columns', 'tables'])
def test_an_sqlite_file_that_is_not_what_it_seems_gives_no_message(tmp_path, statements):
    folder = tmp_path / 'one'
    folder.mkdir()
    database = sqlite3.connect(folder / 'one.db3')
    database.executescript(statements)
    database.close()
    with little_memory():
        try:
            assert list(read_messages(folder)) == []
        except EpisodeError as error:
            assert '\n' not in str(error)


@pytest.mark.parametrize('files', ['../secret/one.mcap', '/etc/passwd', '..'])
def test_a_description_cannot_name_files_elsewhere(bags, tmp_path, files):
    bags.write(tmp_path / 'secret')
    folder = tmp_path / 'one'
    folder.mkdir()
    (folder / 'other.db3').write_bytes(b'')
    (folder / 'metadata.yaml').write_text(
        f'rosbag2_bagfile_information: {{message_count: 0, relative_file_paths: ["{files}"]}}')
    with pytest.raises(EpisodeError):
        Bag(folder)


@pytest.mark.parametrize('said', [
    'x' * (5 << 20), '[' * 100_000, 'rosbag2_bagfile_information: {message_count: many}',
    'rosbag2_bagfile_information: {message_count: 1, relative_file_paths: 3}', '!!python/name:os'])
def test_a_description_that_is_none_is_refused_in_one_line(bags, tmp_path, said):
    folder = bags.write(tmp_path / 'one_0', ticks=3)
    file = next(folder.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-20])
    (folder / 'metadata.yaml').write_text(said)
    with pytest.raises(EpisodeError, match=r'metadata\.yaml') as caught:
        Bag(folder)
    assert '\n' not in str(caught.value)


def test_a_type_that_cannot_be_parsed_is_one_line_and_makes_no_episode(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one', ticks=5)
    file = next(folder.glob('*.mcap'))
    damaged = file.read_bytes().replace(b'geometry_msgs/Twist twist', b'geometry_msgs/Twist 7wist')
    (folder / 'metadata.yaml').unlink()
    file.write_bytes(damaged[:-100])
    with pytest.raises(EpisodeError, match='Could not parse') as caught:
        adopt(read_episode(folder), maze, tmp_path / 'out', Outcome.SUCCESS)
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 700
    assert list((tmp_path / 'out').iterdir()) == []
