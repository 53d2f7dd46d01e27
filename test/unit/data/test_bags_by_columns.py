"""A bag read by columns is the bag read message by message, however it is stored or damaged."""

from dataclasses import replace
import os

import cv2
from mcap.writer import CompressionType, IndexType, Writer
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as RosbagWriter
from rosbags.typesys import Stores, get_typestore

from ilw_core.align import Resampler
from ilw_core.errors import EpisodeError
from ilw_data.bag.camera import COMPRESSED_IMAGE, Camera
from ilw_data.bag.columns import Columns
from ilw_data.bag.reader import Bag, Decoded, read_messages
from ilw_data.doctor import check_episodes
from ilw_data.episode.arrays import read_arrays
from ilw_data.episode.dataset import load_episode

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
MS = 1_000_000
BEGIN_NS = 50_000 * MS


def header(stamp_ns, frame='base'):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id=frame)


def vector(kind, x=0.0, y=0.0, z=0.0, **more):
    return T[f'geometry_msgs/msg/{kind}'](x=x, y=y, z=z, **more)


def pose(x, y, yaw):
    return T['geometry_msgs/msg/Pose'](position=vector('Point', x, y), orientation=vector(
        'Quaternion', z=np.sin(yaw / 2), w=np.cos(yaw / 2)))


def twist(v, w):
    return T['geometry_msgs/msg/Twist'](
        linear=vector('Vector3', v), angular=vector('Vector3', z=w))


def drive(rng, ticks=40):
    """Return (topic, type, logged_ns, message) of a clutter episode as a poor network sends it."""
    none, sent = np.zeros(36), []

    def send(topic, kind, stamp_ns, message):
        late_ns = int(rng.choice([1, 2, 260])) * MS
        sent.append((topic, kind, stamp_ns + late_ns, message))

    send('goal', 'geometry_msgs/msg/PoseStamped', BEGIN_NS, T['geometry_msgs/msg/PoseStamped'](
        header=header(BEGIN_NS), pose=pose(3.0, -2.0, 0.0)))
    for i in range(ticks * 5):
        at = BEGIN_NS + int(rng.integers(0, 5 * ticks)) * 20 * MS
        x, y, yaw, v, w = rng.normal(size=5)
        send('odom', 'nav_msgs/msg/Odometry', at, T['nav_msgs/msg/Odometry'](
            header=header(at, 'o' * (i % 7)), child_frame_id='b' * (i % 3),
            pose=T['geometry_msgs/msg/PoseWithCovariance'](pose=pose(x, y, yaw), covariance=none),
            twist=T['geometry_msgs/msg/TwistWithCovariance'](
                twist=twist(v if i % 31 else np.nan, w), covariance=none)))
        send('cmd_vel', 'geometry_msgs/msg/TwistStamped', at, T[
            'geometry_msgs/msg/TwistStamped'](header=header(at), twist=twist(v, w)))
        beams = int(rng.choice([0, 36, 90]))
        ranges = rng.uniform(0.0, 6.0, beams).astype(np.float32)
        ranges[::7] = rng.choice(np.array([np.inf, np.nan, -0.0, 0.0], dtype=np.float32))
        if i % 3 == 0:
            send('scan', 'sensor_msgs/msg/LaserScan', at, T['sensor_msgs/msg/LaserScan'](
                header=header(at), angle_min=float(np.float32(rng.choice([0.0, -3.1]))),
                angle_max=0.0, angle_increment=float(np.float32(0.07)), time_increment=0.0,
                scan_time=0.0, range_min=float(np.float32(rng.choice([0.0, 0.1]))), range_max=9.0,
                ranges=ranges, intensities=np.zeros(0, dtype=np.float32)))
    return sorted(sent, key=lambda each: each[2])


def write_mcap(folder, sent, compression=CompressionType.NONE, index=IndexType.ALL, chunk=4000):
    folder.mkdir()
    (folder / 'metadata.yaml').write_text(metadata(folder, sent))
    channels = {}
    with (folder / f'{folder.name}.mcap').open('wb') as stream:
        writer = Writer(stream, chunk_size=chunk, compression=compression, index_types=index)
        writer.start(profile='ros2', library='test')
        for topic, kind, logged_ns, message in sent:
            if topic not in channels:
                schema = writer.register_schema(
                    kind, 'ros2msg', STORE.generate_msgdef(kind)[0].encode())
                channels[topic] = writer.register_channel(f'/{topic}', 'cdr', schema)
            writer.add_message(channels[topic], logged_ns,
                               bytes(STORE.serialize_cdr(message, kind)), logged_ns)
        writer.finish()
    return folder


def metadata(folder, sent):
    kinds = dict((topic, kind) for topic, kind, _, _ in sent)
    topics = ''.join(f"""
  - topic_metadata: {{name: /{topic}, type: {kind}, serialization_format: cdr,
                     offered_qos_profiles: [], type_description_hash: ''}}
    message_count: {sum(s[0] == topic for s in sent)}""" for topic, kind in kinds.items())
    return f"""rosbag2_bagfile_information:
  version: 9
  storage_identifier: mcap
  duration: {{nanoseconds: 1}}
  starting_time: {{nanoseconds_since_epoch: 0}}
  message_count: {len(sent)}
  compression_format: ''
  compression_mode: ''
  relative_file_paths: [{folder.name}.mcap]
  files: []
  custom_data: {{}}
  ros_distro: jazzy
  topics_with_message_count:{topics}
"""


def one_tick_after_another(folder, contract, ticks):
    """Return what the live resampler gives when it is handed the decoded bag."""
    resampler = Resampler(contract, keep=None)
    for item in read_messages(folder):
        for source in contract.sources:
            if source.topic == item.topic:
                resampler.push(source.name, item.stamp_ns, item.message)
    seen = [resampler.observe(int(tick)) for tick in ticks]
    return np.stack([o.values for o in seen]), np.stack([o.valid for o in seen])


@pytest.mark.parametrize('seed', range(5))
def test_columns_give_what_the_live_resampler_gives_to_the_bit(clutter, tmp_path, seed):
    folder = write_mcap(tmp_path / 'one', drive(np.random.default_rng(seed)))
    arrays = read_arrays(Bag(folder), clutter)
    values, valid = one_tick_after_another(folder, clutter, arrays['stamps_ns'])
    assert len(values) > 20
    assert 0 < valid.sum() < valid.size
    assert arrays['obs'].tobytes() == values.tobytes()
    assert np.array_equal(arrays['obs_valid'], valid)


@pytest.mark.parametrize('how', ['lz4', 'zstd', 'no index', 'sqlite3'])
def test_how_a_bag_is_stored_does_not_change_what_is_in_it(clutter, tmp_path, how):
    sent = drive(np.random.default_rng(0))
    plain = read_arrays(Bag(write_mcap(tmp_path / 'plain', sent)), clutter)
    if how == 'sqlite3':
        with RosbagWriter(tmp_path / 'other', version=9,
                          storage_plugin=StoragePlugin.SQLITE3) as bag:
            connections = {topic: bag.add_connection(f'/{topic}', kind, typestore=STORE)
                           for topic, kind in {s[0]: s[1] for s in sent}.items()}
            for topic, kind, logged_ns, message in sent:
                bag.write(connections[topic], logged_ns, STORE.serialize_cdr(message, kind))
    elif how == 'no index':
        write_mcap(tmp_path / 'other', sent, index=IndexType.NONE)
    else:
        write_mcap(tmp_path / 'other', sent, CompressionType[how.upper()])
    other = read_arrays(Bag(tmp_path / 'other'), clutter)
    for name, values in plain.items():
        assert values.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize('how', [CompressionType.NONE, CompressionType.ZSTD])
def test_an_indexed_bag_is_read_without_decoding_a_message(clutter, tmp_path, monkeypatch, how):
    folder = write_mcap(tmp_path / 'one', drive(np.random.default_rng(0)), how)
    monkeypatch.setattr('ilw_data.bag.reader.RawBag', None)
    bag = Bag(folder)
    assert all(isinstance(t.fields, Columns) for t in bag.topics(bag.types).values())


def test_a_type_too_unusual_for_columns_is_decoded(tmp_path):
    kind = 'sensor_msgs/msg/JointState'
    names = [str(i) for i in range(300)]
    sent = [('joints', kind, BEGIN_NS, T[kind](
        header=header(BEGIN_NS), name=names, position=np.arange(300.0), velocity=np.zeros(0),
        effort=np.zeros(0)))]
    topic = Bag(write_mcap(tmp_path / 'one', sent)).topics({'joints'})['joints']
    assert isinstance(topic.fields, Decoded)
    assert topic.stamps_ns.tolist() == [BEGIN_NS]
    assert topic.fields.lengths('position').tolist() == [300]
    assert topic.fields.column('position')[0].tolist() == list(range(300))


@pytest.mark.parametrize('how', [CompressionType.NONE, CompressionType.LZ4])
def test_damage_anywhere_is_refused_or_harmless(clutter, tmp_path, how):
    folder = write_mcap(tmp_path / 'one', drive(np.random.default_rng(0)), how)
    whole = read_arrays(Bag(folder), clutter)
    file = folder / 'one.mcap'
    sound, rng, refused = file.read_bytes(), np.random.default_rng(1), 0
    for _ in range(60):
        damaged = bytearray(sound)
        damaged[int(rng.integers(len(damaged)))] ^= int(rng.integers(1, 256))
        file.write_bytes(damaged)
        try:
            arrays = read_arrays(Bag(folder), clutter)
        except EpisodeError:
            refused += 1
            continue
        assert all(arrays[name].tobytes() == values.tobytes() for name, values in whole.items())
    assert refused > 0


def test_a_field_the_message_lacks_is_named(maze, bags, tmp_path):
    command = replace(maze.action.commands[0], paths=('twist.linear.x', 'twist.spin'))
    contract = replace(maze, action=replace(maze.action, commands=(command,)))
    with pytest.raises(EpisodeError, match=r'It has no twist\.spin: twist has angular, linear'):
        load_episode(bags.write(tmp_path / 'one'), contract)


def test_an_episode_of_another_contract_is_shown_and_never_dropped(maze, bags, tmp_path):
    bags.write(tmp_path / 'one', meta={'contract_hash': 'f' * 64})
    finding, = [each for each in check_episodes(tmp_path, maze, 'maze').findings
                if each.level == 'bad']
    assert finding.kind == 'contract' and 'under another contract' in finding.text
    assert finding.command == f'./ilw episodes show {tmp_path / "one"}'


def test_the_cache_notices_another_bag_at_the_same_place(bags, maze, tmp_path):
    cache, folder = tmp_path / 'cache', bags.write(tmp_path / 'one')
    first = load_episode(folder, maze, cache=cache)
    other = bags.write(tmp_path / 'two', drive=lambda i: (0.1, 0.2))
    file = next(folder.glob('*.mcap'))
    file.write_bytes(next(other.glob('*.mcap')).read_bytes())
    second = load_episode(folder, maze, cache=cache)
    assert not np.array_equal(first.actions, second.actions)
    assert len(list(cache.iterdir())) == 2
    moved = folder.rename(tmp_path / 'moved')
    assert np.array_equal(load_episode(moved, maze, cache=cache).actions, second.actions)
    assert len(list(cache.iterdir())) == 2, 'where a bag lies does not matter'
    file = next(moved.glob('*.mcap'))
    os.utime(file, ns=(0, 1))
    load_episode(moved, maze, cache=cache)
    assert len(list(cache.iterdir())) == 3, 'one that was touched is read again'


def frames_sent(*, damaged=False):
    rng = np.random.default_rng(0)
    sent = []
    for i in range(4):
        image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        data = cv2.imencode('.jpg', image)[1].reshape(-1)
        data = data[:9] if damaged and i == 2 else data
        sent.append(('camera', COMPRESSED_IMAGE, BEGIN_NS + i, T[COMPRESSED_IMAGE](
            header=header(BEGIN_NS + i), format='jpeg', data=data)))
    return sent


@pytest.mark.parametrize('threads', [1, 2])
def test_frames_are_those_that_were_recorded(tmp_path, threads):
    sent = frames_sent()
    camera = Camera(Bag(write_mcap(tmp_path / 'one', sent)), 'camera')
    expected = [cv2.imdecode(s[3].data, cv2.IMREAD_COLOR) for s in sent]
    assert camera.stamps_ns.tolist() == [BEGIN_NS + i for i in range(4)]
    assert all(np.array_equal(camera.compressed(i), s[3].data) for i, s in enumerate(sent))
    assert all(map(np.array_equal, camera.frames(), expected))
    assert np.array_equal(camera.stack([2, 0], threads=threads), [expected[2], expected[0]])


def test_a_damaged_frame_and_a_topic_of_another_type_are_named(bags, tmp_path):
    camera = Camera(Bag(write_mcap(tmp_path / 'one', frames_sent(damaged=True))), 'camera')
    with pytest.raises(EpisodeError, match='frame 2 cannot be decoded'):
        camera.stack(range(4))
    with pytest.raises(EpisodeError, match='Got nav_msgs/msg/Odometry'):
        Camera(Bag(bags.write(tmp_path / 'two')), 'odom')


@pytest.mark.parametrize('error', [TypeError, AttributeError, NameError, AssertionError])
def test_a_mistake_in_the_fast_path_is_not_hidden_by_the_slow_one(maze, bags, tmp_path,
                                                                  monkeypatch, error):
    def mistaken(*_):
        raise error('a mistake in the code')

    monkeypatch.setattr(Bag, '_indexed_topics', mistaken)
    with pytest.raises(error, match='a mistake'):
        Bag(bags.write(tmp_path / 'bag')).topics(['odom'])


@pytest.mark.parametrize('error', [ValueError, KeyError, IndexError, OSError, OverflowError,
                                   EOFError, MemoryError])
def test_what_damaged_bytes_raise_leads_to_the_slow_path(maze, bags, tmp_path, monkeypatch,
                                                         error):
    bag = bags.write(tmp_path / 'bag')
    fast = Bag(bag).topics(['odom'])['odom'].stamps_ns

    def damaged(*_):
        raise error('these bytes are not what they claim')

    monkeypatch.setattr(Bag, '_indexed_topics', damaged)
    assert np.array_equal(Bag(bag).topics(['odom'])['odom'].stamps_ns, fast)
