"""Recordings of others are read whatever their storage, unfinished ones as far as they go."""

import shutil
import sqlite3

from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Reader, StoragePlugin, Writer

from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_data.bag.reader import Bag
from ilw_data.episode.dataset import load_episode, usable

TICKS = 400


def turning(i):
    return 0.4, (1.2 if i % 8 < 4 else -1.2)


@pytest.fixture
def plain(bags, tmp_path):
    """One bag, as a finished MCAP file."""
    return bags.write(tmp_path / 'plain', drive=turning, ticks=TICKS)


def stored(source, target, plugin, mode=CompressionMode.NONE):
    """Write the messages of a bag as rosbags stores them."""
    writer = Writer(target, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with Reader(source) as reader, writer:
        numbers = {c.id: writer.add_connection(
            c.topic, c.msgtype, msgdef=c.msgdef.data, rihs01=c.digest or 'RIHS01_0')
            for c in reader.connections}
        for connection, logged_ns, data in reader.messages():
            writer.write(numbers[connection.id], logged_ns, data)
    return target


def chunked(source, target, compression=CompressionType.NONE, *, parts=1, finish=True):
    """Write them as MCAP files of many chunks, as a recorder splits them."""
    target.mkdir()
    with Reader(source) as reader:
        sent = [(c, logged_ns, bytes(data)) for c, logged_ns, data in reader.messages()]
    share = -(-len(sent) // parts)
    for part in range(parts):
        with (target / f'{target.name}_{part}.mcap').open('wb') as stream:
            writer = McapWriter(stream, chunk_size=8000, compression=compression)
            writer.start(profile='ros2', library='other')
            channels = {}
            for connection, logged_ns, data in sent[part * share:(part + 1) * share]:
                if connection.topic not in channels:
                    schema = writer.register_schema(connection.msgtype, 'ros2msg',
                                                    connection.msgdef.data.encode())
                    channels[connection.topic] = writer.register_channel(
                        connection.topic, 'cdr', schema)
                writer.add_message(channels[connection.topic], logged_ns, data, logged_ns)
            if finish:
                writer.finish()
    return target


def same(one, other):
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes()
               for name in ('obs', 'obs_valid', 'actions', 'action_valid', 'stamps_ns'))


@pytest.mark.parametrize(('plugin', 'mode'), [
    (plugin, mode) for plugin in StoragePlugin for mode in CompressionMode
    if not (plugin is StoragePlugin.SQLITE3 and mode is CompressionMode.STORAGE)])
@pytest.mark.parametrize('described', [True, False])
def test_every_storage_and_compression_gives_the_same_episode(
        plain, maze, tmp_path, plugin, mode, described):
    other = stored(plain, tmp_path / 'other', plugin, mode)
    if not described:
        (other / 'metadata.yaml').unlink()
    before = {file.name: file.read_bytes() for file in other.iterdir()}
    assert same(load_episode(other, maze), load_episode(plain, maze))
    assert {file.name: file.read_bytes() for file in other.iterdir()} == before


@pytest.mark.parametrize('compression', list(CompressionType))
@pytest.mark.parametrize('parts', [1, 3, 12])
def test_one_that_was_split_is_one_episode(plain, maze, tmp_path, compression, parts):
    (tmp_path / 'rec').mkdir()
    other = chunked(plain, tmp_path / 'rec' / 'other', compression, parts=parts)
    (episode,) = find_episodes(tmp_path / 'rec')
    assert [file.name for file in episode.bag_files] == [f'other_{i}.mcap' for i in range(parts)]
    assert same(load_episode(other, maze), load_episode(plain, maze))


@pytest.mark.parametrize('compression', list(CompressionType))
@pytest.mark.parametrize('keep', [0.3, 0.7, 0.95])
def test_one_that_was_never_finished_is_read_to_its_last_whole_chunk(
        plain, maze, tmp_path, compression, keep):
    other = chunked(plain, tmp_path / 'other', compression)
    file = other / 'other_0.mcap'
    data = file.read_bytes()
    file.write_bytes(data[:int(len(data) * keep)])
    whole, found = load_episode(plain, maze), load_episode(other, maze)
    steps = len(found.actions)
    assert 0.1 * keep * TICKS < steps < TICKS
    assert found.obs.tobytes() == whole.obs[:steps + 1].tobytes()
    assert found.actions[:-1].tobytes() == whole.actions[:steps - 1].tobytes()
    assert 'other_0.mcap, byte' in Bag(other).torn
    assert file.read_bytes() == data[:int(len(data) * keep)]


def test_an_mcap_file_that_ends_in_zeros_is_read_to_them(plain, maze, tmp_path):
    other = chunked(plain, tmp_path / 'other')
    file = other / 'other_0.mcap'
    file.write_bytes(file.read_bytes()[:40_000] + bytes(100_000))
    assert len(load_episode(other, maze).actions) > 20


def test_the_last_part_of_a_split_recording_may_be_unfinished(plain, maze, tmp_path):
    other = chunked(plain, tmp_path / 'other', parts=3)
    last = other / 'other_2.mcap'
    last.write_bytes(last.read_bytes()[:20_000])
    whole, found = load_episode(plain, maze), load_episode(other, maze)
    assert TICKS * 2 // 3 < len(found.actions) < TICKS - 2
    assert found.obs.tobytes() == whole.obs[:len(found.obs)].tobytes()


@pytest.mark.parametrize('mode', ['WAL', 'DELETE'])
def test_an_sqlite_file_that_was_never_closed_is_mended_in_a_copy(plain, maze, tmp_path, mode):
    other = stored(plain, tmp_path / 'other', StoragePlugin.SQLITE3)
    (other / 'metadata.yaml').unlink()
    database = sqlite3.connect(other / 'other.db3', isolation_level=None)
    database.execute(f'PRAGMA journal_mode = {mode}')
    database.execute('PRAGMA wal_autocheckpoint = 0')
    database.execute('PRAGMA cache_size = 1')  # so that it writes before it commits
    database.execute('BEGIN')
    if mode == 'WAL':
        database.execute('UPDATE messages SET timestamp = timestamp + 0')
        database.execute('COMMIT')
    else:
        database.execute('DELETE FROM messages')  # never committed
    killed = tmp_path / 'killed'
    shutil.copytree(other, killed)  # as it is on the disk in the middle of it
    database.close()
    journal = killed / ('other.db3-wal' if mode == 'WAL' else 'other.db3-journal')
    assert journal.stat().st_size > 0
    before = {file.name: file.read_bytes() for file in killed.iterdir()}
    assert same(load_episode(killed, maze), load_episode(plain, maze))
    assert 'never closed' in Bag(killed).torn
    assert {file.name: file.read_bytes() for file in killed.iterdir()} == before


def test_a_cut_sqlite_file_is_read_to_its_first_missing_page(plain, maze, tmp_path):
    other = stored(plain, tmp_path / 'other', StoragePlugin.SQLITE3)
    (other / 'metadata.yaml').unlink()
    file = other / 'other.db3'
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
    found = load_episode(other, maze)
    assert 20 < len(found.actions) < TICKS - 2
    assert 'other.db3, after' in Bag(other).torn


def test_a_finished_recording_that_lost_a_part_is_refused_and_can_be_imported(
        plain, maze, tmp_path):
    other = chunked(plain, tmp_path / 'other', parts=2)
    (other / 'metadata.yaml').write_text(
        'rosbag2_bagfile_information: {message_count: 800, relative_file_paths: '
        '[other_0.mcap, other_1.mcap]}')
    assert same(load_episode(other, maze), load_episode(plain, maze))
    (other / 'other_1.mcap').unlink()
    with pytest.raises(EpisodeError, match=r'other_1\.mcap is missing.*episodes import'):
        load_episode(other, maze)


def test_loose_files_are_one_episode_each_and_parts_are_not(plain, tmp_path):
    file = next(plain.glob('*.mcap'))
    loose = tmp_path / 'loose'
    loose.mkdir()
    for name in ('monday.mcap', 'tuesday.mcap'):
        shutil.copy(file, loose / name)
    assert [e.path.name for e in find_episodes(loose)] == ['monday.mcap', 'tuesday.mcap']
    assert read_episode(loose / 'monday.mcap').bag_files == [loose / 'monday.mcap']
    numbered = tmp_path / 'numbered'
    numbered.mkdir()
    for name in ('run_1.mcap', 'run_2.mcap'):  # parts begin with 0
        shutil.copy(file, numbered / name)
    assert len(find_episodes(numbered)) == 2


def test_two_recordings_in_one_episode_are_refused(plain, maze):
    shutil.copy(next(plain.glob('*.mcap')), plain / 'other.mcap')
    with pytest.raises(EpisodeError, match='must hold one recording'):
        load_episode(plain, maze)


def test_an_unjudged_foreign_recording_is_trained_on(plain):
    (plain / 'metadata.yaml').unlink()
    assert len(usable([read_episode(plain)])) == 1


def test_a_cached_episode_of_several_files_notices_a_change_in_any(plain, maze, tmp_path):
    other = chunked(plain, tmp_path / 'other', parts=3)
    cache = tmp_path / 'cache'
    first = load_episode(other, maze, cache=cache)
    last = other / 'other_2.mcap'
    last.write_bytes(last.read_bytes()[:20_000])
    again = load_episode(other, maze, cache=cache)
    assert len(again.actions) < len(first.actions)
    assert np.array_equal(again.obs, first.obs[:len(again.obs)])


def test_training_takes_recordings_of_every_storage_side_by_side(plain, maze, tmp_path):
    from ilw_learner.algorithms.cloned_policy import BcConfig
    from ilw_learner.training.options import TrainOptions, load_demonstrations

    demos = tmp_path / 'demos'
    demos.mkdir()
    stored(plain, demos / 'sqlite', StoragePlugin.SQLITE3)
    stored(plain, demos / 'packed', StoragePlugin.MCAP, CompressionMode.FILE)
    chunked(plain, demos / 'split', CompressionType.ZSTD, parts=2)
    chunked(plain, demos / 'unfinished', finish=False)
    (demos / 'damaged').mkdir()
    (demos / 'damaged' / 'one.db3').write_bytes(b'no database')
    said = []
    found = load_demonstrations(TrainOptions(
        contract=maze, algorithm='bc', config=BcConfig(), demos=demos, out=tmp_path / 'out',
        say=said.append))
    whole = load_episode(plain, maze)
    assert [e.name for e in found] == ['packed', 'split', 'sqlite', 'unfinished']
    assert all(same(e, whole) for e in found[:3])
    assert 0 < len(found[3].actions) < TICKS
    assert len(said) == 1
    assert 'one.db3' in said[0]


def test_a_recording_that_is_not_there_is_said_in_one_line(tmp_path):
    with pytest.raises(EpisodeError, match='must be a recording'):
        Bag(tmp_path / 'nowhere')
