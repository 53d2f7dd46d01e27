"""The shipped launch files, where launch_ros is installed (it is not on PyPI)."""

from pathlib import Path
import runpy

import pytest

from ilw_bringup.start.bringup import BRINGUPS, resolve

LAUNCH = Path(__file__).resolve().parents[3] / 'launch'
FILES = sorted(LAUNCH.glob('*.launch.py'))
NAMES = [path.name.removesuffix('.launch.py') for path in FILES]
RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


def test_every_bringup_has_its_launch_file():
    assert set(NAMES) == set(BRINGUPS)


@pytest.fixture
def launched():
    """Return a function from a bring-up's name and arguments to its description and its nodes."""
    pytest.importorskip('launch_ros', reason='launch_ros comes with a ROS installation, not PyPI')
    from launch.actions import DeclareLaunchArgument, OpaqueFunction
    from launch_ros.actions import Node

    from launch import LaunchContext

    def launch(name, **given):
        description = runpy.run_path(str(LAUNCH / f'{name}.launch.py'))[
            'generate_launch_description']()
        context, started = LaunchContext(), []
        context.launch_configurations.update(given)
        for entity in description.entities:
            if isinstance(entity, DeclareLaunchArgument):
                entity.visit(context)
            elif isinstance(entity, OpaqueFunction):
                started = entity.visit(context)
        return description, [node for node in started if isinstance(node, Node)]

    return launch


def variables(node):
    return {key[0].text: value[0].text for key, value in node.additional_env}


@pytest.mark.parametrize('name', NAMES)
def test_a_launch_file_declares_and_starts_what_the_bringup_says(launched, name):
    description, nodes = launched(name)
    bringup, values = resolve(name, {})
    assert [n.node_executable for n in nodes] == [s.executable for s in bringup.nodes(values)]
    declared = [a.name for a in description.get_launch_arguments()]
    assert declared == [a.name for a in BRINGUPS[name].arguments]


@pytest.mark.parametrize('name', NAMES)
def test_launched_nodes_find_this_machine_only_unless_told_otherwise(launched, name, monkeypatch):
    monkeypatch.delenv(RANGE, raising=False)
    for network, found in (('auto', 'LOCALHOST'), ('subnet', 'SUBNET')):
        nodes = launched(name, network=network)[1]
        assert nodes and all(variables(n).items() >= {RANGE: found}.items() for n in nodes)


@pytest.mark.parametrize('name', NAMES)
def test_a_file_of_parameters_the_log_level_and_rviz_can_be_given_to_every_launch(
        launched, name, tmp_path):
    mine = tmp_path / 'mine.yaml'
    mine.write_text('arbiter: {ros__parameters: {max_age_s: 0.3}}')
    _, nodes = launched(name, params_file=str(mine), log_level='debug', rviz='true')
    assert nodes[-1].node_package == 'rviz2'
    from launch.utilities import perform_substitutions

    from launch import LaunchContext

    for node in nodes[:-1]:
        node._perform_substitutions(context := LaunchContext())
        context.extend_locals({'ros_specific_arguments': {'name': '', 'ns': ''}})
        line = [perform_substitutions(context, part) for part in node.cmd]
        assert line[line.index('--log-level') + 1] == 'debug'
        assert [word for i, word in enumerate(line) if line[i - 1] == '--params-file'][-1] == (
            str(mine)), 'the file has the last word'


def test_launched_nodes_get_their_keys_and_no_launch_starts_that_cannot_be_secured(
        launched, monkeypatch, tmp_path):
    from ilw_bringup.security import enforcement
    from ilw_core.errors import IlwError

    with pytest.raises(IlwError, match='not a keystore'):
        launched('teleop', security=str(tmp_path))
    monkeypatch.setattr(enforcement, 'require_enforcement', lambda *_, **__: None)
    _, nodes = launched('teleop', security=str(tmp_path), namespace='robot1')
    for node in nodes:
        assert variables(node)['ROS_SECURITY_STRATEGY'] == 'Enforce'
        assert variables(node)['ROS_SECURITY_KEYSTORE'] == str(tmp_path)
        line = ' '.join(str(getattr(part[0], 'text', '')) for part in node.cmd)
        assert '--enclave /robot1/' in line
