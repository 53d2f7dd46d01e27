"""An action on several topics, fields that hold their place, and the sticks that move them."""

import numpy as np
import pytest

from ilw_core.contract.field_path import follow, is_path, steps_of
from ilw_core.contract.file import parse_contract
from ilw_core.contract.planar_twist import field_index, twist_command, twist_fields
from ilw_core.contract.stick import Moved
from ilw_core.errors import ContractError

ARM = """
contract: mobile_arm
version: 1
rate_hz: 10
observation:
  base: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  commands:
    arm:
      topic: arm/joint_trajectory
      type: trajectory_msgs/msg/JointTrajectory
      set: {joint_names: [lift, wrist], 'points[0].time_from_start.nanosec': 100000000}
    gripper: {topic: gripper/commands, type: std_msgs/msg/Float64MultiArray}
    base: {topic: cmd_vel, type: geometry_msgs/msg/Twist}
  fields:
    - {name: lift, command: arm, field: 'points[0].positions[0]', unit: m, min: 0.0, max: 0.4,
       max_rate: 0.2, on_stale: hold, measured: base.forward_mps}
    - {name: forward, command: base, field: linear.x, unit: m/s, min: -0.5, max: 0.5,
       max_rate: 1.0}
    - {name: wrist, command: arm, field: 'points[0].positions[1]', unit: rad, min: -1.0, max: 1.0,
       max_rate: 2.0, on_stale: hold, start: 0.25}
    - {name: turn, command: base, field: angular.z, unit: rad/s, min: -1.5, max: 1.5,
       max_rate: 3.0, on_stale: stop}
    - {name: grip, command: gripper, field: 'data[0]', unit: m, min: 0.0, max: 0.08,
       max_rate: 0.1, on_stale: 0.08}
  on_stale: stop
teleop:
  mode_button: guide
  modes:
    drive: {forward: forward, turn: turn}
    reach: {left_stick_y: lift, right_stick_x: -wrist}
  buttons: {grip: [right_trigger, dpad_x]}
"""


def changed(*swaps):
    text = ARM
    for old, new in swaps:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return parse_contract(text)


def test_every_field_is_in_its_command_and_stops_as_it_says():
    action = parse_contract(ARM).action
    assert action.names == ('lift', 'forward', 'wrist', 'turn', 'grip')
    assert action.paths == ('points[0].positions[0]', 'linear.x', 'points[0].positions[1]',
                            'angular.z', 'data[0]')
    assert [command.fields for command in action.commands] == [(0, 2), (4,), (1, 3)]
    assert action.topics == {
        'arm/joint_trajectory': 'trajectory_msgs/msg/JointTrajectory',
        'gripper/commands': 'std_msgs/msg/Float64MultiArray', 'cmd_vel': 'geometry_msgs/msg/Twist'}
    assert dict(action.commands[0].constants) == {
        'joint_names': ['lift', 'wrist'], 'points[0].time_from_start.nanosec': 100000000}
    assert np.array_equal(action.stop, [np.nan, 0.0, np.nan, 0.0, 0.08], equal_nan=True)
    assert np.array_equal(action.begin, [np.nan, 0.0, 0.25, 0.0, 0.08], equal_nan=True)
    assert action.rest.tolist() == [0.0, 0.0, 0.25, 0.0, 0.08]
    assert action.measured == ('base.forward_mps', '', '', '', '')
    halted = action.halted(np.array([0.3, 0.4, 0.5, 0.6, 0.0]))
    assert halted.tolist() == [0.3, 0.0, 0.5, 0.0, 0.08]
    assert action.place(2) == (action.commands[0], 1)


def test_a_base_among_other_commands_is_found_by_its_twist():
    action = parse_contract(ARM).action
    assert twist_fields(action, 'It') == (1, 3)
    command, places = twist_command(action)
    assert (command.topic, places) == ('cmd_vel', (0, 1))
    assert command.paths_in('geometry_msgs/msg/TwistStamped') == ('twist.linear.x',
                                                                  'twist.angular.z')
    assert field_index(action, 'linear.y') is None


def test_sticks_and_modes_are_no_part_of_what_is_learnt():
    contract = parse_contract(ARM)
    assert contract.stick.modes == {'drive': {'forward': Moved(1), 'turn': Moved(3)},
                                    'reach': {'left_stick_y': Moved(0),
                                              'right_stick_x': Moved(2, -1.0)}}
    assert contract.stick.buttons == {'right_trigger': Moved(4), 'dpad_x': Moved(4, -1.0)}
    assert contract.stick.names == ('forward', 'turn', 'left_stick_y', 'right_stick_x',
                                    'right_trigger', 'dpad_x', 'guide')
    without = parse_contract(ARM[:ARM.index('teleop:')])
    assert without.hash == contract.hash
    assert without.stick.modes == {'': {'forward': Moved(1), 'turn': Moved(3)}}


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('command: base, field: linear.x', 'command: wheels, field: linear.x', 'one of arm, gripper'),
    ('command: base, field: linear.x, ', 'field: linear.x, ', r'fields\[1\].command is required'),
    ("field: 'data[0]'", "field: 'data[-1]'", 'a field of the message'),
    ("field: 'data[0]'", "field: 'data[5000]'", 'a field of the message'),
    ("'points[0].positions[1]'", "'points[0].positions[0]'", 'must be set once'),
    ('joint_names: [lift, wrist]', "'points[0].positions[0]': 1.0", 'must be set once'),
    ('joint_names: [lift, wrist]', 'joint_names: {a: 1}', 'a list of them'),
    ('joint_names: [lift, wrist]', 'joint_names: []', 'a list of them'),
    ('topic: gripper/commands', 'topic: cmd_vel', 'another than those before it'),
    ("command: gripper, field: 'data[0]'", 'command: base, field: linear.y',
     'None of action.fields names it'),
    ('on_stale: hold, measured: base.forward_mps', 'on_stale: hold', r'fields\[0\].measured must'),
    ('on_stale: hold, start: 0.25', 'on_stale: hold, start: 1.25', r'fields\[2\].start'),
    ('on_stale: 0.08', 'on_stale: 0.09', 'within min and max'),
    ('on_stale: 0.08', 'on_stale: 0.08, start: 0.0', r'fields\[4\].measured must'),
    ('max_rate: 3.0, on_stale: stop', 'max_rate: 3.0, on_stale: hold', 'a velocity'),
    ('measured: base.forward_mps', 'measured: base.height', 'must be an observed number'),
    ('unit: m, min: 0.0, max: 0.4', 'unit: m/s, min: 0.0, max: 0.4', 'a velocity'),
    ('forward: forward, turn: turn', 'forward: forward, turn: forward', 'no other axis moves'),
    ('forward: forward, turn: turn', 'forward: ahead', 'an action field'),
    ('[right_trigger, dpad_x]', '[right_trigger]', 'two buttons'),
    ('[right_trigger, dpad_x]', '[guide, dpad_x]', 'moves nothing'),
    ('  mode_button: guide\n', '', 'mode_button is required'),
    ('buttons: {grip', 'buttons: {gripper', 'an action field'),
])
def test_a_mistake_is_named_in_one_line(old, new, said):
    with pytest.raises(ContractError, match=said) as caught:
        changed((old, new))
    assert '\n' not in str(caught.value) and str(caught.value).startswith('contract.')


def test_one_command_and_several_do_not_mix():
    with pytest.raises(ContractError, match='left out where there are commands'):
        changed(('action:\n', 'action:\n  command: {topic: a, type: std_msgs/msg/Float64}\n'))


def test_paths_go_through_names_and_places():
    assert steps_of('points[0].positions[3]') == ('points', 0, 'positions', 3)
    assert steps_of('matrix[1][2].x') == ('matrix', 1, 2, 'x')
    assert follow([[1, 2], [3, 4]], (1, 0)) == 3
    assert not any(map(is_path, ('', '.', 'a.', 'a[', 'a[-1]', 'a[x]', '[0]', 'a b', '__class__',
                                 'a[99999]', 'a.' * 200)))
