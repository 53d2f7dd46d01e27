"""A chunk is computed beside what is driven: threads that wait for events, not for seconds."""

import threading
import time

import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_learner.runtime.chunk_executor import ChunkExecutor, Execution
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.runtime.worker import Worker

P = 100_000_000


class Chunks(PolicyRunner):
    """Gives chunks of six that name the tick they were begun at; each waits until let go."""

    def __init__(self, contract, execute=2):
        super().__init__('idle', contract)
        self.horizon = 6
        self.chunks = ChunkExecutor(Execution(execute), contract.period_ns)
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.at, self.fails = 0, False

    def look(self):
        self.at = self._window[-1].tick_ns // P
        return super().look()

    def think(self, frozen=None):
        at, fails = self.at, self.fails
        self.begun.release()
        assert self.go.acquire(timeout=20)
        if fails:
            return None, 'the network failed on this observation'
        return np.column_stack([100.0 * at + np.arange(6), np.zeros(6)]), ''


class Heard:
    """What a worker says, waited for."""

    def __init__(self, contract, **values):
        self.runner, self.thoughts = Chunks(contract, **values), []
        self._there = threading.Semaphore(0)
        self.worker = Worker(self.runner, self._on_done)
        self.dim = contract.obs_dim

    def _on_done(self, thought):
        self.thoughts.append(thought)
        self._there.release()

    def until(self, holds):
        deadline = time.monotonic() + 20.0
        while not holds():
            assert time.monotonic() < deadline
            threading.Event().wait(0.002)

    def tick(self, t, first=False):
        self.worker.submit(Observation(t * P, np.zeros(self.dim, np.float32),
                                       np.ones(self.dim, bool), 0), first=first)

    def next(self):
        assert self._there.acquire(timeout=20)
        return self.thoughts[-1]

    def driven(self):
        """Return the action that is driven at the newest tick."""
        thought = self.next()
        at = (thought.seen.tick_ns - thought.begin_ns) // P
        return thought.actions[at, 0], thought.left


@pytest.fixture
def heard(maze):
    made = Heard(maze)
    yield made
    made.runner.go.release(20)
    made.worker.stop()


def test_it_goes_on_from_the_running_chunk_while_the_next_is_computed(heard):
    heard.tick(0, first=True)
    heard.runner.go.release()
    assert heard.driven() == (0.0, 6)
    heard.tick(1)
    assert heard.driven() == (1.0, 5)
    assert heard.runner.begun.acquire(timeout=20)
    for t in (2, 3, 4):  # the second chunk is begun at 2 and does not come
        heard.tick(t)
        assert heard.driven() == (float(t), 6 - t)
    assert heard.runner.begun.acquire(timeout=20)
    assert not heard.runner.begun.acquire(blocking=False), 'one inference at a time'
    heard.runner.go.release()
    heard.until(lambda: heard.runner.chunks.plan(5 * P).begin_ns == 2 * P)
    heard.tick(5)
    assert heard.driven() == (203.0, 3), 'what of the second is past is left'
    assert [t.reason for t in heard.thoughts] == [''] * 6


def test_without_anything_to_drive_an_answer_is_said_when_it_is_there(heard):
    heard.tick(0, first=True)
    assert heard.runner.begun.acquire(timeout=20)
    heard.tick(1)
    heard.tick(2)
    heard.until(lambda: heard.runner._window[-1].tick_ns == 2 * P)
    assert not heard.thoughts
    heard.runner.go.release(2)
    driven, left = heard.driven()
    assert heard.thoughts[-1].seen.tick_ns == 2 * P
    assert driven in (2.0, 200.0) and left in (4, 6)
    first, *later = [each.first for each in heard.thoughts]
    assert first and not any(later), 'the first observation of the episode is among those'


def test_a_chunk_ends_and_nothing_more_is_said_until_there_is_another(heard):
    heard.tick(0, first=True)
    heard.runner.go.release()
    heard.next()
    for t in range(1, 6):
        heard.tick(t)
        heard.next()
    heard.tick(6)
    heard.tick(7)
    assert len(heard.thoughts) == 6
    heard.runner.go.release(2)
    driven, _ = heard.driven()
    assert driven in (700.0, 205.0) or heard.thoughts[-1].begin_ns >= 2 * P


def test_a_network_that_fails_is_a_reason_and_nothing_goes_on(heard):
    heard.tick(0, first=True)
    heard.runner.go.release()
    heard.next()
    heard.runner.fails = True
    heard.tick(1)
    heard.next()
    heard.runner.go.release()
    heard.tick(2)
    said = heard.next()
    while said.reason == '':  # it came too late for its own tick
        heard.runner.go.release()
        heard.tick(said.seen.tick_ns // P + 1)
        said = heard.next()
    assert said.actions is None and said.left == 0
    assert said.reason == 'the network failed on this observation'


def test_a_new_episode_does_not_drive_the_chunk_of_the_last(heard):
    heard.tick(0, first=True)
    heard.runner.go.release()
    heard.next()
    heard.runner.begun.acquire(timeout=20)
    heard.tick(2)
    heard.next()
    assert heard.runner.begun.acquire(timeout=20), 'begun at 2, and computed'
    heard.tick(50, first=True)
    heard.runner.go.release(2)
    driven, _ = heard.driven()
    assert driven == 5000.0


def test_a_missing_observation_is_said_at_the_tick_that_needed_it(heard, maze):
    valid = np.ones(maze.obs_dim, bool)
    valid[0] = False
    heard.worker.submit(Observation(0, np.zeros(maze.obs_dim, np.float32), valid, 0), first=True)
    assert heard.next().reason.startswith('missing: ')
