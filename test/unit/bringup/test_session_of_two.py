"""Of two episodes at once a session knows which one is its own."""

from types import SimpleNamespace

import pytest

from ilw_bringup.session import Session
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
