"""What each value of a contract means, and that each counts: one change at a time."""

import re

import numpy as np
import pytest
import yaml

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.contract.schema import Section, shown
from ilw_core.errors import ContractError, IlwError
from ilw_core.features.lidar_spec import LidarSpec

TEXT = """
contract: asymmetric
version: 1
rate_hz: 8
observation:
  lidar: {topic: scan, type: sensor_msgs/msg/LaserScan, feature: lidar_sectors, sectors: 12,
          range_max_m: 4.5, align: {how: asof, tolerance_ms: 170}}
  goal: {topic: goal, type: geometry_msgs/msg/PoseStamped, feature: goal_polar,
         pose_from: velocity, distance_max_m: 11.0, align: {how: hold}}
  velocity: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist, speed_max_mps: 1.5,
             turn_max_radps: 2.5}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: -0.2, max: 0.5, max_rate: 2.0, max_acceleration: 4.0,
       max_jerk: 30.0, stop_rate: 1.5}
    - {name: twist.angular.z, unit: rad/s, min: -1.2, max: 1.4, max_rate: 8.0}
  discrete: {stop: [0, 0], ahead: [0.5, 0], back: [-0.2, 1.4], turn: [0.1, -1.2]}
  on_stale: stop
reward: {goal: 1.5, collision: -2.0, step: -0.01}
termination: {goal_radius_m: 0.25, timeout_s: 45}
safety:
  clamps: {beyond_ratio: 0.2, in_a_row: 7}
  deceleration_mps2: 1.7
  footprint: {radius_m: 0.21, margin_m: 0.03}
  scan: {topic: scan, mount: [0.12, -0.04, 0.7], max_age_ms: 310}
  workspace: {topic: odom, x_m: [-1.0, 2.0], y_m: [-3.0, 4.0], max_age_ms: 420}
scene: {task: clutter, size_m: 6.0}
"""
MINIMAL = """
contract: minimal
version: 1
rate_hz: 16
observation:
  velocity: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd, type: std_msgs/msg/Float64MultiArray}
  fields: [{name: 'data[0]', unit: rad, min: 1.0, max: 2.0, max_rate: 3.0, start: 1.5}]
  on_stale: hold
"""


def leaves(data, path=()):
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def changed(path, change):
    data = yaml.safe_load(TEXT)
    at = data
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = change(at[path[-1]])
    return yaml.safe_dump(data, sort_keys=False)


NUMBERS = [path for path, value in leaves(yaml.safe_load(TEXT))
           if isinstance(value, (int, float)) and path != ('version',)]


@pytest.mark.parametrize('path', NUMBERS, ids=lambda path: '.'.join(map(str, path)))
def test_every_number_changes_the_hash_but_those_of_safety(path):
    def nudge(value):
        if path[-1] in ('sectors', 'in_a_row'):
            return value + 1
        return value + {'min': -0.01, 'max': 0.01}.get(path[-1], 1e-4 - 0.01 * value)

    here, there = parse_contract(TEXT), parse_contract(changed(path, nudge))
    assert (here.hash == there.hash) is (path[0] == 'safety')


def test_every_number_is_where_it_belongs():
    c = parse_contract(TEXT)
    assert (c.name, c.version, c.rate_hz, c.period_ns) == ('asymmetric', 1, 8.0, 125_000_000)
    assert c.reward == {'goal': 1.5, 'collision': -2.0, 'step': -0.01, 'success': 0.0,
                        'failure': 0.0}
    assert (c.goal_radius_m, c.timeout_s) == (0.25, 45.0)
    lidar, goal, velocity = c.sources
    assert (lidar.align.how, lidar.align.tolerance_ns) == ('asof', 170_000_000)
    assert goal.align.how == 'hold'
    assert (velocity.align.how, velocity.align.tolerance_ns) == ('asof', 250_000_000)
    assert c.obs_dim == 12 + 3 + 2
    assert c.obs_low.tolist() == [0.0] * 12 + [0.0, -1.0, -1.0] + [-1.5, -2.5]
    assert c.obs_high.tolist() == [4.5] * 12 + [11.0, 1.0, 1.0] + [1.5, 2.5]
    action = c.action
    assert (action.names, action.units) == (('twist.linear.x', 'twist.angular.z'),
                                            ('m/s', 'rad/s'))
    assert action.low.tolist() == [-0.2, -1.2] and action.high.tolist() == [0.5, 1.4]
    assert action.max_rate.tolist() == [2.0, 8.0]
    assert action.max_acceleration.tolist() == [4.0, np.inf]
    assert action.max_jerk.tolist() == [30.0, np.inf]
    assert action.stop_rate.tolist() == [1.5, np.inf]
    assert action.table.tolist() == [[0, 0], [0.5, 0], [-0.2, 1.4], [0.1, -1.2]]
    safety = c.safety
    assert (safety.clamp_ratio, safety.clamps_in_a_row) == (0.2, 7)
    assert (safety.radius_m, safety.margin_m, safety.deceleration_mps2) == (0.21, 0.03, 1.7)
    assert (safety.scan.topic, safety.scan.mount, safety.scan.max_age_ns) == (
        'scan', (0.12, -0.04, 0.7), 310_000_000)
    box = safety.workspace
    assert (box.topic, box.low_m, box.high_m, box.max_age_ns) == (
        'odom', (-1.0, -3.0), (2.0, 4.0), 420_000_000)
    assert c.topics == {
        'scan': 'sensor_msgs/msg/LaserScan', 'goal': 'geometry_msgs/msg/PoseStamped',
        'odom': 'nav_msgs/msg/Odometry', 'cmd_vel': 'geometry_msgs/msg/TwistStamped'}


def test_what_is_left_out_has_its_default():
    c = parse_contract(MINIMAL)
    assert c.reward == dict.fromkeys(('goal', 'collision', 'step', 'success', 'failure'), 0.0)
    assert (c.goal_radius_m, c.timeout_s) == (0.3, 60.0)
    assert c.sources[0].align.tolerance_ns == 125_000_000 and c.sources[0].align.how == 'asof'
    assert c.action.holds.all() and c.action.table.shape == (0, 1)
    assert (c.safety.clamp_ratio, c.safety.clamps_in_a_row) == (0.1, 10)
    assert c.safety.scan is None and c.safety.workspace is None
    scan = parse_contract(TEXT.replace(', mount: [0.12, -0.04, 0.7], max_age_ms: 310', '')
                          .replace(', margin_m: 0.03', '')).safety
    assert (scan.scan.mount, scan.scan.max_age_ns) == ((0.0, 0.0, 0.0), 250_000_000)
    assert scan.margin_m == 0.02


WORSE = [
    ('rate_hz: 8', 'rate_hz: 0.09', 'rate_hz'), ('rate_hz: 8', 'rate_hz: 1000.5', 'rate_hz'),
    ('tolerance_ms: 170', 'tolerance_ms: -1', 'tolerance_ms'),
    ('tolerance_ms: 170', 'tolerance_ms: 1.1e+6', 'tolerance_ms'),
    ('max: 0.5', 'max: 1.1e+9', 'max'), ('min: -0.2', 'min: -1.1e+9', 'min'),
    ('min: -0.2', 'min: 0.5', 'greater than min'), ('max_rate: 2.0', 'max_rate: 0', 'max_rate'),
    ('max_rate: 2.0', 'max_rate: 1.1e+9', 'max_rate'), ('max_rate: 2.0, ', '', 'max_rate'),
    ('max_acceleration: 4.0,', '', 'max_acceleration'),
    ('stop_rate: 1.5', 'stop_rate: 0', 'stop_rate'),
    ('ahead: [0.5, 0]', 'ahead: [0.5001, 0]', 'within min and max'),
    ('ahead: [0.5, 0]', 'ahead: [-0.2001, 0]', 'within min and max'),
    ('turn: [0.1, -1.2]', 'turn: [0.1, -1.2001]', 'within min and max'),
    ('turn: [0.1, -1.2]', 'turn: [0.1, 1.4001]', 'within min and max'),
    ('turn: [0.1, -1.2]', 'turn: [0.1]', 'list of 2'),
    ('name: twist.angular.z', 'name: twist.linear.x', 'another field'),
    ('name: twist.angular.z', 'name: twist angular', 'field of the message'),
    ('goal_radius_m: 0.25', 'goal_radius_m: -0.01', 'goal_radius_m'),
    ('timeout_s: 45', 'timeout_s: 0.09', 'timeout_s'),
    ('goal: 1.5', 'goal: 2.0e+9', 'goal'), ('goal: 1.5', 'gaol: 1.5', 'gaol'),
    ('on_stale: stop', 'on_stale: hold', 'on_stale'),
    ('on_stale: stop', 'on_stale: [0.1, 0]', 'on_stale'),
    ('beyond_ratio: 0.2', 'beyond_ratio: -0.1', 'beyond_ratio'),
    ('in_a_row: 7', 'in_a_row: 0', 'in_a_row'), ('in_a_row: 7', 'in_a_row: 10001', 'in_a_row'),
    ('deceleration_mps2: 1.7', 'deceleration_mps2: 0.009', 'deceleration_mps2'),
    ('margin_m: 0.03', 'margin_m: -0.01', 'margin_m'),
    ('max_age_ms: 310', 'max_age_ms: 0.5', 'max_age_ms'),
    ('mount: [0.12, -0.04, 0.7]', 'mount: [0.12, -0.04]', 'mount'),
    ('x_m: [-1.0, 2.0]', 'x_m: [2.0, 2.0]', 'x_m'), ('y_m: [-3.0, 4.0]', 'y_m: [4, -3]', 'y_m'),
    ('topic: goal', 'topic: scan', 'type must be that'),
    ('type: nav_msgs/msg/Odometry', 'type: nav_msgs/Odometry', 'message type'),
    ('contract: asymmetric', 'contract: a/b', 'letters'), ('version: 1', 'version: 0', 'version'),
    ('scene: {task: clutter, size_m: 6.0}', 'scene: 3', 'scene'),
    ('scene:', 'scenes:', 'scenes'), ('how: hold', 'how: held', 'how'),
    ('pose_from: velocity', 'pose_from: lidar2', 'not an observation'),
    ('twist.angular.z', 'twist.angular.y', 'planar twist'),
    ('collision: -2.0', 'collision: -2.0e+9', 'collision'),
    ('step: -0.01', 'step: 1.1e+9', 'step'),
    ('goal_radius_m: 0.25', 'goal_radius_m: 1.1e+6', 'goal_radius_m'),
    ('timeout_s: 45', 'timeout_s: 1.1e+6', 'timeout_s'),
    ('beyond_ratio: 0.2', 'beyond_ratio: 10.1', 'beyond_ratio'),
    ('deceleration_mps2: 1.7', 'deceleration_mps2: 1000.5', 'deceleration_mps2'),
    ('{radius_m: 0.21', '{radius_m: 0.0009', 'radius_m'),
    ('{radius_m: 0.21', '{radius_m: 100.5', 'radius_m'),
    ('margin_m: 0.03', 'margin_m: 100.5', 'margin_m'),
    ('max_age_ms: 420', 'max_age_ms: 1.1e+6', 'max_age_ms'),
    ('max_acceleration: 4.0', 'max_acceleration: 0', 'max_acceleration'),
    ('max_jerk: 30.0', 'max_jerk: 0', 'max_jerk'),
    ('stop_rate: 1.5', 'stop_rate: 1.1e+9', 'stop_rate'),
    ('fields:\n', 'fields: []\n  others:\n', 'at least one action field'),
]


@pytest.mark.parametrize(('old', 'new', 'word'), WORSE)
def test_each_bound_is_kept_and_named(old, new, word):
    assert old in TEXT
    with pytest.raises(ContractError, match=re.escape(word)):
        parse_contract(TEXT.replace(old, new, 1))


def mappings(data, path=()):
    if isinstance(data, dict):
        yield path
    for key, value in (data.items() if isinstance(data, dict) else
                       enumerate(data) if isinstance(data, list) else ()):
        if key != 'scene':  # whose options are the task's
            yield from mappings(value, (*path, key))


@pytest.mark.parametrize('path', list(mappings(yaml.safe_load(TEXT))),
                         ids=lambda path: '.'.join(map(str, path)) or 'root')
def test_a_key_that_nobody_knows_is_refused_wherever_it_stands(path):
    data = yaml.safe_load(TEXT)
    at = data
    for key in path:
        at = at[key]
    at['unknown'] = 1
    with pytest.raises(ContractError, match='unknown'):
        parse_contract(yaml.safe_dump(data, sort_keys=False))


@pytest.mark.parametrize('line', [
    'contract: minimal', 'version: 1', 'rate_hz: 16', 'on_stale: hold', 'fields: ', 'command: ',
    'observation:', 'unit: rad', 'min: 1.0', 'max: 2.0', 'max_rate: 3.0', "name: 'data"])
def test_what_a_contract_cannot_do_without_is_named_when_it_is_missing(line):
    key = line.partition(':')[0]
    with pytest.raises(ContractError, match=rf'{key} is required and missing'):
        parse_contract(MINIMAL.replace(line, line.replace(key, f'{key}_x', 1), 1))


def test_a_date_in_a_scene_is_a_value_like_any_other():
    made = [parse_contract(TEXT.replace('size_m: 6.0', f'made: {day}'))
            for day in ('2026-01-02', '2026-01-03')]
    assert made[0].hash != made[1].hash


BOUNDS = [
    ('rate_hz: 8', 'rate_hz: 0.1'), ('rate_hz: 8', 'rate_hz: 1000'),
    ('tolerance_ms: 170', 'tolerance_ms: 0'), ('max_rate: 2.0', 'max_rate: 1.0e-9'),
    ('max_rate: 2.0', 'max_rate: 1.0e+9'), ('ahead: [0.5, 0]', 'ahead: [-0.2, -1.2]'),
    ('goal_radius_m: 0.25', 'goal_radius_m: 0'), ('timeout_s: 45', 'timeout_s: 0.1'),
    ('beyond_ratio: 0.2', 'beyond_ratio: 0'), ('in_a_row: 7', 'in_a_row: 1'),
    ('in_a_row: 7', 'in_a_row: 10000'), ('margin_m: 0.03', 'margin_m: 0'),
    ('deceleration_mps2: 1.7', 'deceleration_mps2: 0.01'), ('max_age_ms: 310', 'max_age_ms: 1'),
    ('on_stale: stop', 'on_stale: [0, 0]'), ('max_acceleration: 4.0,\n       max_jerk: 30.0,',
                                             ''),
]


@pytest.mark.parametrize(('old', 'new'), BOUNDS)
def test_each_bound_itself_is_allowed(old, new):
    assert old in TEXT
    parse_contract(TEXT.replace(old, new, 1))


@pytest.mark.parametrize(('stale', 'stop'), [
    ('stop', [0.0]), ('[0.25]', [0.25]), ('[-0.5]', [-0.5]), ('[0.5]', [0.5])])
def test_a_position_stops_where_the_contract_says(stale, stop):
    text = MINIMAL.replace('on_stale: hold', f'on_stale: {stale}').replace(
        'min: 1.0, max: 2.0', 'min: -0.5, max: 0.5').replace(', start: 1.5', '')
    assert parse_contract(text).action.stop.tolist() == stop


@pytest.mark.parametrize('stale', ['stop', '[2.1]', '[0.9]', '[1.5, 1.5]', '3'])
def test_a_stop_that_the_robot_may_not_take_is_refused(stale):
    text = MINIMAL.replace(', start: 1.5', '')
    with pytest.raises(ContractError, match='on_stale'):
        parse_contract(text.replace('on_stale: hold', f'on_stale: {stale}'))


@pytest.mark.parametrize(('action', 'nearest'), [
    ((0.4, 0.1), 'ahead'), ((0.1, -0.7), 'turn'), ((0.16, 0.1), 'stop'), ((-0.1, 0.9), 'back'),
    ((0.36, -0.5), 'ahead'), ((0.22, 0.9), 'stop')])
def test_the_nearest_choice_weighs_each_value_by_its_range(action, nearest):
    spec = parse_contract(TEXT).action
    assert list(spec.discrete)[int(spec.nearest(np.array([action]))[0])] == nearest


def test_files_of_a_scene_lie_beside_the_contract_or_in_the_shipped_folder(tmp_path):
    (tmp_path / 'mine.yaml').write_text(TEXT)
    (tmp_path / 'world.yaml').write_text('x: 1')
    contract = load_contract(tmp_path / 'mine.yaml')
    assert contract.folder == tmp_path and contract.text == TEXT
    assert contract.scene_file('world.yaml') == tmp_path / 'world.yaml'
    assert contract.scene_file('maze.yaml').parent.name == 'tasks'
    assert parse_contract(TEXT).scene_file('maze.yaml').name == 'maze.yaml'
    with pytest.raises(IlwError):
        contract.scene_file('nowhere.yaml')


def test_what_is_declared_of_a_lidar_changes_how_scans_are_read_and_nothing_else():
    contract = parse_contract(TEXT)
    declared = contract.declaring(LidarSpec(no_return='zero'))
    assert declared.lidar.no_return == 'zero' and declared.hash == contract.hash
    assert [s.name for s in declared.sources] == [s.name for s in contract.sources]
    changed = [a.feature is not b.feature
               for a, b in zip(declared.sources, contract.sources, strict=True)]
    assert changed == [True, False, False]


# -- the reader below it

def section(**data):
    return Section(data, 'file: part')


@pytest.mark.parametrize(('value', 'good'), [
    (2.0, True), (5, True), (1.99, False), (5.01, False), (True, False), ('3', False),
    (float('nan'), False), (float('inf'), False), (10 ** 400, False)])
def test_a_number_is_finite_and_within_its_bounds(value, good):
    if good:
        assert section(x=value).number('x', low=2.0, high=5.0) == value
    else:
        with pytest.raises(ContractError, match=r'file: part\.x must be'):
            section(x=value).number('x', low=2.0, high=5.0)


@pytest.mark.parametrize(('value', 'good'), [(2, True), (7, True), (1, False), (8, False),
                                             (2.0, False), (True, False), (None, False)])
def test_a_whole_number_is_one_and_within_its_bounds(value, good):
    if good:
        assert section(x=value).integer('x', low=2, high=7) == value
    else:
        with pytest.raises(ContractError, match=r'file: part\.x'):
            section(x=value).integer('x', low=2, high=7)


@pytest.mark.parametrize('value', [-1e12, 0, 3.5, 1e12])
def test_a_number_without_bounds_may_be_any_that_is_finite(value):
    assert section(x=value).number('x') == value
    assert section(x=None).number('x', 2.5) == 2.5


def test_an_interval_is_a_number_or_two_in_order():
    assert section(x=3).interval('x', 1.0, 4.0) == (3.0, 3.0)
    assert section(x=[1, 4]).interval('x', 1.0, 4.0) == (1.0, 4.0)
    assert section(x=[2, 2]).interval('x', 1.0, 4.0) == (2.0, 2.0)
    for wrong in ([0.9, 4], [1, 4.1], [3, 2], [1], 0.9, 4.1):
        with pytest.raises(ContractError, match=r'file: part\.x'):
            section(x=wrong).interval('x', 1.0, 4.0)


@pytest.mark.parametrize(('name', 'good'), [
    ('a', True), ('_a/b_2', True), ('a' * 128, True), ('a' * 129, False), ('/a', False),
    ('a//b', False), ('2a', False), ('a b', False), ('', False), (3, False)])
def test_a_topic_is_relative_and_short(name, good):
    if good:
        assert section(topic=name).topic() == name
    else:
        with pytest.raises(ContractError, match='topic'):
            section(topic=name).topic()


def test_what_nobody_asked_for_is_a_mistake_and_null_is_not_there():
    part = section(a=1, b=None, c=2)
    assert part.take('a') == 1 and part.take('b', 5) == 5
    assert part.has('a') and not part.has('b') and not part.has('d')
    with pytest.raises(ContractError, match=r"unknown key 'c'.*a, b"):
        part.done()
    assert part.rest() == {'c': 2}
    part.done()
    with pytest.raises(ContractError, match='required'):
        part.take('b', required=True)
    assert part.keys() == ['a', 'b', 'c']


def test_what_is_shown_of_a_value_is_short():
    assert shown('a' * 500).count('a') < 121 and '...' in shown('a' * 500)
    assert shown(list(range(12))) == str(list(range(12)))
    assert shown(list(range(13))).endswith('11, ...]')
