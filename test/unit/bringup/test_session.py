"""A session knows which end is of its own episode, and whether somebody holds the stick."""

from types import SimpleNamespace

import pytest

from ilw_bringup.session import LoopError, Session
from ilw_msgs.msg import EpisodeEvent


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


@pytest.mark.parametrize(('says', 'hears', 'there'), [
    (('expert',), ('ilw_session', 'expert'), True), ((), ('expert',), False),
    (('joy',), ('expert',), False), (('expert',), ('ilw_session',), False), ((), (), False)])
def test_the_stick_is_held_once_its_node_hears_and_says(says, hears, there):
    """Else the first episode of an expert that is still starting goes by with nobody driving."""
    session = Session.__new__(Session)
    asked = []

    def named(names, topic):
        asked.append(topic)
        return [SimpleNamespace(node_name=name) for name in names]

    session._node = SimpleNamespace(
        get_publishers_info_by_topic=lambda topic: named(says, topic),
        get_subscriptions_info_by_topic=lambda topic: named(hears, topic))
    session._still_alive = lambda: None

    def wait_once(done, timeout_s, what):
        if not done():
            raise LoopError(what)

    session.wait_for = wait_once
    if there:
        session.wait_for_hand('expert')
    else:
        with pytest.raises(LoopError, match='expert to take the stick'):
            session.wait_for_hand('expert')
    assert asked == ['joy', 'episode/event']
