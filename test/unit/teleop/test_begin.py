"""A take that a person asks for: begun when it can be, in a world of its own."""

from types import SimpleNamespace as Plain

import pytest

from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import read_episode
from ilw_teleop.recording.pending_start import WAIT_NS, PendingStart
from ilw_teleop.recording.words import EpisodeEnding, Phase, Refusal, Wish

S = 1_000_000_000


class Recorder:
    """Answers as told."""

    def __init__(self):
        self.now, self.asked, self.answer = Phase.READY, [], (Refusal.NONE, '', 'id')

    def phase(self, now_ns, *, paused):
        return self.now, []

    def start(self, wish, now_ns, wall_ns, *, paused):
        self.asked.append(wish)
        return self.answer


@pytest.fixture
def recorder():
    return Recorder()


@pytest.mark.parametrize('phase', [Phase.SAVING, Phase.WAITING])
@pytest.mark.parametrize('ready_s', [0.02, 1.0, 1.9])
def test_a_press_while_it_saves_or_waits_begins_a_take_as_soon_as_it_can(
        recorder, phase, ready_s):
    pending, recorder.now = PendingStart(recorder), phase
    pending.ask(Wish(notes='mine'), 10 * S)
    assert pending.poll(0, 10 * S, paused=False) is None and not recorder.asked
    recorder.now = Phase.READY
    wall_ns = 10 * S + round(ready_s * S)
    assert pending.poll(0, wall_ns, paused=False) == (Refusal.NONE, '', 'id')
    assert [wish.notes for wish in recorder.asked] == ['mine']
    assert pending.poll(0, wall_ns, paused=False) is None, 'one press, one take'


@pytest.mark.parametrize('phase', [Phase.SAVING, Phase.WAITING])
def test_a_press_that_cannot_be_met_in_time_is_told_why(recorder, phase):
    pending, recorder.now = PendingStart(recorder), phase
    recorder.answer = (Refusal.NOT_READY, 'odom is silent.', '')
    pending.ask(Wish(), 0)
    assert pending.poll(0, WAIT_NS - 1, paused=False) is None
    assert pending.poll(0, WAIT_NS, paused=False)[1] == 'odom is silent.'


@pytest.mark.parametrize('phase', [Phase.READY, Phase.RECORDING, Phase.FAULT])
def test_where_waiting_changes_nothing_the_answer_comes_at_once(recorder, phase):
    pending, recorder.now = PendingStart(recorder), phase
    assert pending.poll(0, 0, paused=False) is None, 'nobody asked'
    pending.ask(Wish(), 0)
    assert pending.poll(0, 0, paused=False) == recorder.answer


@pytest.mark.parametrize(('ending', 'words'), [
    (EpisodeEnding('a1', Outcome.SUCCESS, 'goal', '/d/e', ''), 'saved as a success (goal): /d/e'),
    (EpisodeEnding('a1', Outcome.FAILURE, 'timeout', '/d/e', ''),
     'saved as a failure (timeout): /d/e'),
    (EpisodeEnding('a1', Outcome.UNKNOWN, 'fault', '/d/e', ''), 'nobody judged it'),
    (EpisodeEnding('a1', Outcome.UNKNOWN, 'operator', '', ''), 'Episode a1: thrown away.'),
    (EpisodeEnding('a1', Outcome.SUCCESS, 'goal', '', 'The disk is full.'), 'The disk is full.')])
def test_what_became_of_a_take_is_a_sentence(ending, words):
    assert words in ending.text


@pytest.fixture
def bench(clutter, tmp_path):
    from test_recorder_core import Bench

    made = Bench(clutter, tmp_path)
    yield made
    made.store.close()


def test_a_recorder_that_ends_in_a_take_says_where_it_is(bench):
    bench.start()
    bench.drive(5)
    ending, lost = bench.recorder.close(bench.now, bench.wall)
    assert lost == '' and ending.outcome is Outcome.UNKNOWN
    assert read_episode(ending.path).meta['messages'] > 10
    assert ending.path in ending.text


def test_a_recorder_that_ends_between_takes_has_nothing_to_say(bench):
    assert bench.recorder.close(bench.now, bench.wall) == (None, '')


@pytest.mark.parametrize(('outcome', 'keep'), [(1, True), (2, True), (0, False)])
def test_the_status_says_when_the_take_began_and_how_the_last_one_ended(bench, outcome, keep):
    def status():
        return bench.recorder.status(bench.now, paused=False, more=[])

    assert (status().begin_ns, status().kept, status().outcome) == (0, False, 0)
    begun = bench.now
    bench.start()
    bench.drive(5)
    assert status().begin_ns == begun
    bench.recorder.stop(outcome, 'operator', bench.now, bench.wall, keep=keep)
    bench.finish()
    assert (status().kept, status().outcome) == (keep, outcome)
    assert status().stop_reason == 'operator'


class World:
    """A client of ``sim/reset`` that writes down what it is asked."""

    def __init__(self):
        self.requests, self.there = [], True

    def service_is_ready(self):
        return self.there

    def call_async(self, request):
        self.requests.append(('next' if request.next_seed else 'same' if request.keep_seed
                              else request.seed, request.episode))
        return Plain(add_done_callback=lambda _: None)


@pytest.fixture
def world():
    """Return a WorldReset and what it asked the simulator."""
    pytest.importorskip('rclpy')
    from ilw_teleop.nodes.person.world_reset import WorldReset

    client = World()
    return WorldReset(Plain(create_client=lambda *_: client)), client


def reset(episode):
    return Plain(kind=4, episode=episode)


def test_a_take_begins_the_world_that_is_there_anew(world):
    worlds, client = world
    worlds.begin('one')
    worlds.note(reset('one'))
    worlds.ended(kept=False)
    worlds.begin('two')
    assert client.requests == [('same', 'one'), ('same', 'two')], 'a discarded take is redone'


def test_after_a_saved_take_of_a_world_the_next_is_in_the_next_world(world):
    worlds, client = world
    worlds.begin('one')
    worlds.note(reset('one'))
    worlds.ended(kept=True)
    worlds.begin('two')
    assert client.requests[-1] == ('next', 'two')


@pytest.mark.parametrize('first', ['reset', 'ended'])
def test_a_world_that_the_simulator_went_on_to_is_not_left_out(world, first):
    worlds, client = world
    worlds.begin('one')
    worlds.note(reset('one'))
    steps = {'reset': lambda: worlds.note(reset('its own')),
             'ended': lambda: worlds.ended(kept=True)}
    for step in (first, 'ended' if first == 'reset' else 'reset'):
        steps[step]()
    worlds.begin('two')
    assert client.requests[-1] == ('same', 'two')


def test_without_a_simulator_that_resets_nothing_is_asked(world):
    worlds, client = world
    client.there = False
    worlds.begin('one')
    assert client.requests == []
