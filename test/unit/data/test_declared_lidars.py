"""Lidars that say "no return" in their own way, or see a part, are found and then work."""

from itertools import count
import math

from click.testing import CliRunner
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ilw_core.features.lidar_spec import LidarSpec
from ilw_core.storage.episode_folder import read_episode
from ilw_data.commands.episodes import episodes
from ilw_data.doctor import check_episodes
from ilw_data.episode.dataset import load_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
BEGIN_NS, STEP_NS = 1_750_000_000_000_000_000, 100_000_000
SCAN = 'sensor_msgs/msg/LaserScan'


def drive(path, spoil=lambda ranges: ranges, **driver):
    """Write four seconds of a robot that turns in a room; beyond 2.2 m nothing comes back."""
    rng = np.random.default_rng(0)
    says = {'angle_min': -math.pi, 'angle_increment': math.pi / 90, 'beams': 180, **driver}
    beams, first, step = says['beams'], says['angle_min'], says['angle_increment']
    last = says.get('angle_max', first + step * (beams - 1))

    def header(ns, frame):
        return T['std_msgs/msg/Header'](T['builtin_interfaces/msg/Time'](
            ns // 10 ** 9, ns % 10 ** 9), frame)

    def vector(x=0.0, z=0.0):
        return T['geometry_msgs/msg/Vector3'](x, 0.0, z)

    def pose(x, yaw):
        return T['geometry_msgs/msg/Pose'](
            T['geometry_msgs/msg/Point'](x, 0.0, 0.0),
            T['geometry_msgs/msg/Quaternion'](0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)))

    sent = [('goal', 'geometry_msgs/msg/PoseStamped', BEGIN_NS, T[
        'geometry_msgs/msg/PoseStamped'](header(BEGIN_NS, 'odom'), pose(4.0, 0.0)))]
    for i in range(40):
        ns, turn = BEGIN_NS + i * STEP_NS, 0.5 + 0.3 * math.sin(i)
        twist = T['geometry_msgs/msg/Twist'](vector(0.2), vector(z=turn))
        angles = first + step * np.arange(beams) + 0.05 * i
        ranges = (2.0 + 0.8 * np.cos(3 * angles) + 0.01 * rng.standard_normal(beams)).astype('f4')
        sent += [
            ('cmd_vel', 'geometry_msgs/msg/TwistStamped', ns, T['geometry_msgs/msg/TwistStamped'](
                header(ns, 'base_link'), twist)),
            ('odom', 'nav_msgs/msg/Odometry', ns, T['nav_msgs/msg/Odometry'](
                header(ns, 'odom'), 'base_link', T['geometry_msgs/msg/PoseWithCovariance'](
                    pose(0.02 * i, 0.05 * i), np.zeros(36)),
                T['geometry_msgs/msg/TwistWithCovariance'](twist, np.zeros(36)))),
            ('scan', SCAN, ns, T[SCAN](
                header(ns, 'laser'), first, last, step, 0.0, 0.1, says.get('range_min', 0.12), 3.5,
                spoil(ranges), np.zeros(0, dtype='f4')))]
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        topics = {}
        for topic, kind, ns, message in sent:
            if topic not in topics:
                topics[topic] = writer.add_connection(f'/{topic}', kind, typestore=STORE)
            writer.write(topics[topic], ns, STORE.serialize_cdr(message, kind))
    return path


def far(value):
    return lambda ranges: np.where(ranges > 2.2, np.float32(value), ranges)


@pytest.mark.parametrize(('word', 'value', 'driver'), [
    ('zero', 0.0, {}), ('nan', math.nan, {}), ('zero', 0.0, {'range_min': 0.0})])
def test_values_that_mean_no_return_are_found_and_then_work(
        tmp_path, clutter, word, value, driver):
    path = drive(tmp_path / 'take', far(value), **driver)
    found = [f for f in check_episodes(path, clutter).findings if f.kind in ('lidar', 'missing')]
    assert {f.level for f in found} == {'bad'}
    assert any(f'no_return: {word}' in f.text for f in found)
    assert not any('tolerance_ms' in f.text for f in found)
    declared = clutter.declaring(LidarSpec(word))
    report = check_episodes(path, declared)
    assert not [f for f in report.findings if f.kind in ('lidar', 'missing')]
    assert load_episode(path, declared).obs_valid.all()


def test_one_way_to_say_nothing_is_told_once_though_some_scans_show_less_than_others(
        tmp_path, clutter):
    scans = count()

    def more_and_more(ranges):
        return np.where(np.arange(len(ranges)) < 40 + 2 * next(scans), np.float32(0.0), ranges)

    found = check_episodes(drive(tmp_path / 'take', more_and_more), clutter).findings
    assert sum('no_return: zero' in each.text for each in found) == 1


@pytest.mark.parametrize(('driver', 'spoil', 'words'), [
    ({'beams': 271, 'angle_min': -2.356, 'angle_increment': 4.712 / 270}, None,
     'field_of_view_rad: [-2.36, 2.36]'),
    ({'angle_min': -180.0, 'angle_increment': 2.0}, None, 'degrees'),
    ({}, lambda ranges: 1000 * ranges, 'millimetres'),
    ({'angle_max': 0.0}, None, 'do not reach')])
def test_what_a_lidar_says_wrongly_is_named(tmp_path, clutter, driver, spoil, words):
    path = drive(tmp_path / 'take', spoil or (lambda ranges: ranges), **driver)
    report = check_episodes(path, clutter)
    lidar = [f for f in report.findings if f.kind == 'lidar']
    assert [f.level for f in lidar] == ['bad'] and words in lidar[0].text
    assert not any('tolerance_ms' in f.text for f in report.findings)


def test_an_honest_lidar_is_not_accused(tmp_path, clutter):
    path = drive(tmp_path / 'take', far(math.inf))
    assert not [f for f in check_episodes(path, clutter).findings if f.kind == 'lidar']


def test_a_declaration_is_kept_with_the_episode_and_in_the_key_of_the_cache(tmp_path, clutter):
    path, cache = drive(tmp_path / 'take', far(0.0)), tmp_path / 'cache'
    profile = tmp_path / 'mine.yaml'
    profile.write_text('robot: mine\nlidar: {no_return: zero}\n')
    assert not load_episode(path, clutter, cache=cache).obs_valid.all()
    declared = clutter.declaring(LidarSpec('zero'))
    assert load_episode(path, declared, cache=cache).obs_valid.all()
    done = CliRunner().invoke(episodes, [
        'import', str(path), '--task', 'clutter', '--profile', str(profile), '--out',
        str(tmp_path / 'demos')], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    made = next((tmp_path / 'demos').glob('*/episode.json')).parent
    assert read_episode(made).meta['lidar'] == {'no_return': 'zero'}
    assert load_episode(made, clutter).obs_valid.all(), 'nobody needs to say it again'
    checked = CliRunner().invoke(episodes, ['check', str(path), '--profile', str(profile)])
    assert 'no_return' not in checked.output
