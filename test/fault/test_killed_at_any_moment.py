"""kill -9 at random moments: nothing saved is lost, the current take is salvaged, all adds up."""

import json
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import tempfile
import time

from mcap.reader import make_reader
import pytest

from ilw_core.storage.episode_folder import find_episodes
from ilw_teleop.recording.episode_store import EpisodeStore
from ilw_teleop.recording.salvage import salvage

CHILD = Path(__file__).with_name('recorder_to_kill.py')


class Killed:
    """Recorders of one folder that are killed one after the other."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, CHILD], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def kill_after(self, seconds, seed):
        """Let a recorder run for a while; returns when it was killed, steady clock."""
        self.process.stdin.write(f'{self.folder} {seed}\n')
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        time.sleep(seconds)
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        assert self.process.stdout.readline() == 'dead\n'
        return at

    def said(self):
        file = self.folder / 'said.jsonl'
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


@pytest.fixture
def killed(tmp_path):
    # In memory where there is such a disk: the real one may be busy with others for more than the
    # second that is asked for, and a kill takes nothing from either.
    memory = Path('/dev/shm')
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        made = Killed(Path(folder))
        yield made
        made.close()


def numbers(path):
    """Return the numbers of the messages in a bag, which must be readable to its end."""
    with open(next(path.glob('*.mcap')), 'rb') as file:
        return [int.from_bytes(m.data[12:16], 'little')
                for _, c, m in make_reader(file).iter_messages() if c.topic == '/joints']


def check(folder, said, before, killed_at, checked):
    """
    Restart, salvage, and hold the store to its word.

    :param before: so many lines of ``said`` are of recorders that were killed earlier.
    """
    store = EpisodeStore(folder, 'clutter')
    salvage(store)
    counters = store.counters
    store.close()
    assert counters.open == 0
    begun = [s['episode'] for s in said if s['what'] == 'begun']
    assert len(begun) <= counters.attempted <= len(begun) + sum(s['what'] == 'up' for s in said)
    assert not [p for p in store.staging.iterdir() if p.is_dir()]
    found = {e.meta['episode']: e for e in find_episodes(folder)}
    names = [p for p in store.folder.iterdir() if p.is_dir() and not p.name.startswith('.')]
    assert len(names) == len(found) == counters.saved + counters.recovered
    for episode, entry in found.items():  # nothing half written has a name
        if episode not in checked:
            sent = numbers(entry.path)
            assert sent == list(range(len(sent)))
            assert (entry.path / 'quality.json').is_file()
            checked[episode] = len(sent)
    for line in said:
        if line['what'] == 'saved':
            assert not found[line['episode']].meta['recovered']
            assert checked[line['episode']] == line['messages']
    mine = [s for s in said[before:] if 'episode' in s]  # of the recorder killed just now
    if mine and mine[-1]['what'] == 'sent':
        old = [s['number'] for s in mine if s['episode'] == mine[-1]['episode']
               and s['what'] == 'sent' and s['at_s'] < killed_at - 1.0]
        assert not old or checked[mine[-1]['episode']] >= old[-1]
    return counters


def kill_often(killed, times):
    rng, checked = random.Random(times), {}
    for k in range(times):
        before = len(killed.said())
        at = killed.kill_after(0.02 + 2.0 * rng.random() ** 2, seed=k)
        counters = check(killed.folder, killed.said(), before, at, checked)
    return counters, checked


def test_a_kill_at_any_moment_loses_nothing_that_was_saved(killed):
    counters, checked = kill_often(killed, 8)
    assert counters.saved > 0
    assert checked


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_that_was_saved(killed):
    counters, _ = kill_often(killed, 200)
    assert counters.saved > 50
    assert counters.recovered > 20
    assert counters.discarded > 10
