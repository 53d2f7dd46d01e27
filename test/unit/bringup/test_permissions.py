"""What each node may do, by the names that DDS sees: what it needs, and nothing else."""

import pytest

from ilw_bringup.security.dds_names import dds_topics, full_name
from ilw_bringup.security.node_uses import Uses, node_uses
from ilw_core.contract.file import parse_contract
from ilw_core.errors import IlwError


def test_topics_services_and_actions_become_the_names_that_dds_sees():
    uses = Uses(publishes=('odom', '/clock', '~/status'), subscribes=('cmd_vel',),
                serves=('~/load',), calls=('arbiter/arm',), acts=('run',))
    topics = dds_topics(uses, '/robot1', 'policy')
    assert topics.publish == {
        'ros_discovery_info', 'rt/robot1/odom', 'rt/clock', 'rt/robot1/policy/status',
        'rr/robot1/policy/loadReply', 'rq/robot1/arbiter/armRequest',
        'rr/robot1/run/_action/send_goalReply', 'rr/robot1/run/_action/cancel_goalReply',
        'rr/robot1/run/_action/get_resultReply', 'rt/robot1/run/_action/feedback',
        'rt/robot1/run/_action/status'}
    assert topics.subscribe == {
        'ros_discovery_info', 'rt/robot1/cmd_vel', 'rq/robot1/policy/loadRequest',
        'rr/robot1/arbiter/armReply', 'rq/robot1/run/_action/send_goalRequest',
        'rq/robot1/run/_action/cancel_goalRequest', 'rq/robot1/run/_action/get_resultRequest'}


@pytest.mark.parametrize('name', ['*', 'a*', 'a?', '[ab]', 'a//b', 'a b', '', 'a/', '../a'])
def test_a_name_that_would_allow_more_than_itself_is_refused(name):
    with pytest.raises(IlwError, match='letters, digits'):
        full_name(name, '/', 'node')


@pytest.fixture
def allowed(contract):
    return {name: dds_topics(uses, '/', name)
            for name, uses in node_uses(contract, simulated=True).items()}


@pytest.mark.parametrize(('topic', 'owners'), [
    ('rt/cmd_vel', {'arbiter'}), ('rt/teleop/action', {'teleop'}),
    ('rt/policy/action', {'policy'}), ('rt/arbiter/state', {'arbiter'}), ('rt/clock', {'sim'}),
    ('rt/scan', {'sim'}),
    ('rt/joy', {'joy', 'keyboard', 'expert', 'cockpit'}),
    ('rq/arbiter/armRequest', {'teleop', 'cockpit'}),
    ('rq/arbiter/resetRequest', {'teleop', 'cockpit'}), ('rr/arbiter/estopReply', {'arbiter'}),
    ('rq/policy/loadRequest', {'cockpit'}), ('rq/policy/change_stateRequest', set()),
    ('rq/arbiter/set_parametersRequest', set()),
])
def test_only_its_owner_may_write_a_topic_that_moves_the_robot(allowed, topic, owners):
    assert {name for name, topics in allowed.items() if topic in topics.publish} == owners


def test_the_recorder_hears_all_that_is_recorded_and_says_how_it_is(allowed):
    said = {t for t in allowed['recorder'].publish if t.startswith('rt/')} - {
        t for t in allowed['joy'].publish}
    assert said == {'rt/episode/status', 'rt/record/episode/_action/feedback',
                    'rt/record/episode/_action/status'}
    assert {'rt/cmd_vel', 'rt/joy', 'rt/odom', 'rt/arbiter/state'} <= allowed['recorder'].subscribe


def test_no_permission_has_a_wildcard(allowed):
    for topics in allowed.values():
        assert not any(set(t) & set('*?[') for t in topics.publish | topics.subscribe)


def test_the_commands_topic_is_the_contracts(maze):
    other = parse_contract(maze.text.replace('topic: cmd_vel', 'topic: base/command'))
    uses = node_uses(other, simulated=False)
    assert 'base/command' in uses['arbiter'].publishes
    assert 'cmd_vel' not in str(uses)
    assert not {'sim', 'expert'} & set(uses), 'a real robot has no simulator'
    assert '/clock' not in str(uses), 'and its clock is its own'
    followed = node_uses(other, simulated=False, clock=True)
    assert set(followed) == set(uses), 'in another simulator it has the same nodes'
    assert all('/clock' in (*used.subscribes, *used.sometimes) for used in followed.values())
    assert not any('/clock' in used.publishes for used in followed.values())


def test_who_commands_from_where_a_joint_is_may_hear_it(maze):
    heard = [source.topic for source in maze.sources]
    assert set(heard) - set(node_uses(maze, simulated=True)['arbiter'].subscribes)
    kept = parse_contract(maze.text.replace('safety:', f'''safety:
  ranges:
    - {{field: twist.linear.x, of: {maze.obs_names[0]}, min: -1, max: 1, deceleration: 1}}'''))
    assert set(heard) <= set(node_uses(kept, simulated=True)['arbiter'].subscribes)


def test_permissions_bear_the_names_of_the_robots_profile(clutter):
    uses = node_uses(clutter, simulated=False)
    arbiter = dds_topics(uses['arbiter'], '/robot1', 'arbiter',
                         {'cmd_vel': 'base/cmd', 'scan': '/front/scan', '/tf': 'tf'})
    assert 'rt/robot1/base/cmd' in arbiter.publish
    assert {'rt/front/scan', 'rt/robot1/odom', 'rt/robot1/tf', 'rt/tf_static'} <= arbiter.subscribe
    assert not {'rt/robot1/cmd_vel', 'rt/robot1/scan', 'rt/tf'} & (
        arbiter.publish | arbiter.subscribe)
