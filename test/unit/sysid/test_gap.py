"""The gap between two bags: what is found, what is said, what is written."""

from dataclasses import replace
import json

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from ilw_core.base.plant import Plant
from ilw_core.contract.file import parse_contract
from ilw_data.bag.reader import Bag
from ilw_sysid.gap.compare import compare
from ilw_sysid.gap.map_residuals import map_residuals
from ilw_sysid.gap.observations import Shift, distance, shift_findings
from ilw_sysid.gap.topics import unit_guess
from ilw_sysid.identify.replay import plant_model

CONTRACT = '''
contract: base
version: 1
rate_hz: 10
observation:
  odometry: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: -0.5, max: 0.5, max_rate: 1.0}
    - {name: twist.angular.z, unit: rad/s, min: -1.5, max: 1.5, max_rate: 4.0}
  on_stale: stop
'''
REAL = Plant(delay_s=0.12, lag_s=0.2, turn_lag_s=0.15, gain=0.9, turn_gain=0.85, pull_radpm=0.1,
             odom_noise_mps=0.005, odom_noise_radps=0.02)


@pytest.fixture(scope='module')
def pair(synthetic, tmp_path_factory):
    """The same driving of an ideal and of a real base."""
    folder = tmp_path_factory.mktemp('pair')
    for name, plant in (('sim', Plant()), ('real', REAL)):
        synthetic.record(folder / name, plant, synthetic.Recording(length_s=60.0), seed=5)
    (folder / 'base.yaml').write_text(CONTRACT)
    return folder


def said(gap, topic):
    return [f for f in gap.findings if f.topic == topic]


@pytest.mark.long
def test_two_bags_of_one_contract_are_compared_and_written(pair, tmp_path, typed):
    code, out, _ = typed('gap', pair / 'sim', pair / 'real', '--task',
                         pair / 'base.yaml', '--out', tmp_path / 'gap', '--json')
    report = json.loads(out)
    assert code == 0, report['findings']
    assert report['replay']['identified']['position_error_mean_m'] < (
        0.5 * report['replay']['default']['position_error_mean_m'])
    assert report['replay']['default']['position_m_per_m'] > 0.0
    assert {s['name'] for s in report['shifts']} == {
        'odometry.forward_mps', 'odometry.turn_radps', 'action twist.linear.x',
        'action twist.angular.z'}
    page = (tmp_path / 'gap' / 'gap.html').read_text()
    assert page.count('data:image/png;base64,') == 2
    assert 'Train over it' in page
    assert (tmp_path / 'gap' / 'replay.png').read_bytes()[:4] == b'\x89PNG'


def test_a_given_plant_and_another_simulator_replay_too(pair, typed, tmp_path):
    (tmp_path / 'mine.yaml').write_text('plant: mine\ndelay_s: 0.12\ngain: 0.9\n')
    code, out, _ = typed(
        'gap', pair / 'sim', pair / 'real', '--task', pair / 'base.yaml',
        '--plant', tmp_path / 'mine.yaml', '--json', '--simulator',
        'twin=ilw_sysid.identify.replay:plant_model')
    replays = json.loads(out)['replay']
    assert code == 0
    assert replays['twin, given'] == replays['given']
    assert set(replays) == {'default', 'given', 'twin, default', 'twin, given'}


def test_a_simulator_that_is_none_is_refused(pair, typed):
    code, *_ = typed('gap', pair / 'sim', pair / 'real', '--task',
                     pair / 'base.yaml', '--simulator', 'twin')
    assert code == 2


def test_without_a_map_that_is_said(pair, maze):
    gap = compare(pair / 'sim', pair / 'real', parse_contract(CONTRACT), REAL,
                  {'same': plant_model})
    assert 'no OccupancyGrid' in said(gap, 'map')[0].what
    assert gap.identified is None


def wave(i):
    return 0.2 + 0.1 * np.sin(0.3 * i), 0.5 + 0.2 * np.sin(0.2 * i)


@pytest.mark.long
@pytest.mark.parametrize(('real', 'topic', 'word', 'level'), [
    (lambda i: (wave(i)[0], -wave(i)[1]), 'action twist.angular.z', 'REP 103', 'warn'),
    (lambda i: (1000.0 * wave(i)[0], wave(i)[1]), 'action twist.linear.x', 'unit', 'bad'),
    (lambda i: (wave(i)[0], 57.29578 * wave(i)[1]), 'action twist.angular.z', 'unit', 'bad'),
])
def test_signs_and_units_that_were_mixed_up_are_found(bags, tmp_path, maze, real, topic, word,
                                                      level):
    paths = [bags.write(tmp_path / name, ticks=120, drive=drive)
             for name, drive in (('sim', wave), ('real', real))]
    gap = compare(*paths, maze)
    assert any(word in f.next_step and f.level == level for f in said(gap, topic))


def test_a_topic_that_is_missing_is_bad_and_says_what_to_do(bags, tmp_path, clutter):
    paths = [bags.write(tmp_path / name, ticks=60, drive=wave) for name in ('sim', 'real')]
    scan = said(compare(*paths, clutter), 'scan')
    assert scan[0].level == 'bad'
    assert 'simulated and the real' in scan[0].what
    assert 'remap' in scan[0].next_step


@pytest.mark.parametrize(('sim', 'real', 'word'), [
    (0.4, 400.0, 'millimetres for metres (real)'), (57.0, 1.0, 'degrees for radians (simulated)'),
    (0.4, 0.5, ''), (0.0, 0.5, '')])
def test_units_are_guessed_from_sizes(sim, real, word):
    assert unit_guess(sim, real) == word


@pytest.mark.parametrize(('unit', 'ratio', 'word'), [
    ('m', 57.3, ''), ('m', 1000.0, 'millimetres'), ('m', 3.6, ''), ('rad', 57.3, 'degrees'),
    ('rad', 1000.0, ''), ('m/s', 57.3, ''), ('m/s', 3.6, 'km/h'), ('rad/s', 57.3, 'degrees'),
    ('', 57.3, ''), ('', 1000.0, '')])
def test_only_mix_ups_of_its_own_unit_are_guessed(unit, ratio, word):
    for sim, real in ((0.1, 0.1 * ratio), (0.1 * ratio, 0.1)):
        guess = unit_guess(sim, real, unit)
        assert word in guess and bool(word) == bool(guess)


PLACES = CONTRACT.replace('action:', '  place: {topic: odom, type: nav_msgs/msg/Odometry, '
                          'feature: pose2d, x_m: [-90, 90], y_m: [-90, 90]}\naction:', 1)


def told(**spans):
    """Return what is said of numbers whose quantiles in both bags are given."""
    found = [Shift(name.replace('__', '.').replace('action_', 'action '), sim, real, 0.5,
                   (0.0, 0.0)) for name, (sim, real) in spans.items()]
    return {f.topic: f for f in shift_findings(parse_contract(PLACES), found)
            if 'distributed' not in f.what}


@pytest.mark.parametrize('times', [57.3, 100.0, 1000.0, -1.0, -57.3])
def test_a_coordinate_is_neither_in_another_unit_nor_turned_round(times):
    sim = (0.01, 0.02, 0.05)
    real = tuple(sorted(times * value for value in sim))
    assert told(place__x_m=(sim, real), place__yaw_sin=(sim, sim)) == {}


def test_who_drove_slower_or_the_other_way_made_no_mistake():
    left, right = (0.1, 0.3, 0.6), (-0.6, -0.3, -0.1)
    found = told(odometry__turn_radps=(left, right), action_twist__angular__z=(left, right),
                 odometry__forward_mps=((0.0, 0.05, 0.1), (0.0, 0.2, 0.36)))
    assert set(found) == {'action twist.angular.z'}
    assert 'If both bags drive alike' in found['action twist.angular.z'].next_step


@pytest.mark.parametrize(('name', 'sim', 'real', 'word'), [
    ('odometry__turn_radps', (0.1, 0.3, 0.6), (-0.6, -0.3, -0.1), 'mostly positive simulated'),
    ('odometry__forward_mps', (0.1, 0.2, 0.3), (-0.3, -0.2, -0.1), 'negative real'),
])
def test_a_speed_that_is_turned_round_where_its_command_is_not_is_told(name, sim, real, word):
    found = told(**{name: (sim, real)}, action_twist__angular__z=(sim, sim))
    assert [word in f.what for f in found.values()] == [True]


def test_the_distance_of_two_samples_is_worked_out_by_hand():
    assert distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])) == 0.5
    assert distance(np.zeros(3), np.zeros(5)) == 0.0



def mapped(synthetic, folder, mount_rad):
    """Record a base at (2, 1) in a room of 6 by 4 m with a map; its lidar is mounted turned."""
    store, t = synthetic.STORE, synthetic.STORE.types
    types = {'map': 'nav_msgs/msg/OccupancyGrid', 'scan': 'sensor_msgs/msg/LaserScan',
             'amcl_pose': 'geometry_msgs/msg/PoseWithCovarianceStamped'}
    angle = mount_rad - np.pi + np.arange(90) * (2.0 * np.pi / 90)
    with np.errstate(divide='ignore'):
        ranges = np.minimum(np.where(np.cos(angle) > 0, 4.0, -2.0) / np.cos(angle),
                            np.where(np.sin(angle) > 0, 3.0, -1.0) / np.sin(angle))
    cells = np.zeros((84, 124), dtype=np.int8)  # of 5 cm; walls are two cells wide
    cells[[0, 1, -1, -2], :] = 100
    cells[:, [0, 1, -1, -2]] = 100
    corner = synthetic.odometry_message(0.0, np.array([-0.1, -0.1, 0.0]), 0.0, 0.0).pose.pose
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        topics = {name: bag.add_connection(f'/{name}', kind, typestore=store)
                  for name, kind in types.items()}
        for i in range(30):
            at_s = 0.1 * i
            odom = synthetic.odometry_message(at_s, np.array([2.0, 1.0, 0.0]), 0.0, 0.0)
            messages = {
                'scan': synthetic.scan_message(at_s, ranges),
                'amcl_pose': t[types['amcl_pose']](header=odom.header, pose=odom.pose),
                'map': t[types['map']](header=odom.header, info=t['nav_msgs/msg/MapMetaData'](
                    map_load_time=odom.header.stamp, resolution=0.05, width=124, height=84,
                    origin=corner), data=cells.ravel())}
            for name, message in messages.items():
                bag.write(topics[name], synthetic.BEGIN_NS + round(at_s * 1e9),
                          store.serialize_cdr(message, types[name]))
    return Bag(folder)


def test_scans_lie_on_the_walls_of_their_map(synthetic, tmp_path):
    residuals, finding = map_residuals(mapped(synthetic, tmp_path / 'bag', 0.0))
    assert residuals.median_m < 0.051  # beams end at the face of a wall, one cell before it
    assert residuals.outside_ratio == 0.0
    assert residuals.scans == 30
    assert finding.level == 'ok'


def test_a_lidar_that_is_mounted_turned_is_noticed_on_the_map(synthetic, tmp_path):
    residuals, finding = map_residuals(mapped(synthetic, tmp_path / 'bag', 0.3))
    assert residuals.median_m > 0.1
    assert finding.level == 'warn'
    assert 'mount' in finding.next_step


def test_the_page_says_which_bag_is_which_and_mixes_no_units(bags, tmp_path, clutter, monkeypatch):
    from ilw_sysid.gap import page

    names, labels, drawn = [], [], []
    monkeypatch.setattr(page.plt.Axes, 'set_yticks', lambda axis, at, texts: names.extend(texts))
    monkeypatch.setattr(page.plt.Axes, 'set_xlabel', lambda axis, text: labels.append(text))
    monkeypatch.setattr(page.plt.Axes, 'hlines',
                        lambda axis, at, low, high, **_: drawn.append((low, high)))
    paths = [bags.write(tmp_path / name, ticks=60, drive=wave) for name in ('lab', 'street')]
    action = clutter.action
    bounds = zip((*clutter.obs_names, *(f'action {name}' for name in action.names)),
                 (*clutter.obs_low, *action.low), (*clutter.obs_high, *action.high), strict=True)
    all_of = tuple(Shift(name, (low, low, high), (low, high, high), float(i == 3 or 'act' in name),
                         (0.0, 0.0)) for i, (name, low, high) in enumerate(bounds))
    found = replace(compare(*paths, clutter), shifts=all_of)
    page.write(tmp_path / 'gap', found, clutter, *paths)
    text = (tmp_path / 'gap' / 'gap.html').read_text()
    assert 'lab (simulated) beside street (real)' in text
    assert f'<b>simulated</b></td><td>{paths[0]}' in text
    assert f'<b>real</b></td><td>{paths[1]}' in text
    assert {'action twist.linear.x (0 to 0.5 m/s)',
            'action twist.angular.z (-1.5 to 1.5 rad/s)'} <= set(names)
    assert any("part of the contract's range" in label for label in labels)
    for low, high in drawn:
        np.testing.assert_allclose((low, high), ([0.0] * len(low), [1.0] * len(high)))
