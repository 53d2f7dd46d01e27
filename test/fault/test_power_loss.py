"""Files cut and damaged at any byte: salvage never raises, and what was saved stays."""

import json
from pathlib import Path
import shutil
import tempfile
import time

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.storage.episode_folder import find_episodes
from ilw_data.bag.writer import BagWriter, WrittenTopic
from ilw_teleop.recording.episode_store import EpisodeStore
from ilw_teleop.recording.salvage import salvage

ROOT = Path(__file__).resolve().parents[2]
FILES = ('.ledger.jsonl', '.staging/current/current.mcap', '.staging/current/start.json',
         '.staging/ready/ready.mcap', '.staging/ready/episode.json',
         '.staging/ready/quality.json', '.staging/ready/metadata.yaml')
damage = st.tuples(st.floats(0.0, 1.0), st.binary(max_size=40))
"""Where a file is cut, as a ratio of its length, and what stands there instead of the rest"""


def message(number):
    return b'\x00\x01\x00\x00' + number.to_bytes(8, 'little')


def write(writer, begin, count):
    topic = WrittenTopic('/joints', 'pkg/msg/Any', 'uint8 x')
    channel = writer.add_topic(topic) if not begin else 1
    for number in range(begin, begin + count):
        writer.write(channel, number, number, message(number))
    writer.flush()


def attempt(store, episode):
    return store.begin(episode, {'schema': 'ilw.episode/1', 'episode': episode,
                                 'recorded_at_s': time.time(), 'recovered': False})


@pytest.fixture(scope='module')
def template(tmp_path_factory):
    """A store with two episodes, one being recorded, and one that lacks nothing but its name."""
    root = tmp_path_factory.mktemp('store')
    contract = load_contract(ROOT / 'config' / 'tasks' / 'clutter.yaml')
    store = EpisodeStore(root, contract.name)
    for episode in ('first', 'second'):
        folder = attempt(store, episode)
        writer = BagWriter(folder, f'{episode}.mcap')
        write(writer, 0, 20)
        writer.close()
        store.commit(folder, {'schema': 'ilw.episode/1', 'episode': episode, 'messages': 20,
                              'recorded_at_s': time.time(), 'recovered': False}, {'verdict': ''})
    store.drop('thrown', attempt(store, 'thrown'), 'discarded')
    writer = BagWriter(attempt(store, 'current'), 'current.mcap')
    for begin in range(0, 30, 10):
        write(writer, begin, 10)
    ready = attempt(store, 'ready')
    whole = BagWriter(ready, 'ready.mcap')
    write(whole, 0, 10)
    whole.close()
    (ready / 'quality.json').write_text(json.dumps({'verdict': 'good', 'reasons': []}))
    (ready / 'episode.json').write_text(json.dumps({
        'schema': 'ilw.episode/1', 'episode': 'ready', 'messages': 10, 'outcome': 'success',
        'recorded_at_s': time.time(), 'recovered': False}))
    (ready / 'start.json').unlink()
    store.close()
    return store.folder


def restart(root):
    store = EpisodeStore(root, 'clutter')
    salvage(store)
    store.close()
    return store


def numbers(path):
    with open(next(path.glob('*.mcap')), 'rb') as file:
        return [int.from_bytes(m.data[4:12], 'little') for _, _, m in
                make_reader(file).iter_messages()]


def test_undamaged_the_ready_one_is_saved_and_the_current_one_recovered(template, tmp_path):
    shutil.copytree(template, tmp_path / 'clutter')
    counters = restart(tmp_path).counters
    assert (counters.attempted, counters.saved, counters.discarded, counters.recovered) == (
        5, 3, 1, 1)
    found = {e.meta['episode']: e for e in find_episodes(tmp_path)}
    assert found['ready'].outcome.name == 'SUCCESS'
    assert numbers(found['current'].path) == list(range(30))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(FILES), damage, min_size=1))
@example({'.ledger.jsonl': (0.0, b'')})
@example({'.ledger.jsonl': (1.0, b'[' * 40)})
@example({name: (0.0, b'') for name in FILES})
@example({'.staging/current/start.json': (0.0, b'{"episode": [], "recorded_at_s": 1e999}')})
@example({'.staging/ready/episode.json': (0.0, b'{"recorded_at_s": -1e300, "episode": 7}')})
def test_after_a_power_loss_what_was_saved_is_there_and_all_adds_up(template, damages):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(template, root / 'clutter')
        for name, (ratio, junk) in damages.items():
            file = root / 'clutter' / name
            data = file.read_bytes()
            file.write_bytes(data[:round(ratio * len(data))] + junk)
        counters = restart(root).counters
        assert counters.open == 0
        found = {e.meta['episode']: e for e in find_episodes(root)}
        assert {'first', 'second'} <= set(found)
        assert numbers(found['first'].path) == numbers(found['second'].path) == list(range(20))
        assert len(find_episodes(root)) == counters.saved + counters.recovered
        for episode in find_episodes(root):  # no bag has a name that is not whole
            held = numbers(episode.path)
            assert held == list(range(len(held)))
            assert len(held) == episode.meta['messages'] > 0
        staging = root / 'clutter' / '.staging'
        assert not [p for p in staging.iterdir() if p.is_dir()]
        assert restart(root).counters == counters  # nothing is left to do


def test_a_bag_that_nobody_can_read_is_set_aside_and_not_deleted(template, tmp_path):
    shutil.copytree(template, tmp_path / 'clutter')
    file = tmp_path / 'clutter' / '.staging' / 'current' / 'current.mcap'
    file.write_bytes(bytes(2_000_000))
    counters = restart(tmp_path).counters
    assert (counters.attempted, counters.failed, counters.recovered) == (5, 1, 0)
    aside = tmp_path / 'clutter' / '.damaged' / 'current' / 'current.mcap'
    assert aside.stat().st_size == 2_000_000
    assert len(find_episodes(tmp_path)) == 3
