"""The view that ships for RViz: what it shows is there, with a profile that hears it."""

import pytest
import yaml

from ilw_bringup.security.node_uses import node_uses
from ilw_bringup.start.shared_files import shared_file
from ilw_core.errors import IlwError

VIEW = yaml.safe_load(shared_file('rviz/ilw.rviz').read_text())
MANAGER = VIEW['Visualization Manager']
DISPLAYS = {display['Name']: display for display in MANAGER['Displays']}
LATCHED = {'map', 'goal', 'robot_description'}


def topic(display):
    return display.get('Topic') or display.get('Description Topic')


def test_the_view_shows_topics_that_the_simulator_publishes(clutter):
    published = node_uses(clutter, simulated=True)['sim'].publishes
    shown = {topic(d)['Value'] for d in DISPLAYS.values() if topic(d)} - {'plan'}
    assert shown <= set(published)
    assert shown >= {'scan', 'odom', *LATCHED}


def test_a_latched_topic_is_subscribed_as_one_and_a_sensor_as_best_effort():
    for display in DISPLAYS.values():
        if topic(display):
            latched = topic(display)['Value'] in LATCHED
            assert (topic(display)['Durability Policy'] == 'Transient Local') is latched
    assert topic(DISPLAYS['Lidar'])['Reliability Policy'] == 'Best Effort'


def test_it_is_fixed_to_odom_with_the_panels_and_tools_that_a_person_expects():
    assert MANAGER['Global Options']['Fixed Frame'] == 'odom'
    assert {panel['Class'] for panel in VIEW['Panels']} >= {
        'rviz_common/Displays', 'rviz_common/Views', 'rviz_common/Time'}
    tools = {tool['Class'].split('/')[1] for tool in MANAGER['Tools']}
    assert tools >= {'SetGoal', 'SetInitialPose', 'Measure', 'MoveCamera', 'PublishPoint'}
    kinds = {display['Class'].split('/')[1] for display in DISPLAYS.values()}
    assert kinds >= {'RobotModel', 'LaserScan', 'Path', 'TF', 'Map', 'Odometry', 'Pose'}


def test_a_file_that_is_not_shared_is_named():
    with pytest.raises(IlwError, match=r'rviz/other\.rviz was not found'):
        shared_file('rviz/other.rviz')
