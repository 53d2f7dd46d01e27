"""A robot's own names, frames and command type, from the one file of its profile."""

import pytest

from ilw_bringup.start.bringup import resolve
from ilw_core.contract.command_topic import same_command
from ilw_core.contract.file import load_contract
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file, config_folder
from ilw_learner.checkpoint.folder import GRAPH, WEIGHTS, save_checkpoint
from ilw_teleop.arbiter.robot_profile import load_profile

TWIST, STAMPED = 'geometry_msgs/msg/Twist', 'geometry_msgs/msg/TwistStamped'
SHIPPED = sorted(p.stem for p in (config_folder() / 'robots').glob('*.yaml'))


@pytest.mark.parametrize('name', SHIPPED)
def test_every_shipped_profile_loads(name):
    assert load_profile(config_file('robots', name)).name == name


def test_the_worked_examples_say_what_a_person_would():
    controller = load_profile(config_file('robots', 'diff_drive_controller'))
    assert controller.interface.topics == {'cmd_vel': 'diff_drive_controller/cmd_vel',
                                           'odom': 'diff_drive_controller/odom'}
    assert controller.command_timeout_s == 0.5
    turtlebot = load_profile(config_file('robots', 'turtlebot4')).interface
    assert turtlebot.frames['laser'] == 'rplidar_link'


@pytest.mark.parametrize(('text', 'word'), [
    ('topics: {scan: front scan}', 'a topic'),
    ('topics: {1scan: scan}', 'a topic'),
    ('topics: [scan]', 'mapping'),
    ('command: std_msgs/msg/String', 'one of'),
    ('frames: {laser: "my laser"}', 'a frame id'),
    ('frames: {lasre: laser}', 'lasre'),
    ('namespace: robot 1', 'a ROS namespace'),
])
def test_a_mistake_is_named(tmp_path, text, word):
    (tmp_path / 'mine.yaml').write_text(f'robot: mine\n{text}\n')
    with pytest.raises(IlwError, match=word):
        load_profile(tmp_path / 'mine.yaml')


def test_every_node_of_a_bringup_gets_the_same_names(tmp_path):
    (tmp_path / 'mine.yaml').write_text(
        'robot: mine\ntopics: {scan: /front/scan, cmd_vel: base/cmd}\n')
    for name, robot in (('deploy', 'real'), ('record', 'real'), ('record', 'sim')):
        bringup, values = resolve(name, {'robot': robot, 'profile': str(tmp_path / 'mine.yaml'),
                                         'input': 'external'})
        specs = bringup.nodes(values)
        assert len(specs) >= 3
        assert all(spec.remappings == {'scan': '/front/scan', 'cmd_vel': 'base/cmd'}
                   for spec in specs)
    bringup, values = resolve('deploy', {})
    assert not any(spec.remappings for spec in bringup.nodes(values))


def test_the_profiles_namespace_is_used_where_none_is_given(tmp_path):
    (tmp_path / 'mine.yaml').write_text('robot: mine\nnamespace: robot1\n')
    for given, expected in (({}, '/robot1'), ({'namespace': 'robot2'}, '/robot2')):
        bringup, values = resolve('deploy', {'robot': 'real', **given,
                                             'profile': str(tmp_path / 'mine.yaml')})
        assert {spec.namespace for spec in bringup.nodes(values)} == {expected}


def test_the_robot_is_looked_at_on_hardware_and_in_simulation_when_asked():
    for given, looks in (({'robot': 'real'}, True), ({'robot': 'sim'}, False),
                         ({'robot': 'sim', 'preflight': 'on'}, True),
                         ({'robot': 'real', 'preflight': 'off'}, False)):
        bringup, values = resolve('deploy', given)
        specs = {spec.name: spec for spec in bringup.nodes(values)}
        assert specs['arbiter'].parameters['preflight'] is looks


def test_deployed_means_the_promoted_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bringup, values = resolve('deploy', {'checkpoint': 'deployed', 'task': 'maze'})
    with pytest.raises(IlwError, match='Promote a checkpoint first'):
        bringup.nodes(values)
    saved = save_checkpoint(tmp_path / 'trained', load_contract(config_file('tasks', 'maze')),
                            {'history': 1, 'horizon': 1}, {GRAPH: b'', WEIGHTS: b''})
    place = tmp_path / 'deployed/maze' / saved.hash[:16]
    place.parent.mkdir(parents=True)
    saved.path.rename(place)
    (place.parent / 'current').symlink_to(place.name)
    policy = next(spec for spec in bringup.nodes(values) if spec.name == 'policy')
    assert policy.parameters['checkpoint'] == str(place)


def test_a_twist_is_a_twist_with_or_without_a_stamp(clutter):
    assert clutter.action.commands[0].paths_in(STAMPED) == ('twist.linear.x', 'twist.angular.z')
    assert clutter.action.commands[0].paths_in(TWIST) == ('linear.x', 'angular.z')
    assert same_command(TWIST, STAMPED) and not same_command(TWIST, 'std_msgs/msg/String')
    with pytest.raises(ContractError, match='cannot be sent as'):
        clutter.action.commands[0].paths_in('std_msgs/msg/Float64')
