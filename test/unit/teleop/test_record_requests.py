"""Each goal of ``record/episode`` gets its own result, whenever the executor comes to it."""

from types import SimpleNamespace

import pytest

from ilw_core.episode import Outcome
from ilw_teleop.recording.words import EpisodeEnding, Refusal

requests = pytest.importorskip('ilw_teleop.nodes.recorder.record_requests')


class Goal:
    """A goal whose execution waits in a queue, as an executor has it."""

    def __init__(self, number, queue):
        self.goal_id = SimpleNamespace(uuid=[number] * 16)
        self.request = requests.RecordEpisode.Goal()
        self.is_cancel_requested, self.state, self._queue = False, '', queue

    def execute(self):
        self._queue.append(self)

    def succeed(self):
        self.state = 'succeeded'

    def abort(self):
        self.state = 'aborted'

    def canceled(self):
        self.state = 'canceled'


class Recorder:
    """One episode at a time; no node and no disk."""

    def __init__(self, monkeypatch):
        self.running, self.stopped, self.count = '', 0, 0
        monkeypatch.setattr(requests, 'ActionServer', lambda *args, **named: None)
        node = SimpleNamespace(create_service=lambda *args, **named: None)
        self.requests = requests.RecordRequests(node, self.start, self.stop)

    def start(self, wish):
        if self.running:
            return Refusal.BUSY, 'busy', ''
        self.count += 1
        self.running = f'e{self.count}'
        return Refusal.NONE, '', self.running

    def stop(self, *_):
        self.stopped += 1
        return True

    def finish(self, path):
        episode, self.running = self.running, ''
        self.requests.finish(EpisodeEnding(episode, Outcome.SUCCESS, 'goal', path, ''))


@pytest.fixture
def recorder(monkeypatch):
    return Recorder(monkeypatch)


def test_a_refused_goal_never_gets_the_result_of_the_running_one(recorder):
    queue = []
    first, second, third = (Goal(number, queue) for number in range(3))
    recorder.requests._on_accepted(first)
    recorder.requests._on_accepted(second)   # refused, but not executed yet
    recorder.finish('/demos/a')
    recorder.requests._on_accepted(third)    # begins before the first one is executed
    results = {goal: recorder.requests._on_execute(goal) for goal in queue}
    assert (first.state, results[first].path) == ('succeeded', '/demos/a')
    assert (second.state, results[second].path) == ('aborted', '')
    assert results[second].error_code == int(Refusal.BUSY)
    recorder.finish('/demos/b')
    assert recorder.requests._on_execute(queue[-1]).path == '/demos/b'
    assert third.state == 'succeeded'


def test_only_the_cancel_of_the_running_goal_ends_the_episode(recorder):
    queue = []
    first, second = Goal(1, queue), Goal(2, queue)
    recorder.requests._on_accepted(first)
    recorder.requests._on_accepted(second)
    recorder.requests._on_cancel(second)
    assert not recorder.stopped
    recorder.requests._on_cancel(first)
    assert recorder.stopped == 1
