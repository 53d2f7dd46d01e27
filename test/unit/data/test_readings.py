"""Recordings that tell what cannot be so: check, import, train, gap and identify all say it."""

import json
import math

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer

from ilw_core.contract.file import parse_contract
from ilw_core.errors import EpisodeError
from ilw_data.bag.reader import Bag
from ilw_data.doctor import check_episodes
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.readings import read_problems
from ilw_sysid.gap.compare import compare
from ilw_sysid.identify.drive import read_drive

CONTRACT = '''
contract: room
version: 1
rate_hz: 10
observation:
  goal: {topic: goal, type: geometry_msgs/msg/PoseStamped, feature: goal_polar,
         pose_from: velocity, align: {how: hold}}
  velocity: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: -0.5, max: 0.5, max_rate: 1.0}
    - {name: twist.angular.z, unit: rad/s, min: -1.5, max: 1.5, max_rate: 4.0}
  on_stale: stop
'''
HZ, LENGTH_S = 20, 12.0


@pytest.fixture(scope='module')
def room():
    return parse_contract(CONTRACT)


@pytest.fixture
def record(synthetic, tmp_path):
    """
    Return a writer of recordings of one smooth drive: record(name, **wrong) -> folder.

    ``odom``, ``goal`` and ``command`` change a message; ``tf`` is (parent, child, x, static).
    """
    store, t = synthetic.STORE, synthetic.STORE.types
    types = {**synthetic.TYPES, 'goal': 'geometry_msgs/msg/PoseStamped',
             'tf': 'tf2_msgs/msg/TFMessage', 'tf_static': 'tf2_msgs/msg/TFMessage'}

    def transforms(parent, child, x):
        odom = synthetic.odometry_message(0.0, np.zeros(3), 0.0, 0.0)
        odom.header.frame_id = parent
        return t[types['tf']](transforms=[t['geometry_msgs/msg/TransformStamped'](
            header=odom.header, child_frame_id=child,
            transform=t['geometry_msgs/msg/Transform'](
                translation=t['geometry_msgs/msg/Vector3'](x=x, y=0.0, z=0.0),
                rotation=odom.pose.pose.orientation))])

    def write(name, odom=None, goal=None, command=None, tf=None):
        place = synthetic.odometry_message(0.0, np.array([4.0, 1.0, 0.0]), 0.0, 0.0)
        target = t[types['goal']](header=place.header, pose=place.pose.pose)
        messages = [(0.0, 'goal', (goal or (lambda m: m))(target))]
        if tf:
            *ends, static = tf
            messages.append((0.0, 'tf_static' if static else 'tf', transforms(*ends)))
        x = y = yaw = 0.0
        for i in range(round(LENGTH_S * HZ)):
            at = i / HZ
            v, w = 0.25 + 0.2 * math.sin(0.7 * at), 0.9 * math.sin(0.8 * at)
            now = synthetic.odometry_message(at, np.array([x, y, yaw]), v, w)
            messages.append((at, 'odom', (odom or (lambda m: m))(now)))
            messages.append((at, 'cmd_vel', (command or (lambda m: m))(
                synthetic.command_message(at, v, w))))
            middle = yaw + 0.5 * w / HZ
            x, y = x + v * math.cos(middle) / HZ, y + v * math.sin(middle) / HZ
            yaw += w / HZ
        folder = tmp_path / name
        with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
            topics = {}
            for logged_s, topic, message in sorted(messages, key=lambda each: each[0]):
                if topic not in topics:
                    topics[topic] = bag.add_connection(f'/{topic}', types[topic], typestore=store)
                bag.write(topics[topic], synthetic.BEGIN_NS + round(logged_s * 1e9),
                          store.serialize_cdr(message, types[topic]))
        return folder

    return write


def orientation(change):
    """Return a change of odometry whose quaternion is (x, y, z, w) -> another."""
    def apply(message):
        q = message.pose.pose.orientation
        q.x, q.y, q.z, q.w = map(float, change(q.x, q.y, q.z, q.w))
        return message

    return apply


def scaled(path, factor):
    """Return a change that multiplies one number of a message."""
    def apply(message):
        *parents, last = path.split('.')
        owner = message
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, last, factor * getattr(owner, last))
        return message

    return apply


def both(*changes):
    def apply(message):
        for change in changes:
            message = change(message)
        return message

    return apply


def along_the_pose_frame(sides):
    def apply(message):
        q, twist = message.pose.pose.orientation, message.twist.twist
        yaw, v = 2.0 * math.atan2(q.z, q.w), twist.linear.x
        twist.linear.x, twist.linear.y = v * math.cos(yaw), sides * v * math.sin(yaw)
        return message

    return apply


def in_frame(name):
    def apply(message):
        message.header.frame_id = name
        return message

    return apply


MM = both(scaled('pose.pose.position.x', 1e3), scaled('pose.pose.position.y', 1e3))
WRONG = [
    ({'odom': orientation(lambda x, y, z, w: (0, 0, 0, 0))}, 'odom: its orientation', 'length 0.'),
    ({'odom': orientation(lambda x, y, z, w: (x, y, z, 0))}, 'odom: its orientation', 'length'),
    ({'odom': orientation(lambda x, y, z, w: (2 * x, 2 * y, 2 * z, 2 * w))}, 'odom', 'length 2.'),
    ({'odom': orientation(lambda x, y, z, w: (x, y, z, 0.9 * w))}, 'odom', 'length 0.9'),
    ({'odom': orientation(lambda x, y, z, w: (math.nan, y, z, w))}, 'odom', 'length nan'),
    ({'odom': orientation(lambda x, y, z, w: (0, 0, 0, 1))}, 'odom', 'itself (turn)'),
    ({'odom': orientation(lambda x, y, z, w: (0, 0, -z, w))}, 'odom', 'itself'),
    ({'odom': MM}, 'odom', 'itself (forward)'),
    ({'odom': both(MM, scaled('twist.twist.linear.x', 1e3))}, 'odom', 'millimetres?'),
    ({'odom': scaled('twist.twist.angular.z', 57.29578)}, 'odom', 'degrees?'),
    ({'odom': scaled('twist.twist.angular.z', -1.0)}, 'odom', 'itself (turn)'),
    ({'odom': scaled('twist.twist.linear.x', 0.0)}, 'odom', 'itself (forward)'),
    ({'odom': along_the_pose_frame(1.0)}, 'odom', 'child_frame_id'),
    ({'odom': along_the_pose_frame(0.0)}, 'odom', 'child_frame_id'),
    ({'odom': scaled('pose.pose.position.x', math.nan)}, 'odom', 'not finite'),
    ({'command': scaled('twist.angular.z', -1.0)}, 'odom', 'the turn rate has the opposite sign'),
    ({'command': scaled('twist.linear.x', -1.0)}, 'odom', 'the forward speed has the opposite'),
    ({'command': scaled('twist.linear.x', 1e3)}, 'cmd_vel', 'millimetres?'),
    ({'command': scaled('twist.angular.z', 57.29578)}, 'cmd_vel', 'degrees?'),
    ({'goal': in_frame('map')}, 'goal', "given in the frame 'map', odom in odom"),
    ({'goal': in_frame('/world')}, 'goal', "given in the frame 'world'"),
    ({'goal': in_frame('map'), 'tf': ('map', 'odom', 1.5, True)}, 'goal', "in the frame 'map'"),
    ({'goal': in_frame('map'), 'tf': ('map', 'odom', 0.4, False)}, 'goal', "in the frame 'map'"),
]


@pytest.mark.parametrize(('wrong', 'topic', 'word'), WRONG)
def test_what_cannot_be_so_is_bad_and_names_topic_value_and_what_to_do(
        record, room, wrong, topic, word):
    folder = record('bag', **wrong)
    told = [p for p in read_problems(Bag(folder), room) if p.bad]
    assert any(str(p).startswith(topic) and word in p.text for p in told), told
    found = [f for f in check_episodes(folder, room).findings if f.kind == 'reading']
    assert [f.text for f in found if f.level == 'bad'] == [str(p) for p in told]
    assert not any('tolerance_ms' in f.text for f in check_episodes(folder, room).findings)
    with pytest.raises(EpisodeError, match='would teach what is not so'):
        load_episode(folder, room, sound=True)


@pytest.mark.parametrize('right', [
    {}, {'goal': in_frame('/odom')}, {'goal': in_frame('')},
    {'goal': in_frame('map'), 'tf': ('map', 'odom', 0.0, True)},
    {'goal': in_frame('map'), 'tf': ('odom', 'map', 0.001, False)},
    {'odom': orientation(lambda x, y, z, w: (-x, -y, -z, -w))},  # the same rotation
    {'odom': orientation(lambda x, y, z, w: (x, y, 1.004 * z, 1.004 * w))},
    {'odom': scaled('twist.twist.linear.x', 1.3)},  # a wheel that is a little smaller than said
    {'command': scaled('twist.linear.x', 2.0)},  # a base that does not reach what it is told
])
def test_a_sound_recording_gives_no_finding(record, room, right):
    folder = record('bag', **right)
    assert read_problems(Bag(folder), room) == []
    assert load_episode(folder, room, sound=True).obs_valid.all()


def test_bases_of_known_truth_give_no_finding(synthetic, tmp_path):
    only = parse_contract(CONTRACT.replace(
        '  goal: {topic: goal, type: geometry_msgs/msg/PoseStamped, feature: goal_polar,\n'
        '         pose_from: velocity, align: {how: hold}}\n', ''))
    for style in synthetic.STYLES:
        plant = synthetic.random_plant(np.random.default_rng(len(style)))
        folder = synthetic.record(tmp_path / style, plant, synthetic.Recording(
            style=style, length_s=30.0), seed=len(style))
        assert read_problems(Bag(folder), only) == []


def test_one_odd_orientation_costs_its_ticks_and_no_more(record, room):
    seen = []

    def first(message):
        seen.append(message)
        return orientation(lambda *_: (0, 0, 0, 0))(message) if len(seen) == 61 else message

    folder = record('bag', odom=first)
    assert read_problems(Bag(folder), room) == []
    valid = load_episode(folder, room).obs_valid.all(axis=1)
    assert 0 < (~valid).sum() <= 2


def test_what_the_contract_does_not_read_makes_nothing_bad(record, maze):
    folder = record('bag', odom=scaled('twist.twist.linear.x', 0.0))
    assert not [p for p in read_problems(Bag(folder), maze) if p.bad]
    turned = record('other', odom=orientation(lambda x, y, z, w: (0, 0, 0, 0)))
    assert [p for p in read_problems(Bag(turned), maze) if p.bad]


def test_it_is_kept_in_the_cache_that_training_reads(record, room, tmp_path):
    folder, cache = record('bag', odom=MM), tmp_path / 'cache'
    for _ in range(2):
        assert len(load_episode(folder, room, cache=cache).actions)
        with pytest.raises(EpisodeError, match=r'odom: contradicts itself \(forward\)'):
            load_episode(folder, room, cache=cache, sound=True)


@pytest.fixture
def run(typed, tmp_path):
    (tmp_path / 'room.yaml').write_text(CONTRACT)

    def call(*words):
        code, out, err = typed(*words)
        return code, out + err

    return call


@pytest.mark.parametrize(('wrong', 'topic', 'word'), WRONG[::4])
def test_import_keeps_it_says_so_and_ends_with_1(record, run, tmp_path, wrong, topic, word):
    code, out = run('episodes', 'import', record('bag', **wrong), '--task', tmp_path / 'room.yaml',
                    '--out', tmp_path / 'demos')
    assert code == 1
    assert any(line.startswith(f'bad: {topic}') and word in line for line in out.splitlines())
    (made,) = (tmp_path / 'demos').glob('*/quality.json')
    quality = json.loads(made.read_text())
    assert quality['verdict'] == 'bad'
    assert any(word in reason for reason in quality['reasons'])


def test_train_leaves_it_out_and_says_why(record, run, tmp_path):
    record('demos', odom=orientation(lambda x, y, z, w: (2 * x, 2 * y, 2 * z, 2 * w)))
    code, out = run('train', '--demos', tmp_path / 'demos', '--task', tmp_path / 'room.yaml',
                    '--env', 'none', '--out', tmp_path / 'runs')
    assert code != 0
    assert 'length 2.' in out and 'None of 1 episodes' in out


@pytest.mark.long
@pytest.mark.parametrize('side', ['simulated', 'real'])
def test_gap_says_which_bag_it_is(record, room, side):
    bags = [record(name, odom=MM if name == side else None) for name in ('simulated', 'real')]
    found = [f for f in compare(*bags, room).findings if 'cannot be so' in f.what]
    assert [(f.level, f.topic) for f in found] == [('bad', 'odom')]
    assert f'in the {side} bag' in found[0].what


@pytest.mark.parametrize(('wrong', 'word'), [
    ({'odom': along_the_pose_frame(1.0)}, 'data contradict this model'),
    ({'odom': MM}, 'data contradict this model'),
    ({'odom': scaled('twist.twist.angular.z', -1.0)}, 'data contradict this model'),
    ({'command': scaled('twist.angular.z', -1.0)}, 'data contradict this model'),
    ({'odom': orientation(lambda x, y, z, w: (0, 0, 0, 0))}, 'length 0.'),
    ({'odom': scaled('twist.twist.linear.x', math.nan)}, 'that are numbers'),
    ({'command': scaled('twist.linear.x', math.nan)}, 'that are numbers'),
    ({'command': both(scaled('twist.linear.x', 0.0), scaled('twist.angular.z', 0.0))}, 'driving'),
])
def test_identify_writes_no_profile_of_it(record, run, tmp_path, wrong, word):
    code, out = run('identify', record('bag', **wrong), '--out', tmp_path / 'mine.yaml')
    assert code not in (0, None)
    assert word in out
    assert not (tmp_path / 'mine.yaml').exists()


def test_speeds_that_odometry_leaves_out_are_taken_from_its_poses(record):
    drive = read_drive(record('bag', odom=both(scaled('twist.twist.linear.x', 0.0),
                                               scaled('twist.twist.angular.z', 0.0))))
    assert np.abs(drive.speeds).max() > 0.4
