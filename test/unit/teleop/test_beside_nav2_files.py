"""The files of config/examples/beside_nav2 fit together, and are what the page shows."""

from pathlib import Path

import pytest
import yaml

from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_folder
from ilw_teleop.arbiter.robot_profile import load_profile

FOLDER = config_folder() / 'examples' / 'beside_nav2'
PAGE = Path(__file__).resolve().parents[3] / 'docs' / 'how-to' / 'beside_nav2.md'
NAV2 = {'controller_server', 'behavior_server', 'velocity_smoother', 'docking_server',
        'collision_monitor'}
"""Nodes of Nav2 in Jazzy that send or take velocity commands"""


def parameters(name):
    """Return node -> its parameters, as ROS reads the file."""
    nodes = yaml.safe_load((FOLDER / name).read_text())
    assert all(set(node) == {'ros__parameters'} for node in nodes.values())
    return {node: held['ros__parameters'] for node, held in nodes.items()}


def test_the_arbiters_topic_is_the_input_of_twist_mux_that_goes_before_all_others():
    mux = parameters('twist_mux.yaml')['twist_mux']
    profile = load_profile(FOLDER / 'robot.yaml')
    inputs = mux['topics']
    assert all(set(each) == {'topic', 'timeout', 'priority'} for each in inputs.values())
    assert inputs['ilw']['topic'] == profile.interface.topics['cmd_vel']
    ranks = {name: each['priority'] for name, each in inputs.items()}
    assert len({*ranks.values()}) == len(ranks)
    assert max(ranks, key=ranks.get) == 'ilw' and ranks['ilw'] <= 255 and min(ranks.values()) > 0
    assert len({each['topic'] for each in inputs.values()}) == len(inputs)


def test_the_arbiter_speaks_several_times_before_twist_mux_forgets_it():
    inputs = parameters('twist_mux.yaml')['twist_mux']['topics']
    assert inputs['ilw']['timeout'] >= 3 / named_contract('turtlebot3').rate_hz


def test_one_message_type_goes_from_end_to_end():
    nodes = parameters('nav2.yaml')
    assert set(nodes) == NAV2
    assert {node['enable_stamped_cmd_vel'] for node in nodes.values()} == {True}
    # Its default; twist_mux 4.4.0 may end with an error where a file names it.
    assert 'use_stamped' not in parameters('twist_mux.yaml')['twist_mux']
    assert load_profile(FOLDER / 'robot.yaml').interface.command_type == (
        'geometry_msgs/msg/TwistStamped')


def test_the_collision_monitor_is_between_twist_mux_and_the_base():
    monitor = parameters('nav2.yaml')['collision_monitor']
    assert monitor['cmd_vel_out_topic'] == 'cmd_vel'
    assert f'-r cmd_vel_out:={monitor["cmd_vel_in_topic"]} ' in PAGE.read_text()


@pytest.mark.parametrize('name', ['robot.yaml', 'twist_mux.yaml', 'nav2.yaml'])
def test_the_page_shows_the_whole_file(name):
    shown = f'```yaml\n# config/examples/beside_nav2/{name}\n'
    assert shown + (FOLDER / name).read_text() + '```\n' in PAGE.read_text()
