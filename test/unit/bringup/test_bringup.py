"""The bring-ups as data: what is started, and what a wrong argument says."""

from pathlib import Path

import pytest

from ilw_bringup.start.bringup import BRINGUPS, JOYSTICK, require_files, resolve
from ilw_bringup.start.processes import command_line
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.storage.locate import config_folder
from ilw_emulator.world import load_world


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let every executable of ours be there."""
    for package, names in {
            'ilw_sim': ('sim_node', 'expert_node'), 'ilw_learner': ('policy_node', 'trainer_node'),
            'ilw_web': ('cockpit_node', 'foxglove_node'),
            'ilw_teleop': ('joy_node', 'teleop_node', 'arbiter_node', 'recorder_node',
                           'status_node')}.items():
        (tmp_path / 'lib' / package).mkdir(parents=True)
        for name in names:
            (tmp_path / 'lib' / package / name).touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))


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


def test_an_emulated_arm_is_started_by_the_same_arguments():
    given = {'task': 'lift_state', 'seed': 3, 'emulator_seed': 5, 'reveal': 'truth.json'}
    emulated = nodes('deploy', robot='emulated', **given)
    machine = emulated.pop('emulator')
    assert (machine.package, machine.executable) == ('ilw_bringup', 'arm_emulator_node')
    assert machine.parameters == {'contract': 'lift_state', 'profile': 'typical', 'seed': 5,
                                  'world': 3, 'reveal': 'truth.json'}
    assert emulated == nodes('deploy', robot='real', **given)


@pytest.mark.parametrize(('task', 'profile', 'folder'), [
    ('lift_state', 'mild', 'emulated_arms'), ('clutter', 'no_such', 'emulators')])
def test_a_profile_that_is_not_one_of_the_tasks_kind_is_refused_first(task, profile, folder):
    bringup, values = resolve('record', {'robot': 'emulated', 'task': task, 'emulator': profile})
    with pytest.raises(IlwError, match=folder):
        require_files(bringup, values)
    values['emulator'] = 'typical'
    require_files(bringup, values)


def test_a_deployed_policy_moves_nothing_unless_enabled():
    assert nodes('deploy')['arbiter'].parameters['enable_output'] is False
    assert nodes('deploy', enable_output='true')['arbiter'].parameters['enable_output'] is True


def test_the_same_policy_node_drives_simulation_emulated_robot_and_robot(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))

    def policy(robot):
        spec = nodes('deploy', robot=robot, task='clutter',
                     checkpoint='runs/x/checkpoint')['policy']
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
    policy = nodes('deploy', task='clutter', checkpoint='runs/x/checkpoint',
                   checkpoints='a:b')['policy']
    assert policy.respawn and policy.parameters['checkpoints'] == 'a:b'


def test_every_bringup_has_a_status_line_and_a_map_when_asked():
    for name in set(BRINGUPS) - {'trainer', 'cockpit', 'foxglove'}:
        status = nodes(name, view='true')['status']
        assert status.parameters['view'] is True and status.parameters['use_sim_time'] is True
        assert status.parameters['policy'] is (name in ('deploy', 'correct'))
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


@pytest.mark.parametrize(('robot', 'chosen', 'follows'), [
    ('sim', 'auto', True), ('sim', 'true', True), ('real', 'auto', False), ('real', 'true', True),
    ('real', 'false', False), ('emulated', 'auto', False), ('emulated', 'false', False)])
def test_whose_time_nodes_follow_can_be_chosen(tmp_path, monkeypatch, robot, chosen, follows):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    for name in ('teleop', 'record', 'deploy'):
        started = nodes(name, robot=robot, use_sim_time=chosen, rviz=True)
        assert {spec.parameters['use_sim_time'] for key, spec in started.items()
                if key not in ('sim', 'emulator')} == {follows}


@pytest.mark.parametrize(('name', 'given', 'words'), [
    ('record', {'use_sim_time': 'false'}, 'simulated time.*robot:=real'),
    ('sim', {'use_sim_time': 'false'}, 'simulated time'),
    ('deploy', {'robot': 'emulated', 'use_sim_time': 'true'}, 'wall time.*another simulator'),
    ('teleop', {'use_sim_time': 'yes'}, 'one of auto, true, false'),
    ('sim', {'log_level': 'loud'}, 'log_level must be one of debug'),
    ('trainer', {'params_file': 'no/such.yaml'}, 'no/such.yaml'),
    ('trainer', {'robot': 'sim'}, 'no argument .robot.')])
def test_what_does_not_go_together_is_refused(name, given, words):
    with pytest.raises(IlwError, match=words):
        resolve(name, given)


@pytest.mark.parametrize('text', ['3', '[arbiter]', 'arbiter'])
def test_a_file_of_parameters_that_is_none_is_refused_before_any_node_starts(tmp_path, text):
    (tmp_path / 'mine.yaml').write_text(text)
    with pytest.raises(IlwError, match='ros__parameters'):
        resolve('teleop', {'params_file': str(tmp_path / 'mine.yaml')})


def test_parameters_of_a_file_and_the_log_level_reach_every_node(tmp_path, installed):
    mine = tmp_path / 'mine.yaml'
    mine.write_text('arbiter: {ros__parameters: {max_age_s: 0.3}}')
    for name in BRINGUPS:
        for spec in nodes(name, params_file=str(mine), log_level='debug').values():
            line = command_line(spec)
            assert line[line.index('--params-file') + 1] == str(mine)
            assert line.index('--params-file') > max(
                i for i, word in enumerate(line) if word == '-p'), 'the file has the last word'
            assert line[-2:] == ['--log-level', 'debug']
        assert '--params-file' not in command_line(next(iter(nodes(name).values())))


@pytest.mark.parametrize(('given', 'prefix', 'frame'), [
    ({}, '', None), ({'namespace': 'robot1'}, 'robot1', 'robot1/odom'),
    ({'namespace': '/fleet/r2/'}, 'fleet/r2', 'fleet/r2/odom'),
    ({'namespace': 'robot1', 'tf_prefix': 'none'}, '', None),
    ({'tf_prefix': 'left/'}, 'left', 'left/odom')])
def test_frames_of_a_simulated_robot_bear_its_namespace(given, prefix, frame):
    for name in ('sim', 'teleop', 'record', 'deploy'):
        started = nodes(name, rviz=True, **given)
        assert started['sim'].parameters['tf_prefix'] == prefix
        words = started['rviz'].words
        assert (words[words.index('-f') + 1] if '-f' in words else None) == frame


def test_the_second_simulator_of_a_domain_can_follow_the_clock_of_the_first():
    assert nodes('record')['sim'].parameters['clock'] is True
    assert nodes('record', clock='false')['sim'].parameters['clock'] is False


def test_rviz_opens_with_our_view_on_demand_and_its_end_ends_nothing():
    for name in BRINGUPS:
        assert 'rviz' not in nodes(name)
        rviz = nodes(name, rviz=True)['rviz']
        assert Path(rviz.words[rviz.words.index('-d') + 1]).name == 'ilw.rviz'
        assert rviz.optional
        assert [key for key, spec in nodes(name, rviz=True).items() if spec.optional] == ['rviz']


def test_rviz_that_is_not_installed_is_told_how_to_be(monkeypatch, tmp_path):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    with pytest.raises(IlwError, match='apt install ros-jazzy-rviz2'):
        command_line(nodes('sim', rviz=True)['rviz'])


def test_an_expert_that_records_presses_start_and_one_that_drives_does_not():
    assert nodes('record', expert=True)['expert'].parameters['record'] is True
    assert nodes('teleop', expert=True)['expert'].parameters['record'] is False


def test_the_trainer_is_brought_up_with_the_folders_it_may_use():
    trainer, = nodes('trainer', task='maze', runs='r', demonstrations='a:b', env='none').values()
    assert (trainer.package, trainer.executable) == ('ilw_learner', 'trainer_node')
    given = trainer.parameters
    assert (given['contract'], given['runs'], given['demonstrations'], given['env']) == (
        'maze', 'r', 'a:b', 'none')


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


@pytest.mark.parametrize('bring_up', ['deploy', 'correct'])
def test_a_checkpoint_that_is_not_there_is_named_before_a_node_starts(bring_up, tmp_path):
    with pytest.raises(CheckpointError, match='is not a checkpoint'):
        require_files(*resolve(bring_up, {'task': 'clutter',
                                          'checkpoint': str(tmp_path / 'none')}))
    require_files(*resolve(bring_up, {'task': 'clutter', 'checkpoint': 'idle'}))


@pytest.mark.parametrize(('bring_up', 'argument'), [
    ('sim', 'task'), ('sim', 'plant'), ('teleop', 'joystick'), ('record', 'emulator')])
def test_a_file_of_config_that_is_not_there_is_named_before_a_node_starts(bring_up, argument):
    require_files(*resolve(bring_up, {}))
    with pytest.raises(IlwError, match=r"There is no 'nonsense' in .*There are: "):
        require_files(*resolve(bring_up, {argument: 'nonsense'}))
