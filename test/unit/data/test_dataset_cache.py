"""What names the arrays of a bag in the cache: everything that they follow from."""

from dataclasses import replace
import os

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ilw_core.contract.file import parse_contract
from ilw_core.features.lidar_spec import LidarSpec
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_data.bag.marks import END_BYTES
from ilw_data.bag.raw.messages import Channel, RawMessage
from ilw_data.bag.reader import BagTopic, _joined
from ilw_data.episode.dataset import _key, load_episode

SIZE = 10 * END_BYTES


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'bag.mcap').write_bytes(bytes(SIZE))
    (tmp_path / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    return tmp_path


def key(folder, contract, meta=None):
    return _key(EpisodeFolder(folder, meta or {}), contract)


@pytest.mark.parametrize('at', [0, 100, END_BYTES - 1, SIZE - END_BYTES, SIZE - 9, SIZE - 1])
def test_a_bag_of_the_same_size_and_time_but_other_ends_is_another(folder, maze, at):
    before, state = key(folder, maze), (folder / 'bag.mcap').stat()
    with (folder / 'bag.mcap').open('r+b') as stream:
        stream.seek(at)
        stream.write(b'x')
    os.utime(folder / 'bag.mcap', ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (folder / 'bag.mcap').stat().st_mtime_ns == state.st_mtime_ns
    assert key(folder, maze) != before


def test_another_size_time_span_contract_or_lidar_is_another(folder, maze, clutter):
    state = (folder / 'bag.mcap').stat()
    found = [key(folder, maze), key(folder, clutter),
             key(folder, parse_contract(maze.text.replace('rate_hz: 10', 'rate_hz: 5'))),
             key(folder, maze.declaring(LidarSpec(no_return='zero'))),
             key(folder, maze, {'span_ns': [1, 5]}), key(folder, maze, {'span_ns': [1, 6]})]
    os.utime(folder / 'bag.mcap', ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    found.append(key(folder, maze))
    with (folder / 'bag.mcap').open('ab') as stream:
        stream.write(b'\0')
    found.append(key(folder, maze))
    assert len(set(found)) == len(found)


def test_the_same_bag_and_contract_are_the_same(folder, maze):
    same = parse_contract(maze.text + '# a word\n')
    assert key(folder, maze) == key(folder, same)


def test_the_cache_gives_each_contract_its_own_arrays(maze, bags, tmp_path):
    bag = bags.write(tmp_path / 'bag', ticks=20, drive=lambda i: (0.01 * i, 0.02 * i))
    slower = parse_contract(maze.text.replace('rate_hz: 10', 'rate_hz: 5'))
    cache = tmp_path / 'cache'
    for _ in range(2):  # once made, once read
        assert len(load_episode(bag, maze, cache=cache).actions) == 19
        assert len(load_episode(bag, slower, cache=cache).actions) == 9
    assert len(list(cache.glob('*.npz'))) == 2


def test_a_damaged_cache_is_made_anew(maze, bags, tmp_path):
    bag = bags.write(tmp_path / 'bag', ticks=9, drive=lambda i: (0.01 * i, 0.0))
    cache = tmp_path / 'cache'
    first = load_episode(bag, maze, cache=cache).actions
    file, = cache.glob('*.npz')
    for damage in (b'', b'PK\x03\x04', file.read_bytes()[:-40]):
        file.write_bytes(damage)
        assert np.array_equal(load_episode(bag, maze, cache=cache).actions, first)


def test_another_contract_needs_leave(maze, bags, tmp_path):
    bag = bags.write(tmp_path / 'bag', ticks=9, meta={'contract_hash': 'f' * 64})
    with pytest.raises(Exception, match='another contract'):
        load_episode(bag, maze)
    assert len(load_episode(bag, maze, allow_other_contract=True).actions) == 8


# -- parts of a bag that are not in order

def test_messages_that_lie_in_any_order_are_read_in_that_of_the_log():
    channel = Channel('odom', 'pkg/msg/Any', 'cdr', '', 'ros2msg')
    parts = [RawMessage(channel, stamp, stamp + 1, bytes([stamp] * (stamp % 4 + 1)))
             for stamp in (30, 10, 25, 11, 10, 7)]
    found = _joined(parts, list(range(len(parts))))
    assert found.logged_ns.tolist() == [7, 10, 10, 11, 25, 30]
    data = [bytes(found.data[a:b]) for a, b in zip(found.begin, found.end, strict=True)]
    assert data == [bytes([stamp] * (stamp % 4 + 1)) for stamp in found.logged_ns]


def test_a_topic_without_header_has_the_times_of_its_log():
    logged = np.array([5, 9, 12])
    assert BagTopic(logged, {}).stamps_ns.tolist() == [5, 9, 12]


@pytest.mark.parametrize(('dead_from', 'steps'), [(20, 19), (12, 11), (5, 4)])
def test_there_is_no_tick_after_an_observed_topic_died(maze, bags, tmp_path, dead_from, steps):
    bag = bags.write(tmp_path / 'bag', ticks=20, leave_out=range(dead_from, 20))
    assert len(load_episode(bag, maze).actions) == steps


def test_a_label_is_the_newest_command_of_its_tick(maze, bags, tmp_path):
    episode = load_episode(bags.write(tmp_path / 'bag', ticks=12, silent=(4, 5),
                                      drive=lambda i: (0.03 * i, -0.1 * i)), maze)
    assert episode.action_valid.tolist() == [k not in (4, 5) for k in range(11)]
    assert episode.actions[7].tolist() == pytest.approx([0.21, -0.7])
    assert not episode.actions[4].any()
    assert replace(episode).stamps_ns[1] - episode.stamps_ns[0] == maze.period_ns


def two_topics(folder, last):
    """Write a bag of two odometries and commands, 10 a second, each up to its last tick."""
    store = get_typestore(Stores.ROS2_JAZZY)
    t, kinds = store.types, {'odom': 'nav_msgs/msg/Odometry', 'wheels': 'nav_msgs/msg/Odometry',
                             'cmd_vel': 'geometry_msgs/msg/TwistStamped'}
    zero = t['geometry_msgs/msg/Vector3'](x=0.1, y=0.0, z=0.0)
    twist = t['geometry_msgs/msg/Twist'](linear=zero, angular=zero)
    pose = t['geometry_msgs/msg/Pose'](
        position=t['geometry_msgs/msg/Point'](x=1.0, y=1.0, z=0.0),
        orientation=t['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0))
    none = np.zeros(36)
    placed = t['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=none)
    moving = t['geometry_msgs/msg/TwistWithCovariance'](twist=twist, covariance=none)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        channels = {name: bag.add_connection(f'/{name}', kind, typestore=store)
                    for name, kind in kinds.items()}
        for k in range(max(last.values()) + 1):
            at = 50_000_000_000 + k * 100_000_000
            header = t['std_msgs/msg/Header'](stamp=t['builtin_interfaces/msg/Time'](
                sec=at // 10**9, nanosec=at % 10**9), frame_id='odom')
            for name, kind in kinds.items():
                if k <= last[name]:
                    parts = {'twist': twist} if name == 'cmd_vel' else {
                        'child_frame_id': 'base', 'pose': placed, 'twist': moving}
                    message = t[kind](header=header, **parts)
                    bag.write(channels[name], at, store.serialize_cdr(message, kind))
    return folder


@pytest.mark.parametrize(('odom', 'wheels', 'steps'), [(19, 19, 19), (19, 12, 12), (7, 19, 7)])
def test_an_episode_ends_with_the_first_topic_that_died(maze, tmp_path, odom, wheels, steps):
    contract = parse_contract(maze.text.replace('observation:\n', (
        'observation:\n  wheels: {topic: wheels, type: nav_msgs/msg/Odometry, '
        'feature: body_twist}\n')))
    bag = two_topics(tmp_path / 'bag', {'odom': odom, 'wheels': wheels, 'cmd_vel': 19})
    episode = load_episode(bag, contract)
    assert len(episode.actions) == steps and episode.obs_valid.all()
