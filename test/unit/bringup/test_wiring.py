"""Every argument of a bring-up reaches the parameter that it sets, and no other node's."""

import pytest

from ilw_bringup.start.bringup import BRINGUPS, resolve
from ilw_core.errors import IlwError

OTHER = {
    'task': 'maze', 'seed': 41, 'real_time_factor': 3.5, 'plant': 'small_base', 'gui': True,
    'joystick': 'ps4', 'demos': 'elsewhere', 'operator': 'Ada', 'checkpoint': 'runs/x/checkpoint',
    'checkpoints': 'a:b', 'trusted_keys': 'keys', 'enable_output': True,
    'profile': 'turtlebot3', 'view': True, 'clock': False, 'tf_prefix': 'left'}
"""An argument that becomes a parameter -> a value that is not its default"""
SETS = {
    'sim': {'task': [('sim', 'contract'), ('status', 'contract')],
            'seed': [('sim', 'seed')], 'gui': [('sim', 'gui')],
            'real_time_factor': [('sim', 'real_time_factor')], 'plant': [('sim', 'plant')],
            'clock': [('sim', 'clock')], 'tf_prefix': [('sim', 'tf_prefix')],
            'view': [('status', 'view')]},
    'teleop': {'task': [('sim', 'contract'), ('teleop', 'contract'), ('arbiter', 'contract'),
                        ('status', 'contract')],
               'joystick': [('joy', 'joystick'), ('teleop', 'joystick')],
               'profile': [('arbiter', 'robot')], 'view': [('status', 'view')]},
    'record': {'task': [('sim', 'contract'), ('teleop', 'contract'), ('arbiter', 'contract'),
                        ('recorder', 'contract'), ('status', 'contract')],
               'demos': [('recorder', 'root')], 'operator': [('recorder', 'operator')],
               'profile': [('arbiter', 'robot'), ('recorder', 'profile'),
                           ('recorder', 'arguments')],
               'view': [('status', 'view')]},
    'deploy': {'task': [('sim', 'contract'), ('teleop', 'contract'), ('arbiter', 'contract'),
                        ('policy', 'contract'), ('status', 'contract')],
               'checkpoint': [('policy', 'checkpoint')],
               'checkpoints': [('policy', 'checkpoints')],
               'trusted_keys': [('policy', 'trusted_keys')],
               'enable_output': [('arbiter', 'enable_output')],
               'profile': [('arbiter', 'robot'), ('policy', 'robot')],
               'view': [('status', 'view')]},
}
"""Bring-up -> argument -> (node, parameter) of each that it sets"""
CASES = [(bringup, argument, node, parameter) for bringup, arguments in SETS.items()
         for argument, places in arguments.items() for node, parameter in places]


def nodes(name, **given):
    if 'checkpoint' in given:  # one that is not there: the task cannot be asked of it
        given = {'task': 'clutter', **given}
    bringup, values = resolve(name, given)
    return {spec.name: spec for spec in bringup.nodes(values)}


@pytest.mark.parametrize(('bringup', 'argument', 'node', 'parameter'), CASES)
def test_an_argument_reaches_its_parameter(bringup, argument, node, parameter):
    value = OTHER[argument]
    assert nodes(bringup)[node].parameters[parameter] != value
    reached = nodes(bringup, **{argument: value})[node].parameters[parameter]
    assert reached == (f'{argument}={value}' if parameter == 'arguments' else value)


@pytest.mark.parametrize(('bringup', 'argument'), [
    (name, each.name) for name, bringup in BRINGUPS.items() for each in bringup.arguments
    if each.name in OTHER])
def test_an_argument_changes_the_nodes(bringup, argument):
    assert nodes(bringup, **{argument: OTHER[argument]}) != nodes(bringup)


@pytest.mark.parametrize('bringup', list(SETS))
def test_an_argument_changes_nothing_that_is_not_its_own(bringup):
    before = nodes(bringup)
    for argument, places in SETS[bringup].items():
        changed = nodes(bringup, **{argument: OTHER[argument]})
        differ = {(name, key) for name in before for key, value in before[name].parameters.items()
                  if changed[name].parameters[key] != value}
        assert differ == set(places), argument


@pytest.mark.parametrize(('argument', 'value', 'node', 'parameter'), [
    ('emulator', 'mild', 'emulator', 'profile'), ('emulator_seed', 9, 'emulator', 'seed'),
    ('reveal', 'truth.json', 'emulator', 'reveal'), ('task', 'maze', 'emulator', 'contract')])
def test_an_argument_of_the_emulated_robot_reaches_it(argument, value, node, parameter, tmp_path,
                                                      monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    given = {'robot': 'emulated', argument: value}
    assert nodes('deploy', robot='emulated')[node].parameters[parameter] != value
    assert nodes('deploy', **given)[node].parameters[parameter] == value


@pytest.mark.parametrize('bringup', ['teleop', 'record', 'deploy'])
def test_the_status_line_knows_whether_there_are_keys_and_a_policy(bringup):
    for source in ('evdev', 'keyboard', 'external'):
        said = nodes(bringup, input=source)['status'].parameters
        assert said['keys'] is (source == 'keyboard')
        assert said['policy'] is (bringup == 'deploy')


@pytest.mark.parametrize(('preflight', 'robot', 'looks'), [
    ('on', 'sim', True), ('off', 'real', False), ('auto', 'sim', False), ('auto', 'real', True)])
def test_the_look_at_the_robot_is_as_it_was_asked_for(preflight, robot, looks):
    assert nodes('deploy', preflight=preflight, robot=robot)['arbiter'].parameters[
        'preflight'] is looks


@pytest.mark.parametrize('bringup', [name for name in BRINGUPS if name != 'foxglove'])
def test_namespace_and_keys_are_every_nodes(bringup):
    for spec in nodes(bringup, namespace='/robot7/', security='store').values():
        assert spec.namespace == '/robot7' and spec.enclave == f'/robot7/{spec.name}'
    for spec in nodes(bringup, security='store').values():
        assert spec.enclave == f'/{spec.name}' and spec.namespace == ''
    for spec in nodes(bringup).values():
        assert spec.enclave == ''


def test_what_hears_every_topic_gets_no_key():
    with pytest.raises(IlwError, match='gets no key'):
        nodes('foxglove', security='store')
    assert all(spec.namespace == '/robot7' for spec in nodes(
        'foxglove', namespace='/robot7/').values())


@pytest.mark.parametrize(('given', 'there', 'gone'), [
    ({'expert': True}, 'expert', 'joy'), ({'input': 'keyboard'}, 'keyboard', 'joy'),
    ({'input': 'external'}, 'teleop', 'joy'), ({}, 'joy', 'keyboard'),
    ({'robot': 'real'}, 'arbiter', 'sim')])
@pytest.mark.parametrize('bringup', ['teleop', 'record', 'deploy'])
def test_who_presses_the_stick_and_where_the_robot_comes_from_is_chosen(bringup, given, there,
                                                                         gone):
    started = nodes(bringup, **given)
    assert there in started and gone not in started


def test_every_node_that_needs_the_robots_clock_has_it():
    for bringup in ('teleop', 'record', 'deploy'):
        for robot, simulated in (('sim', True), ('real', False)):
            for name, spec in nodes(bringup, robot=robot).items():
                assert spec.parameters.get('use_sim_time', simulated) is simulated, name
