"""A policy that was started again is noticed, even when its first messages are lost."""

from types import SimpleNamespace

import pytest

from ilw_teleop.nodes.arbiter.policy_watch import PolicyWatch

OLD, NEW, THIRD = ([n] * 16 for n in (1, 2, 3))


@pytest.mark.parametrize(('looks', 'new'), [
    ([[OLD], [OLD], [OLD]], [False, False, False]),
    ([[], [OLD], [OLD]], [False, False, False]),
    ([[OLD], [OLD, NEW], [NEW]], [False, True, False]),
    ([[OLD], [], [NEW]], [False, False, True]),
    ([[OLD], [], [OLD]], [False, False, False]),
    ([[OLD, NEW], [NEW, THIRD], [THIRD]], [False, True, False])],
    ids=['one', 'the first', 'beside the dead', 'after the dead', 'seen again', 'a third'])
def test_who_was_not_there_before_is_a_newcomer_once(looks, new):
    asked = []

    def listed(topic):
        asked.append(topic)
        return [SimpleNamespace(endpoint_gid=gid) for gid in looks[len(asked) - 1]]

    watch = PolicyWatch(SimpleNamespace(resolve_topic_name=lambda topic: f'/robot1/{topic}',
                                        get_publishers_info_by_topic=listed), 'policy/action')
    assert [watch.newcomer() for _ in looks] == new
    assert {*asked} == {'/robot1/policy/action'}


def test_the_numbers_tell_before_the_graph():
    watch = PolicyWatch(SimpleNamespace(resolve_topic_name=str), 'policy/action')
    assert [watch.take(number, 0) for number in (7, 8, 1)] == [False, False, True]
    assert not watch.several(0)
