"""What the recorder decides: when it starts, what it keeps, and that its counts add up."""

import errno
import json
import shutil
import time

import pytest

from ilw_core.episode import Outcome
from ilw_core.errors import IlwError, StorageError
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording import bag_thread
from ilw_teleop.recording import salvage as salvage_module
from ilw_teleop.recording.episode_store import EpisodeStore
from ilw_teleop.recording.gate import RecordingGate
from ilw_teleop.recording.recorder import Recorder
from ilw_teleop.recording.salvage import salvage
from ilw_teleop.recording.words import Mark, MarkKind, Phase, Refusal, Wish

S = 1_000_000_000
P = 100_000_000
TOPICS = {name: WrittenTopic(f'/{name}', 'pkg/msg/Any', 'uint8 x')
          for name in ('scan', 'odom', 'goal', 'cmd_vel', 'joy')}


def message(stamp_ns):
    sec, nanosec = divmod(stamp_ns, S)
    stamp = sec.to_bytes(4, 'little') + nanosec.to_bytes(4, 'little')
    return b'\x00\x01\x00\x00' + stamp + b'abcd'


class Bench:
    """A recorder with a hand on its clock."""

    def __init__(self, contract, root):
        self.store = EpisodeStore(root, contract.name)
        salvage(self.store)
        self.recorder = Recorder(contract, self.store, {'robot': 'r', 'operator': 'o'})
        self.recorder.gate.published = dict(contract.topics)
        self.now = 1000 * S
        self.wall = 0
        self.send('scan', 'odom', 'goal', hold={'goal'})

    def send(self, *names, stamp=None, hold=()):
        stamp = self.now if stamp is None else stamp
        for name in names:
            self.recorder.take(TOPICS[name], name, message(stamp), log_ns=self.now,
                               publish_ns=self.now, hold=name in hold, stamped=True)

    def start(self, **wish):
        return self.recorder.start(Wish(**wish), self.now, self.wall, paused=False)

    def drive(self, ticks):
        for _ in range(ticks):
            self.now += P
            self.send('scan', 'odom', 'cmd_vel')

    def silence(self, ns):
        for _ in range(ns // P):
            self.now += P
            self.status()

    def mark(self, kind, **fields):
        stamp = fields.pop('stamp_ns', self.now)
        self.recorder.on_mark(Mark(kind, stamp, **fields), self.now, self.wall, paused=False)

    def finish(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.wall += P
            ending = self.recorder.poll(self.now, self.wall)
            if ending is not None:
                return ending
            if self.recorder.attempt is not None:
                self.recorder.attempt.thread.join(0.02)
        raise AssertionError('the episode never ended')

    def status(self):
        return self.recorder.status(self.now, paused=False, more=[])

    def phase(self):
        return self.recorder.phase(self.now, paused=False)[0]

    def counts(self):
        c = self.store.counters
        return c.attempted, c.saved, c.discarded, c.failed, c.recovered


def wait_until(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def bench(clutter, tmp_path):
    made = Bench(clutter, tmp_path)
    yield made
    made.store.close()


def test_an_episode_is_saved_whole_with_its_story(bench, clutter):
    assert bench.start(operator='ada', notes='n')[0] is Refusal.NONE
    assert bench.phase() is Phase.RECORDING
    bench.drive(10)
    bench.mark(MarkKind.STOP, outcome=1, stop_reason='goal')
    assert bench.phase() is Phase.SAVING
    ending = bench.finish()
    assert bench.phase() is Phase.READY
    episode = read_episode(ending.path)
    assert episode.outcome is Outcome.SUCCESS
    assert episode.stop_reason == 'goal'
    assert (episode.contract_text, episode.contract_hash) == (clutter.text, clutter.hash)
    assert (episode.meta['operator'], episode.meta['robot']) == ('ada', 'r')
    assert episode.meta['messages'] == 31  # 10 x 3, and the goal from before the start
    assert episode.meta['steps'] == 10
    quality = json.loads((episode.path / 'quality.json').read_text())
    assert quality['verdict'] == 'good'
    assert quality['topics']['scan']['rate_hz'] == pytest.approx(10.0)
    assert bench.counts() == (1, 1, 0, 0, 0)


def test_a_bag_just_saved_is_counted_once_its_path_is_told(bench):
    for name in ('first', 'second'):
        bench.start(episode=name)
        bench.drive(3)
        bench.mark(MarkKind.STOP, outcome=1)
        bench.wall += P
        while not bench.recorder.attempt.thread.done:  # saved, and not yet polled
            bench.wall += P
            bench.recorder.attempt.closed = True
            bench.recorder.attempt.thread.end(keep=True)
            bench.recorder.attempt.thread.join(0.02)
        before = bench.status()
        bench.finish()
        after = bench.status()
        assert after.saved == before.saved + 1
        assert after.path != before.path and read_episode(after.path).meta['episode'] == name


def test_a_discarded_episode_leaves_nothing(bench, tmp_path):
    bench.start()
    bench.drive(3)
    bench.mark(MarkKind.DISCARD)
    assert bench.finish().path == ''
    assert find_episodes(tmp_path) == []
    assert [p.name for p in bench.store.staging.iterdir()] == ['.reserve']
    assert bench.counts() == (1, 0, 1, 0, 0)


def test_the_first_to_end_an_episode_says_how(bench):
    bench.start()
    bench.mark(MarkKind.STOP, outcome=2, stop_reason='collision')
    bench.mark(MarkKind.STOP, outcome=1, stop_reason='operator')
    bench.mark(MarkKind.DISCARD)
    assert bench.finish().outcome is Outcome.FAILURE


def test_a_stop_meant_for_another_episode_is_ignored(bench):
    bench.mark(MarkKind.STOP, outcome=1)
    bench.start(episode='mine')
    bench.mark(MarkKind.STOP, outcome=1, episode='other')
    bench.mark(MarkKind.STOP, outcome=1, stamp_ns=bench.now - 1)
    assert bench.phase() is Phase.RECORDING
    bench.mark(MarkKind.STOP, outcome=1, episode='mine')
    assert bench.phase() is Phase.SAVING
    bench.finish()


def test_what_belongs_to_the_next_world_is_not_in_the_bag(bench):
    bench.start()
    bench.drive(5)
    bench.mark(MarkKind.STOP, outcome=1)
    bench.send('cmd_vel')
    bench.send('scan', 'odom', stamp=bench.now + S)
    assert read_episode(bench.finish().path).meta['messages'] == 17


def test_a_start_is_refused_while_a_topic_is_missing_or_stale(bench):
    bench.silence(2 * S)
    code, why, _ = bench.start()
    assert code is Refusal.NOT_READY
    assert 'scan' in why and '2.0 s old' in why
    assert bench.phase() is Phase.WAITING
    bench.send('scan', 'odom')
    del bench.recorder.gate.published['cmd_vel']
    assert bench.start()[:2] == (Refusal.NOT_READY, 'cmd_vel: nobody publishes it.')
    bench.recorder.gate.published['cmd_vel'] = 'geometry_msgs/msg/Wrench'
    assert 'the contract says geometry_msgs/msg/TwistStamped' in bench.start()[1]
    assert bench.counts() == (0, 0, 0, 0, 0)


def test_a_message_heard_before_the_time_was_known_is_as_new_as_the_time(clutter, tmp_path):
    bench = Bench(clutter, tmp_path)
    bench.now = 0
    bench.recorder.gate = RecordingGate(clutter)
    bench.recorder.gate.published = dict(clutter.topics)
    bench.send('scan', 'odom')
    bench.now = S + P  # /clock is heard at last, between a tick's time and its scan
    assert bench.start()[0] is Refusal.NONE
    bench.store.close()


def test_nobody_was_silent_in_the_time_that_a_new_world_leaps_over(bench):
    bench.drive(3)
    bench.now += S + P
    assert bench.phase() is Phase.READY
    bench.silence(S)
    assert bench.phase() is Phase.READY
    bench.silence(P)
    assert bench.phase() is Phase.WAITING


def test_a_clock_that_always_leaps_does_not_hide_a_silent_sensor(bench):
    for _ in range(3):
        bench.now += S
        phase = bench.phase()
    assert phase is Phase.WAITING


def test_on_a_real_clock_a_leap_is_silence(clutter):
    gate = RecordingGate(clutter, same_clock=False)
    gate.published = dict(clutter.topics)
    for name in ('scan', 'odom'):
        gate.heard(name, TOPICS[name], message(0), S)
    assert len(gate.problems(3 * S)) == 2


def test_a_paused_simulation_is_not_stale(clutter):
    gate = RecordingGate(clutter)
    gate.published = dict(clutter.topics)
    assert gate.problems(S, paused=True) == []
    assert len(gate.problems(S)) == 2


def test_a_second_start_and_another_task_are_refused(bench):
    assert bench.start(task='maze')[0] is Refusal.CONTRACT
    assert bench.start(episode='one')[0] is Refusal.NONE
    assert bench.start()[0] is Refusal.BUSY
    bench.mark(MarkKind.STOP)
    bench.finish()
    assert bench.start(episode='one')[0] is Refusal.BUSY


def test_gaps_and_silence_make_an_episode_suspect(bench):
    bench.start()
    bench.drive(3)
    bench.now += 5 * P
    bench.drive(3)
    bench.mark(MarkKind.STOP)
    path = read_episode(bench.finish().path).path
    quality = json.loads((path / 'quality.json').read_text())
    assert quality['verdict'] == 'suspect'
    assert quality['topics']['scan']['gaps'] == 1
    assert quality['topics']['scan']['max_gap_s'] == pytest.approx(0.6)


def test_an_episode_past_its_time_is_thrown_away(bench):
    bench.start(timeout_s=5.0)
    bench.wall += 5 * S
    assert bench.finish().stop_reason == 'timeout'
    assert bench.counts() == (1, 0, 1, 0, 0)


@pytest.mark.parametrize('name', ['../../evil', '/etc/evil', 'a/b', '.', ''])
def test_an_id_cannot_leave_the_folder(bench, tmp_path, name):
    bench.start(episode=name)
    bench.drive(1)
    bench.mark(MarkKind.STOP)
    path = bench.finish().path
    assert read_episode(path).path.parent == tmp_path / 'clutter'


def test_a_full_disk_is_said_and_nothing_half_written_gets_a_name(bench, tmp_path, monkeypatch):
    class FullWriter(bag_thread.BagWriter):
        def write(self, *args):
            raise OSError(errno.ENOSPC, 'No space left on device')

    bench.start()
    bench.drive(2)
    bench.mark(MarkKind.STOP)
    assert bench.finish().path
    with monkeypatch.context() as patch:
        patch.setattr(bag_thread, 'BagWriter', FullWriter)
        bench.start()
        bench.drive(2)
        ending = bench.finish()
    assert 'No space left' in ending.error
    assert bench.phase() is Phase.FAULT
    assert 'No space left' in bench.recorder.phase(bench.now, paused=False)[1][0]
    assert len(find_episodes(tmp_path)) == 1
    assert list(bench.store.staging.iterdir()) == []
    assert bench.counts() == (2, 1, 0, 1, 0)
    bench.recorder.recheck()  # the disk has room again
    assert bench.phase() is Phase.READY
    assert bench.start()[0] is Refusal.NONE


def record_until_the_disk_fails(bench, monkeypatch, why):
    """Record 16 messages, then let every write fail; returns the ending."""
    bench.start(episode='one')
    bench.drive(5)
    thread = bench.recorder.attempt.thread
    wait_until(lambda: thread.messages == 16)
    thread.join(1.0)  # it is flushed

    def refuse(*_):
        raise why

    monkeypatch.setattr(bag_thread.BagWriter, 'write', refuse)
    bench.drive(2)
    return bench.finish()


def test_what_was_written_before_the_disk_failed_is_an_episode(bench, tmp_path, monkeypatch):
    ending = record_until_the_disk_fails(bench, monkeypatch, OSError(errno.EIO, 'Input/output'))
    assert 'is kept up to then' in ending.error
    assert bench.phase() is Phase.FAULT
    (episode,) = find_episodes(tmp_path)
    assert (episode.meta['messages'], episode.meta['recovered']) == (16, True)
    assert '16 of 22 messages are kept' in episode.suspect[0]
    assert bench.counts() == (1, 0, 0, 0, 1)


def test_what_cannot_be_finished_waits_for_a_start_at_which_it_can(
        bench, clutter, tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, 'No space left on device')

    def refuse(*_, **__):
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(salvage_module, 'repair', refuse)
        ending = record_until_the_disk_fails(bench, patch, full)
    assert 'until the recorder starts again' in ending.error
    assert bench.counts() == (1, 0, 0, 1, 0)
    bench.recorder.recheck()
    assert bench.start(episode='two')[0] is Refusal.NONE  # it goes on, and leaves it where it is
    bench.mark(MarkKind.DISCARD)
    bench.finish()
    bench.store.close()
    again = Bench(clutter, tmp_path)
    assert again.counts() == (2, 0, 1, 0, 1)
    (episode,) = find_episodes(tmp_path)
    assert episode.meta['messages'] == 16
    again.store.close()


def test_messages_for_which_there_was_no_room_make_the_take_suspect(bench, monkeypatch):
    bench.recorder.queue_bytes = 2000
    bench.start()
    bench.drive(300)
    assert bench.recorder.losing
    assert 'dropped' in bench.recorder.phase(bench.now, paused=False)[1][0]
    bench.mark(MarkKind.STOP)
    episode = read_episode(bench.finish().path)
    dropped = episode.meta['dropped']
    assert dropped > 0
    assert episode.meta['messages'] + dropped == 901
    assert episode.suspect[0].startswith(f'{dropped} message(s) were dropped')


def test_refusals_are_counted_and_told(bench):
    bench.start(task='maze')
    bench.start(episode='x' * 200)
    status = bench.recorder.status(bench.now, paused=False, more=[])
    assert status.refused == 2
    assert '128 characters' in status.refusal
    bench.start()
    assert bench.recorder.status(bench.now, paused=False, more=[]).refusal == ''
    bench.mark(MarkKind.DISCARD)
    bench.finish()


def test_an_id_like_that_of_a_leftover_does_not_take_its_folder(bench):
    (bench.store.staging / 'a_b').mkdir()
    (bench.store.staging / 'a_b' / 'precious').write_text('')
    bench.start(episode='a/b')
    bench.mark(MarkKind.DISCARD)
    bench.finish()
    assert (bench.store.staging / 'a_b' / 'precious').exists()


def test_a_disk_without_room_refuses_the_start(clutter, tmp_path):
    store = EpisodeStore(tmp_path, 'clutter', min_free_bytes=10**18)
    with pytest.raises(StorageError, match='MB'):
        store.begin('x', {})
    assert store.counters.attempted == 0


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(StorageError, match='writable'):
        EpisodeStore(tmp_path / 'file', 'clutter')


def test_two_recorders_never_share_a_folder(bench, tmp_path):
    with pytest.raises(IlwError, match='Another recorder'):
        EpisodeStore(tmp_path, 'clutter')


def test_counts_survive_and_what_a_crash_left_is_recovered(clutter, tmp_path):
    first = Bench(clutter, tmp_path)
    first.start(episode='one')
    first.drive(3)
    first.mark(MarkKind.STOP)
    first.finish()
    first.start(episode='two', operator='ada')
    first.drive(20)
    thread = first.recorder.attempt.thread
    deadline = time.monotonic() + 20
    while thread.messages < 61 and time.monotonic() < deadline:
        thread.join(0.05)
    thread.join(1.0)  # let it flush
    first.store.close()  # as the end of the process would; the bag is never finished
    with open(first.store.folder / '.ledger.jsonl', 'a') as ledger:
        ledger.write('{"episode": "to')  # torn in the middle of a line
    second = Bench(clutter, tmp_path)
    assert second.counts() == (2, 1, 0, 0, 1)
    found = [e for e in find_episodes(tmp_path) if e.meta['recovered']]
    assert len(found) == 1
    assert found[0].outcome is Outcome.UNKNOWN
    assert found[0].stop_reason == 'fault'
    assert (found[0].meta['operator'], found[0].meta['messages']) == ('ada', 61)
    second.start(episode='three')
    second.mark(MarkKind.DISCARD)
    second.finish()
    second.store.close()
    third = Bench(clutter, tmp_path)
    assert third.counts() == (3, 1, 1, 0, 1)
    third.store.close()
    thread.end(keep=False)


def test_a_crash_between_rename_and_ledger_counts_as_saved(bench, clutter, tmp_path, monkeypatch):
    bench.start(episode='one')
    with monkeypatch.context() as patch:
        patch.setattr(bench.store.ledger, 'end', lambda *_: None)
        bench.mark(MarkKind.STOP)
        bench.finish()
    bench.store.close()
    again = Bench(clutter, tmp_path)
    assert again.counts() == (1, 1, 0, 0, 0)
    again.store.close()


def test_what_was_cut_from_an_episode_is_no_attempt(bench, clutter, tmp_path):
    bench.start(episode='one')
    bench.mark(MarkKind.STOP)
    path = read_episode(bench.finish().path).path
    bench.store.close()
    for name, more in (('cut', {'source': {'episode': 'one'}}), ('two', {})):
        shutil.copytree(path, path.with_name(name))
        meta = json.loads((path / 'episode.json').read_text())
        (path.with_name(name) / 'episode.json').write_text(json.dumps(
            {**meta, 'episode': name, **more}))
    again = Bench(clutter, tmp_path)
    assert again.counts() == (2, 2, 0, 0, 0)  # a lost line of the ledger is found again
    again.store.close()


def test_a_recorder_that_ends_saves_what_it_has(bench, clutter, tmp_path):
    bench.start(episode='one')
    bench.drive(4)
    bench.recorder.close(bench.now, bench.wall)
    (episode,) = find_episodes(tmp_path)
    assert (episode.outcome, episode.stop_reason) == (Outcome.UNKNOWN, 'fault')
    assert episode.meta['messages'] == 13
    again = Bench(clutter, tmp_path)  # the folder is free
    assert again.counts() == (1, 1, 0, 0, 0)
    again.store.close()


def test_a_folder_that_vanishes_is_a_fault_and_no_crash(bench, tmp_path):
    bench.store.folder.rename(tmp_path / 'away')
    bench.recorder.recheck()
    assert bench.phase() is Phase.FAULT
    assert 'was removed' in bench.recorder.fault
    bench.recorder.recheck()
    assert bench.phase() is Phase.READY
    bench.start()
    bench.drive(5)
    thread = bench.recorder.attempt.thread
    wait_until(lambda: thread.messages == 16)
    thread.join(1.0)  # it is flushed
    bench.store.folder.rename(tmp_path / 'gone')
    wait_until(lambda: thread.done)  # the next look finds out
    ending = bench.finish()
    assert 'is kept up to then' in ending.error
    assert bench.phase() is Phase.FAULT
    assert bench.counts() == (1, 0, 0, 0, 1)
    (episode,) = find_episodes(tmp_path / 'clutter')
    assert episode.meta['messages'] == 16
    bench.recorder.recheck()
    assert bench.phase() is Phase.READY
    assert bench.start()[0] is Refusal.NONE
    bench.mark(MarkKind.DISCARD)
    bench.finish()
    assert bench.counts() == (2, 0, 1, 0, 1)
    with pytest.raises(StorageError, match='Another recorder'):
        EpisodeStore(tmp_path, 'clutter')  # the new folder has its lock
