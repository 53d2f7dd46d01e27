"""The thread before the disk: its queue is bounded, and nothing is dropped in silence."""

import threading
import time

import pytest

from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording import bag_thread
from ilw_teleop.recording.bag_thread import OVERHEAD_BYTES, BagThread

TOPIC = WrittenTopic('/t', 'pkg/msg/Any', 'uint8 x')
DATA = b'\x00\x01\x00\x00' + bytes(996)
SIZE = len(DATA) + OVERHEAD_BYTES


@pytest.fixture
def gate(monkeypatch):
    """A disk that takes nothing until it is opened."""
    opened = threading.Event()

    class Disk(bag_thread.BagWriter):
        def write(self, *args):
            assert opened.wait(20)
            super().write(*args)

    monkeypatch.setattr(bag_thread, 'BagWriter', Disk)
    yield opened
    opened.set()


def until(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def start(folder, **options):
    folder.mkdir()
    return BagThread(folder, lambda writer: writer.folder, lambda *_: None, **options)


def test_beyond_the_limit_messages_are_dropped_and_counted(gate, tmp_path):
    thread = start(tmp_path / 'bag', queue_bytes=10 * SIZE)
    taken = [thread.put(TOPIC, k, k, DATA) for k in range(25)]
    assert taken == [True] * 10 + [False] * 15
    assert (thread.received, thread.dropped, thread.waiting_bytes) == (25, 15, 10 * SIZE)
    until(lambda: thread.behind_s > 0.2)  # and it tells that the disk is late
    gate.set()
    until(lambda: thread.waiting_bytes == 0)
    assert thread.behind_s == 0.0
    assert thread.put(TOPIC, 99, 99, DATA)
    thread.end(keep=True)
    until(lambda: thread.done)
    assert (thread.messages, thread.error) == (11, '')
    assert read_episode(thread.path).size_bytes > 11 * len(DATA)


def test_a_take_that_is_thrown_away_does_not_wait_for_its_disk(gate, tmp_path):
    thread = start(tmp_path / 'bag')
    for k in range(2 * bag_thread.BATCH):
        thread.put(TOPIC, k, k, DATA)
    until(lambda: thread.behind_s > 0.15)
    thread.end(keep=False)
    gate.set()
    until(lambda: thread.done)
    assert thread.path is None
    assert thread.messages <= bag_thread.BATCH


def test_a_message_that_no_bag_can_hold_is_an_error_and_not_silence(tmp_path):
    thread = start(tmp_path / 'bag')
    thread.put(TOPIC, -5, -5, DATA)  # a clock before 1970 is fine
    thread.put(TOPIC, 2**65, 0, DATA)
    until(lambda: thread.done)
    assert thread.error.startswith('A message cannot be written')
    assert thread.path is None


def test_a_disk_that_takes_seconds_to_sync_delays_no_flush(tmp_path, monkeypatch):
    synced = threading.Event()
    sync = bag_thread.BagWriter.sync
    monkeypatch.setattr(bag_thread.BagWriter, 'sync', lambda self: synced.wait(20) and sync(self))
    thread = start(tmp_path / 'bag')
    begin, file = time.monotonic(), tmp_path / 'bag' / 'bag.mcap'
    while time.monotonic() - begin < bag_thread.SYNC_S + 0.5:
        thread.put(TOPIC, time.time_ns(), 0, DATA)
        time.sleep(0.01)
    thread.put(TOPIC, time.time_ns(), 0, DATA)
    held = file.stat().st_size
    until(lambda: file.stat().st_size > held)  # what is written survives a kill
    synced.set()
    thread.end(keep=True)
    until(lambda: thread.done)
    assert (thread.messages, thread.error) == (thread.received, '')


def test_a_sync_that_fails_is_told_of(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(5, 'Input/output error')

    monkeypatch.setattr(bag_thread.BagWriter, 'sync', refuse)
    thread = start(tmp_path / 'bag')
    thread.put(TOPIC, 1, 1, DATA)
    until(lambda: thread.done)
    assert 'Input/output error' in thread.error
