"""Disks that fail and disks that forget: what was promised is kept, what was not is counted."""

import errno
import json
import os

import pytest

from ilw_core.errors import StorageError
from ilw_core.storage.bag_files import sync_folder
from ilw_core.storage.episode_folder import SCHEMA
from ilw_data.bag.repair import read_contents
from ilw_data.bag.writer import BagWriter, WrittenTopic
from ilw_teleop.recording import episode_store as store_module
from ilw_teleop.recording import ledger as ledger_module
from ilw_teleop.recording import salvage as salvage_module
from ilw_teleop.recording.episode_store import START_FILE, EpisodeStore
from ilw_teleop.recording.ledger import Counters, Ledger
from ilw_teleop.recording.salvage import rescue, salvage

META = {'recorded_at_s': 1_700_000_000.0}


@pytest.fixture
def store(tmp_path):
    made = EpisodeStore(tmp_path, 'task')
    yield made
    made.close()


def bag(folder, messages=5):
    writer = BagWriter(folder, 'bag.mcap')
    channel = writer.add_topic(WrittenTopic('/odom', 'pkg/msg/Any', 'uint8 x'))
    for k in range(messages):
        writer.write(channel, k, k, b'\x00\x01\x00\x00' + bytes([k] * 9))
    writer.close()
    return folder


def refused(code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    return refuse


def lines(store):
    text = (store.folder / '.ledger.jsonl').read_text()
    return [(entry['episode'], entry['what']) for entry in map(json.loads, text.splitlines())]


# -- the book of attempts

def test_every_end_is_counted_as_what_it_was(tmp_path):
    ledger = Ledger(tmp_path / 'book')
    for k, end in enumerate(['saved', 'discarded', 'failed', 'recovered', 'saved', '']):
        ledger.begin(f'e{k}')
        if end:
            ledger.end(f'e{k}', end)
    counted = Counters(attempted=6, saved=2, discarded=1, failed=1, recovered=1)
    assert ledger.counters == counted == Ledger(tmp_path / 'book').counters
    assert counted.open == 1
    assert Ledger(tmp_path / 'book').open_attempts() == ['e5']
    assert 'e3' in ledger and 'e6' not in ledger
    assert (ledger.end_of('e3'), ledger.end_of('e5'), ledger.end_of('?')) == ('recovered', '', '')


@pytest.mark.parametrize(('first', 'second', 'stays'), [
    ('saved', 'discarded', 'saved'), ('discarded', 'saved', 'discarded'),
    ('failed', 'recovered', 'recovered'), ('failed', 'saved', 'saved'),
    ('failed', 'discarded', 'failed'), ('recovered', 'failed', 'recovered')])
def test_the_first_end_counts_but_what_failed_may_be_recovered(tmp_path, first, second, stays):
    ledger = Ledger(tmp_path / 'book')
    ledger.begin('e')
    ledger.end('e', first)
    ledger.end('e', second)
    assert ledger.end_of('e') == stays == Ledger(tmp_path / 'book').end_of('e')


@pytest.mark.parametrize('refusals', [1, 3])
def test_a_line_that_the_disk_refused_is_written_with_the_next(tmp_path, monkeypatch, refusals):
    ledger = Ledger(tmp_path / 'book')
    for k in range(refusals + 1):
        ledger.begin(f'e{k}')
    with monkeypatch.context() as patched:
        patched.setattr(ledger_module, 'open_to_append', refused(errno.ENOSPC))
        for k in range(refusals):
            ledger.end(f'e{k}', 'saved')
    assert ledger.counters.saved == refusals
    assert Ledger(tmp_path / 'book').counters.saved == 0, 'not on the disk yet'
    ledger.end(f'e{refusals}', 'discarded')
    again = Ledger(tmp_path / 'book').counters
    assert (again.saved, again.discarded, again.open) == (refusals, 1, 0)
    ledger.begin('last')
    text = (tmp_path / 'book').read_text()
    assert text.count('"saved"') == refusals, 'each line once'


def test_an_attempt_that_the_disk_refused_is_not_counted(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / 'book')
    monkeypatch.setattr(ledger_module, 'open_to_append', refused(errno.EIO))
    with pytest.raises(OSError, match='Input/output'):
        ledger.begin('e')
    assert ledger.counters.attempted == 0 and 'e' not in ledger


def test_a_book_that_vanished_is_written_anew_from_memory(tmp_path):
    ledger = Ledger(tmp_path / 'book')
    for name in ('a', 'b'):
        ledger.begin(name)
    ledger.end('a', 'saved')
    (tmp_path / 'book').unlink()
    ledger.end('b', 'failed')
    again = Ledger(tmp_path / 'book').counters
    assert (again.attempted, again.saved, again.failed) == (2, 1, 1)


@pytest.mark.parametrize('torn', [b'{"episode": "b", "wh', b'nonsense', b'{"what": "saved"}',
                                  b'[]', b'{"episode": 3, "what": "saved"}', b'\xff\xfe'])
def test_a_torn_line_is_passed_over_and_does_not_swallow_the_next(tmp_path, torn):
    ledger = Ledger(tmp_path / 'book')
    ledger.begin('a')
    with (tmp_path / 'book').open('ab') as file:
        file.write(torn)
    ledger = Ledger(tmp_path / 'book')
    ledger.end('a', 'saved')
    again = Ledger(tmp_path / 'book').counters
    assert (again.attempted, again.saved) == (1, 1)


def test_an_end_of_another_kind_is_no_end(tmp_path):
    (tmp_path / 'book').write_text('{"episode": "a", "what": "attempted"}\n'
                                   '{"episode": "a", "what": "lost"}\n')
    assert Ledger(tmp_path / 'book').open_attempts() == ['a']


def test_a_book_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / 'book').mkdir()
    with pytest.raises(StorageError, match='must be writable'):
        Ledger(tmp_path / 'book')


# -- the order in which a take gets its name

class Journal:
    """Notes what is synced and renamed, and in which order."""

    def __init__(self, monkeypatch):
        self.done = []
        real_rename = os.rename

        def rename(old, new):
            self.done.append(('rename', str(new)))
            real_rename(old, new)

        def synced(path):
            self.done.append(('sync', str(path)))
            sync_folder(path)

        monkeypatch.setattr(store_module.os, 'rename', rename)
        monkeypatch.setattr(store_module, 'sync_folder', synced)


def test_a_saved_take_is_on_the_disk_before_and_after_it_has_its_name(store, monkeypatch):
    folder = bag(store.begin('first', META))
    journal, read = Journal(monkeypatch), []
    real_end = store.ledger.end
    monkeypatch.setattr(store.ledger, 'end',
                        lambda *what: (journal.done.append(('ledger', what[1])), real_end(*what)))
    final = store.commit(folder, {**META, 'episode': 'first'}, {'verdict': 'good'})
    assert journal.done == [('sync', str(folder)), ('rename', str(final)),
                            ('sync', str(store.folder)), ('ledger', 'saved')]
    assert final.name.endswith('-first') and not folder.exists() and not read
    assert json.loads((final / 'episode.json').read_text())['episode'] == 'first'
    assert json.loads((final / 'quality.json').read_text()) == {'verdict': 'good'}
    assert not (final / START_FILE).exists()


@pytest.mark.parametrize('what', ['saved', 'recovered'])
def test_a_take_counts_as_what_it_was_committed(store, what):
    store.commit(bag(store.begin('a', META)), {**META, 'episode': 'a'}, {}, what=what)
    assert lines(store) == [('a', 'attempted'), ('a', what)]


def test_two_takes_of_one_second_and_id_both_keep_their_place(store):
    names = {store.commit(bag(store.begin(f'episode-{k}', META)),
                          {**META, 'episode': f'episode-{k}'}, {}).name for k in range(3)}
    assert len(names) == 3 and store.counters.saved == 3


@pytest.mark.parametrize('what', ['discarded', 'failed'])
def test_a_dropped_take_is_gone_and_counted(store, what):
    folder = bag(store.begin('a', META))
    store.drop('a', folder, what)
    assert not folder.exists() and store.ledger.end_of('a') == what


def test_what_nobody_can_read_is_set_aside_and_kept(store):
    for k in range(2):
        folder = bag(store.begin(f'a{k}', META))
        folder = folder.rename(folder.with_name('same'))
        store.set_aside(f'a{k}', folder)
    kept = sorted(path.name for path in (store.folder / '.damaged').iterdir())
    assert kept == ['same', 'same-2'] and store.counters.failed == 2


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_take_that_cannot_begin_leaves_nothing_and_is_not_counted(store, monkeypatch, code):
    monkeypatch.setattr(store_module, 'write_synced', refused(code))
    with pytest.raises(StorageError, match='must be writable'):
        store.begin('a', META)
    assert store.counters.attempted == 0
    assert not [path for path in store.staging.iterdir() if path.is_dir()]


def test_room_is_kept_to_finish_a_take_and_given_back_to_do_so(store):
    store.probe()
    reserve = store.staging / '.reserve'
    assert reserve.stat().st_size == store_module.RESERVE_BYTES == 256_000
    assert not (store.staging / '.probe').exists()
    store.release()
    assert not reserve.exists()
    store.release()  # nothing there is no fault


@pytest.mark.parametrize(('free', 'good'), [(5_000_000, True), (4_999_999, False), (0, False)])
def test_a_disk_needs_as_much_room_as_was_asked_for(tmp_path, monkeypatch, free, good):
    store = EpisodeStore(tmp_path, 'task', min_free_bytes=5_000_000)
    monkeypatch.setattr(store_module.shutil, 'disk_usage',
                        lambda _: type('Usage', (), {'free': free}))
    if good:
        store.look()
    else:
        with pytest.raises(StorageError, match=f'5 MB free. Got {free // 1_000_000} MB'):
            store.look()


def test_a_disk_for_reading_only_is_said_so(store, monkeypatch):
    monkeypatch.setattr(store_module.os, 'statvfs',
                        lambda _: type('Vfs', (), {'f_flag': os.ST_RDONLY}))
    with pytest.raises(StorageError, match='read-only'):
        store.look()


def test_a_folder_is_one_recorders_until_it_is_closed(store, tmp_path):
    with pytest.raises(StorageError, match='Another recorder'):
        EpisodeStore(tmp_path, 'task')
    store.close()
    EpisodeStore(tmp_path, 'task').close()
    with pytest.raises(StorageError, match='removed'):
        store.look()


# -- what a crash or a full disk left

def leftover(store, episode='a', messages=5, start=True):
    store.ledger.begin(episode)
    folder = store.staging / episode
    folder.mkdir()
    if start:
        (folder / START_FILE).write_text(json.dumps({**META, 'episode': episode, 'task': 't'}))
    return bag(folder, messages) if messages else folder


def test_a_leftover_becomes_a_recovered_take_and_is_counted_so(store):
    leftover(store)
    final, = salvage(store)
    assert store.counters == Counters(attempted=1, recovered=1)
    meta = json.loads((final / 'episode.json').read_text())
    assert (meta['recovered'], meta['outcome'], meta['stop_reason'], meta['messages']) == (
        True, 'unknown', 'fault', 5)
    assert (meta['schema'], meta['task'], meta['episode']) == (SCHEMA, 't', 'a')
    assert json.loads((final / 'quality.json').read_text())['verdict'] == 'suspect'
    assert read_contents(final / 'bag.mcap').messages == 5


@pytest.mark.parametrize('episode', ['saved', 'discarded', 'recovered'])
def test_a_leftover_whose_end_is_known_is_deleted(store, episode):
    folder = leftover(store, episode)
    store.ledger.end(episode, episode)
    assert salvage(store) == [] and not folder.exists()
    assert getattr(store.counters, episode) == 1


@pytest.mark.parametrize('messages', [0, None])
def test_a_leftover_without_a_message_has_failed(store, messages):
    folder = leftover(store, messages=0)
    if messages is not None:
        bag(folder, 0)
    assert salvage(store) == [] and not folder.exists()
    assert store.counters == Counters(attempted=1, failed=1)


def full_until(monkeypatch, needed):
    """A disk with room to finish only once so many chunks are given up."""
    real, tried = salvage_module.repair, []

    def repair(file, *, give_up=0):
        tried.append(give_up)
        if give_up < needed:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return real(file)

    monkeypatch.setattr(salvage_module, 'repair', repair)
    return tried


@pytest.mark.parametrize(('needed', 'tries'), [(0, [0]), (1, [0, 1]), (3, [0, 1, 2, 4]),
                                               (64, [0, 1, 2, 4, 8, 16, 32, 64])])
def test_on_a_full_disk_as_little_is_given_up_as_makes_room(store, monkeypatch, needed, tries):
    leftover(store)
    tried = full_until(monkeypatch, needed)
    assert len(salvage(store)) == 1
    assert tried == tries and store.counters.recovered == 1


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_what_a_disk_does_not_let_us_mend_stays_for_the_next_time(store, monkeypatch, code):
    folder, calls = leftover(store), []

    def repair(*_, give_up=0):
        calls.append(give_up)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(salvage_module, 'repair', repair)
        assert salvage(store) == []
    assert len(calls) == (8 if code in (errno.ENOSPC, errno.EDQUOT) else 1)
    assert read_contents(folder / 'bag.mcap').messages == 5, 'nothing was lost'
    assert store.counters == Counters(attempted=1, failed=1)
    assert len(salvage(store)) == 1
    assert store.counters == Counters(attempted=1, recovered=1)


def test_a_full_disk_that_would_cost_every_message_keeps_the_take(store, monkeypatch):
    """Giving up chunks until nothing is left is no way to make room."""
    folder = leftover(store)
    nothing = type('Contents', (), {'messages': 0, 'data_bytes': 0})

    def repair(file, *, give_up=0):
        if not give_up:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return nothing

    monkeypatch.setattr(salvage_module, 'repair', repair)
    with pytest.raises(OSError, match='No space'):
        rescue(store, folder, 'because.')
    assert folder.is_dir() and store.ledger.end_of('a') == ''


@pytest.mark.parametrize(('received', 'said'), [
    (0, 'The disk failed.'), (9, 'The disk failed. 5 of 9 messages are kept.')])
def test_how_much_was_kept_is_said_where_it_is_known(store, received, said):
    final = rescue(store, leftover(store), 'The disk failed.', received)
    assert json.loads((final / 'quality.json').read_text())['reasons'] == [said]


def committed_but_for_the_rename(store, meta=None, quality=True):
    folder = leftover(store)
    whole = {**META, 'schema': SCHEMA, 'episode': 'a', 'messages': 5, 'outcome': 'success'}
    (folder / 'episode.json').write_text(json.dumps({**whole, **(meta or {})}))
    if quality:
        (folder / 'quality.json').write_text('{"verdict": "good", "reasons": []}')
    return folder


def test_a_commit_that_was_cut_short_after_its_last_file_is_finished_as_saved(store):
    committed_but_for_the_rename(store)
    final, = salvage(store)
    assert store.counters == Counters(attempted=1, saved=1)
    assert json.loads((final / 'episode.json').read_text())['outcome'] == 'success'
    assert json.loads((final / 'quality.json').read_text())['verdict'] == 'good'


@pytest.mark.parametrize(('meta', 'quality'), [
    ({'messages': 6}, True), ({'schema': 'other'}, True), ({'recovered': True}, True),
    (None, False)])
def test_a_commit_that_is_not_whole_is_recovered_not_saved(store, meta, quality):
    committed_but_for_the_rename(store, meta, quality)
    final, = salvage(store)
    assert store.counters == Counters(attempted=1, recovered=1)
    assert json.loads((final / 'episode.json').read_text())['outcome'] == 'unknown'


@pytest.mark.parametrize(('recovered', 'what'), [(True, 'recovered'), (False, 'saved')])
def test_a_take_with_its_name_but_without_its_line_counts_as_what_it_is(store, recovered, what):
    folder = store.folder / '20260101-000000-a'
    folder.mkdir()
    (folder / 'episode.json').write_text(json.dumps(
        {'schema': SCHEMA, 'episode': 'a', **({'recovered': True} if recovered else {})}))
    store.ledger.begin('a')
    store.ledger.begin('gone')
    salvage(store)
    assert (store.ledger.end_of('a'), store.ledger.end_of('gone')) == (what, 'failed')


@pytest.mark.parametrize('before', ['failed', 'discarded', ''])
def test_a_take_that_is_there_is_never_counted_as_lost(store, before):
    folder = store.folder / '20260101-000000-a'
    folder.mkdir()
    (folder / 'episode.json').write_text(json.dumps({'schema': SCHEMA, 'episode': 'a'}))
    if before:
        store.ledger.begin('a')
        store.ledger.end('a', before)
    salvage(store)
    assert store.ledger.end_of('a') == ('discarded' if before == 'discarded' else 'saved')


def test_what_was_made_from_another_recording_is_no_attempt(store):
    folder = store.folder / '20260101-000000-a'
    folder.mkdir()
    (folder / 'episode.json').write_text(json.dumps(
        {'schema': SCHEMA, 'episode': 'a', 'source': 'b'}))
    salvage(store)
    assert store.counters.attempted == 0


def test_a_leftover_without_its_description_is_known_by_its_folder(store):
    leftover(store, start=False)
    final, = salvage(store)
    assert json.loads((final / 'episode.json').read_text())['episode'] == 'a'
    assert store.counters == Counters(attempted=1, recovered=1)


def test_a_leftover_that_nobody_can_read_is_set_aside(store):
    folder = leftover(store)
    (folder / 'bag.mcap').write_bytes(b'this is no bag at all' * 100_000)
    assert salvage(store) == []
    assert (store.folder / '.damaged' / 'a' / 'bag.mcap').exists()
    assert store.counters == Counters(attempted=1, failed=1)


def test_a_folder_that_cannot_even_be_made_is_said_as_what_the_disk_says(store, monkeypatch):
    monkeypatch.setattr(store, 'stage', refused(errno.EDQUOT))
    with pytest.raises(StorageError, match='quota'):
        store.begin('a', META)
    assert store.counters.attempted == 0
