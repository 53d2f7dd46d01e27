"""A session knows which end is of its own episode, and whether somebody drives."""

from types import SimpleNamespace

from builtin_interfaces.msg import Time
import pytest

from ilw_bringup.session import LoopError, Session
from ilw_core.episode import Source
from ilw_msgs.msg import ArbiterState, EpisodeEvent
from ilw_msgs.srv import ResetSim, StartEpisode


@pytest.mark.parametrize(('sender', 'episode', 'kind', 'ends'), [
    ('sim', 'mine', EpisodeEvent.KIND_STOP, True),
    ('sim', 'another', EpisodeEvent.KIND_STOP, False), ('sim', '', EpisodeEvent.KIND_STOP, False),
    ('teleop', 'mine', EpisodeEvent.KIND_STOP, False),
    ('sim', 'mine', EpisodeEvent.KIND_RESET, False)])
def test_only_the_simulators_end_of_its_own_episode_ends_it(sender, episode, kind, ends):
    session = Session.__new__(Session)
    session._end, session._episode = None, 'mine'
    event = SimpleNamespace(sender=sender, episode=episode, kind=kind)
    session._on_event(event)
    assert (session._end is event) is ends


NOBODY, PERSON, POLICY = Source.NONE, Source.PERSON, Source.POLICY


@pytest.mark.parametrize(('worlds', 'resets'), [
    ([[(PERSON, 1)]], 1),
    ([[(NOBODY, 1), (NOBODY, 2), (PERSON, 3)]], 1),
    ([[(NOBODY, 1)], [(POLICY, 1)], [(PERSON, 1)]], 3),
    ([[(PERSON, -1), (NOBODY, 1)], [(PERSON, 0)]], 2),
    ([[]] * 100, 3)], ids=['at once', 'late', 'in the third', 'of the one before', 'never'])
def test_a_driver_is_waited_for_until_what_it_says_comes_through(monkeypatch, worlds, resets):
    """Else the first episode of a node that is still starting goes by with nobody driving."""
    session, asked, heard = Session.__new__(Session), [], []

    def call(kind, name, request, **_):
        asked.append((name, getattr(request, 'seed', None)))
        if name == 'sim/step':
            return None
        clock[0] += 25.0
        return ResetSim.Response(stamp=Time(sec=10 * len(asked)), shortest_path_m=2.0)

    def subscribe(kind, topic, take, profile):
        heard.append(take)
        return take

    def wait_for(done, timeout_s, what):
        begin = 10 * len(asked)
        for source, after in worlds[len(asked) - 1]:
            state = ArbiterState(source=int(source))
            state.header.stamp.sec = begin + after
            heard[0](state)
            if done():
                return
        session._end = 'timeout'
        assert done()

    clock = [0.0]
    monkeypatch.setattr('ilw_bringup.session.time.monotonic', lambda: clock[0])
    session.call, session.wait_for, session._begin_ns = call, wait_for, 0
    session._node = SimpleNamespace(create_subscription=subscribe,
                                    destroy_subscription=heard.remove)
    if len(worlds) == 100:
        with pytest.raises(LoopError, match='Waited 60 s for the person to drive in vain'):
            session.wait_for_driver(PERSON, 7)
        assert asked == [('sim/reset', 7)] * resets
    else:
        session.wait_for_driver(PERSON, 7)
        assert asked == [('sim/reset', 7)] * resets + [('sim/step', None)], 'then time stands'
    assert not heard, 'not listened to while it drives: that would cost time'


NOT_READY, BUSY = StartEpisode.Response.ERROR_NOT_READY, StartEpisode.Response.ERROR_BUSY


@pytest.mark.parametrize(('answers', 'asks', 'refused'), [
    ([0], 1, ''), ([NOT_READY, NOT_READY, 0], 3, ''), ([BUSY], 1, 'refused to start: why'),
    ([NOT_READY] * 100, 4, 'refused to start: why')],
    ids=['at once', 'a sensor was late', 'for good', 'a sensor is gone'])
def test_a_recorder_that_is_not_ready_for_a_moment_is_asked_again(
        monkeypatch, answers, asks, refused):
    session, asked, clock = Session.__new__(Session), [], [0.0]

    def call(kind, name, request, **_):
        asked.append(name)
        clock[0] += 10.0
        return StartEpisode.Response(error_code=answers[len(asked) - 1], error_msg='why')

    monkeypatch.setattr('ilw_bringup.session.time.monotonic', lambda: clock[0])
    session.call, session.wait_for = call, lambda *_: None
    session._executor = SimpleNamespace(spin_once=lambda timeout_sec: None)
    if refused:
        with pytest.raises(LoopError, match=refused):
            session._start_recording('one', 'ada')
    else:
        session._start_recording('one', 'ada')
    assert asked == ['record/start'] * asks
