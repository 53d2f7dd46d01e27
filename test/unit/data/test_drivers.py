"""Who drove at a step is who the arbiter's newest decision of that step says."""

from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.episode import Source
from ilw_data.bag.reader import BagTopic, Decoded
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.driver import drivers

MS = 1_000_000
TICKS = np.arange(5) * 100 * MS


def decisions(*stamped):
    """Return ``arbiter/state`` of (stamp [ms], source) in the order of arrival."""
    messages = [SimpleNamespace(source=int(source), header=SimpleNamespace(
        stamp=SimpleNamespace(sec=0, nanosec=stamp * MS))) for stamp, source in stamped]
    return BagTopic(np.arange(len(messages)), Decoded(messages))


def test_the_newest_decision_within_a_step_says_who_drove():
    found = drivers(TICKS, decisions((10, Source.POLICY), (90, Source.PERSON),
                                     (100, Source.POLICY), (199, Source.POLICY),
                                     (300, Source.ESTOP)))['driver']
    assert found.tolist() == [Source.PERSON, Source.POLICY, Source.NONE, Source.ESTOP]
    assert found.dtype == np.uint8


def test_decisions_that_arrive_late_count_by_their_stamp():
    found = drivers(TICKS, decisions((150, Source.PERSON), (50, Source.POLICY),
                                     (120, Source.POLICY)))['driver']
    assert found.tolist() == [Source.POLICY, Source.PERSON, Source.NONE, Source.NONE]


def test_a_slow_model_agrees_on_random_decisions():
    rng = np.random.default_rng(0)
    stamped = [(int(rng.integers(0, 420)), int(rng.integers(0, 4))) for _ in range(12)]
    found = drivers(TICKS, decisions(*stamped))['driver']
    for step in range(4):
        within = [(at, order, source) for order, (at, source) in enumerate(stamped)
                  if 100 * step <= at < 100 * (step + 1)]
        assert found[step] == (max(within)[2] if within else Source.NONE)


@pytest.mark.parametrize('topic', [None, BagTopic(np.arange(1), Decoded([SimpleNamespace(a=1)]))])
def test_a_recording_without_an_arbiter_does_not_say(topic):
    assert drivers(TICKS, topic) == {}


def test_an_episode_without_arbiter_state_has_no_drivers(bags, maze, tmp_path):
    assert load_episode(bags.write(tmp_path / 'one'), maze).driver is None
