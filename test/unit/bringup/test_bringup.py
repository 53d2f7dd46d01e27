"""The bring-ups as data: what is started, and what a wrong argument says."""

import pytest

from ilw_bringup.bringup import BRINGUPS, JOYSTICK, resolve
from ilw_bringup.processes import command_line
from ilw_core.errors import IlwError
from ilw_core.locate import config_folder
from ilw_emulator.world import load_world


def nodes(name, **given):
    bringup, values = resolve(name, given)
    return {spec.name: spec for spec in bringup.nodes(values)}


def test_a_real_robot_gets_no_simulator_and_no_simulated_clock():
    started = nodes('deploy', robot='real', input='external')
    assert 'sim' not in started
    assert not any(spec.parameters.get('use_sim_time') for spec in started.values())
    assert nodes('deploy', robot='sim')['arbiter'].parameters['use_sim_time'] is True


def test_an_emulated_robot_is_started_and_otherwise_treated_as_a_real_one(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    emulated = nodes('deploy', robot='emulated', emulator='mild', seed=3, emulator_seed=5)
    machine = emulated.pop('emulator')
    assert (machine.parameters['profile'], machine.parameters['seed']) == ('mild', 5)
    assert load_world(machine.parameters['world']).name == 'clutter-3'
    real = nodes('deploy', robot='real')
    assert emulated == real
    assert 'emulator' not in nodes('deploy', robot='sim')


def test_a_deployed_policy_moves_nothing_unless_enabled():
    assert nodes('deploy')['arbiter'].parameters['enable_output'] is False
    assert nodes('deploy', enable_output='true')['arbiter'].parameters['enable_output'] is True


def test_the_same_policy_node_drives_simulation_emulated_robot_and_robot(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))

    def policy(robot):
        spec = nodes('deploy', robot=robot, checkpoint='runs/x/checkpoint')['policy']
        clock = spec.parameters.pop('use_sim_time')
        return spec, clock

    (simulated, on), (emulated, off), (real, also_off) = map(policy, ('sim', 'emulated', 'real'))
    assert simulated == emulated == real, 'package, executable, checkpoint, contract and names'
    assert (on, off, also_off) == (True, False, False), 'whose clock is all that differs'


def test_exactly_one_node_may_command_the_robot_in_every_bringup_that_drives():
    for name in ('teleop', 'record', 'deploy'):
        assert [s for s in nodes(name) if s == 'arbiter'] == ['arbiter']


def test_only_who_cannot_drive_unarmed_comes_back_by_itself():
    for name in BRINGUPS:
        assert {n for n, spec in nodes(name).items() if spec.respawn} <= {'policy', 'status'}
    policy = nodes('deploy', checkpoint='runs/x/checkpoint', checkpoints='a:b')['policy']
    assert policy.respawn and policy.parameters['checkpoints'] == 'a:b'


def test_every_bringup_has_a_status_line_and_a_map_when_asked():
    for name in BRINGUPS:
        status = nodes(name, view='true')['status']
        assert status.parameters['view'] is True and status.parameters['use_sim_time'] is True
        assert status.parameters['policy'] is (name == 'deploy')
        assert nodes(name)['status'].parameters['view'] is False
    assert nodes('record', input='keyboard')['status'].parameters['keys'] is True
    assert nodes('record')['status'].parameters['keys'] is False
    assert nodes('record', robot='real')['status'].parameters['use_sim_time'] is False


def test_recording_starts_a_recorder():
    assert {'sim', 'teleop', 'arbiter', 'recorder'} <= set(nodes('record'))


@pytest.mark.parametrize(('given', 'words'), [
    ({'robot': 'sin'}, 'robot must be one of sim, emulated, real'),
    ({'seed': 'many'}, 'seed must be a int'),
    ({'tsak': 'maze'}, 'no argument .tsak.'),
    ({'gui': 'perhaps'}, 'gui must be a bool'),
])
def test_a_wrong_argument_is_named(given, words):
    with pytest.raises(IlwError, match=words):
        resolve('record', given)


def test_an_unknown_bringup_lists_the_known_ones():
    with pytest.raises(IlwError, match='deploy'):
        resolve('demo2', {})


def test_parameters_reach_a_node_with_their_types(tmp_path, monkeypatch):
    (tmp_path / 'lib/ilw_sim').mkdir(parents=True)
    (tmp_path / 'lib/ilw_sim/sim_node').touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    line = command_line(nodes('sim', seed=3, real_time_factor='2', task="it's")['sim'])
    assert 'real_time_factor:=2.0' in line, 'a float stays a float'
    assert 'gui:=false' in line
    assert "contract:='it''s'" in line


def test_every_argument_is_described():
    for bringup in BRINGUPS.values():
        assert all(argument.text.endswith('.') for argument in bringup.arguments)


@pytest.mark.parametrize(('more', 'source', 'layout'), [
    ({'input': 'keyboard'}, 'keyboard', 'xbox'), ({'expert': True}, 'expert', 'xbox'),
    ({}, 'joy', 'auto')])
def test_with_auto_teleop_chooses_and_who_imitates_a_pad_takes_the_default(more, source, layout):
    started = nodes('teleop', joystick='auto', **more)
    assert started['teleop'].parameters['joystick'] == 'auto'
    assert started[source].parameters['joystick'] == layout


def test_the_bringup_names_every_layout_that_is_shipped():
    shipped = {path.stem for path in (config_folder() / 'joysticks').glob('*.yaml')}
    assert {word.strip(',;: ') for word in JOYSTICK.text.split()} >= shipped
