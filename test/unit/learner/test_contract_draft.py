"""A contract is drafted from recordings that nobody here made, by what is in them."""

import json
import math

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ilw_core.base.base_fit import BaseFigures
from ilw_core.contract.file import load_contract
from ilw_core.errors import EpisodeError
from ilw_core.storage.locate import config_file
from ilw_data.commands.contract import draft as draft_command
from ilw_data.commands.episodes import episodes
from ilw_data.drafting.draft import draft_contract
from ilw_data.drafting.figures import agreement, bounds, kept_rate_hz, largest_rates, up
from ilw_learner import cli
from ilw_learner.training.config import load_config

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
BEGIN_NS = 1_700_000_000_000_000_000
ODOM, TWIST, STAMPED = ('nav_msgs/msg/Odometry', 'geometry_msgs/msg/Twist',
                        'geometry_msgs/msg/TwistStamped')
GOAL, LOCATED, SCAN = ('geometry_msgs/msg/PoseStamped',
                       'geometry_msgs/msg/PoseWithCovarianceStamped', 'sensor_msgs/msg/LaserScan')


def header(at_s, frame):
    at_ns = BEGIN_NS + round(at_s * 1e9)
    return T['std_msgs/msg/Header'](stamp=T['builtin_interfaces/msg/Time'](
        sec=at_ns // 10**9, nanosec=at_ns % 10**9), frame_id=frame)


def vector(x=0.0, y=0.0, z=0.0):
    return T['geometry_msgs/msg/Vector3'](x=x, y=y, z=z)


def twist(v, w, y=0.0):
    return T[TWIST](linear=vector(v, y), angular=vector(z=w))


def pose(x, y, yaw=0.0):
    return T['geometry_msgs/msg/Pose'](
        position=T['geometry_msgs/msg/Point'](x=x, y=y, z=0.0),
        orientation=T['geometry_msgs/msg/Quaternion'](
            x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2)))


def odometry(at_s, v, w, frame='odom', place=(0.0, 0.0, 0.0)):
    none = np.zeros(36)
    return T[ODOM](header=header(at_s, frame), child_frame_id='base_link',
                   pose=T['geometry_msgs/msg/PoseWithCovariance'](
                       pose=pose(*place), covariance=none),
                   twist=T['geometry_msgs/msg/TwistWithCovariance'](
                       twist=twist(v, w), covariance=none))


def scan(at_s, low=-math.pi, high=math.pi, beams=180, reach=8.0):
    step = (high - low) / (beams - 1)
    return T[SCAN](header=header(at_s, 'laser'), angle_min=low, angle_max=high,
                   angle_increment=step, time_increment=0.0, scan_time=0.1, range_min=0.1,
                   range_max=reach, ranges=np.full(beams, 2.0, np.float32),
                   intensities=np.zeros(0, np.float32))


def forward(t):
    return 0.2 + 0.15 * math.sin(0.7 * t)


def turn(t):
    return 0.6 * math.sin(1.1 * t)


def moves(kind=STAMPED, v=forward, w=turn, rate_hz=20.0, begin_s=0.0, end_s=30.0):
    """Return a stream of commands."""
    def make(t):
        if kind == TWIST:
            return twist(v(t), w(t))
        return T[STAMPED](header=header(t, 'base_link'), twist=twist(v(t), w(t)))
    return kind, rate_hz, make, begin_s, end_s


def seen(rate_hz=40.0, lag_s=0.1, frame='odom', v=forward, w=turn):
    """Return a stream of odometry that follows."""
    step_s = 0.005
    at_s = np.arange(0.0, 31.0, step_s) - lag_s
    yaw = np.cumsum([w(t) for t in at_s]) * step_s
    speed = np.array([v(t) for t in at_s]) * step_s
    places = np.stack([np.cumsum(speed * np.cos(yaw)), np.cumsum(speed * np.sin(yaw)), yaw], 1)
    return ODOM, rate_hz, lambda t: odometry(
        t, v(t - lag_s), w(t - lag_s), frame, places[round(t / step_s)]), 0.0, 30.0


def write(folder, storage=StoragePlugin.MCAP, **streams):
    """Write a recording: topic, with ``__`` for ``/`` -> stream."""
    messages = []
    with Writer(folder, version=9, storage_plugin=storage) as bag:
        for number, (name, (kind, rate_hz, make, begin_s, end_s)) in enumerate(streams.items()):
            topic = bag.add_connection('/' + name.replace('__', '/'), kind, typestore=STORE)
            for i in range(round((end_s - begin_s) * rate_hz)):
                at_s = begin_s + i / rate_hz + 0.001 * number
                messages.append((at_s, topic, kind, make(at_s)))
        for at_s, topic, kind, message in sorted(messages, key=lambda each: each[0]):
            bag.write(topic, BEGIN_NS + round(at_s * 1e9), STORE.serialize_cdr(message, kind))
    return folder


@pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize(('kind', 'prefix'), [(STAMPED, 'twist.'), (TWIST, '')])
def test_a_draft_names_topics_types_ranges_and_rates_and_is_usable(
        tmp_path, storage, kind, prefix):
    made = draft_contract(write(tmp_path / 'their-bag', storage, odom=seen(), cmd_vel=moves(kind)))
    contract = made.contract
    assert contract.name == 'their-bag' and contract.rate_hz == 20.0
    assert contract.topics == {'odom': ODOM, 'cmd_vel': kind}
    assert contract.action.names == (f'{prefix}linear.x', f'{prefix}angular.z')
    np.testing.assert_allclose(contract.action.low, [0.0, -0.6])
    np.testing.assert_allclose(contract.action.high, [0.35, 0.6])
    # The steepest: 0.15 * 0.7 and 0.6 * 1.1 per second; but ten seconds cross the whole range.
    np.testing.assert_allclose(contract.action.max_rate, [0.11, 0.66], atol=0.011)
    assert '20.0 Hz, 600 messages' in contract.text and '40.0 Hz, 1200 messages' in contract.text
    assert "frames 'odom' and 'base_link'" in contract.text
    assert contract.timeout_s == 45.0
    assert made.usable and made.steps == pytest.approx(598, abs=3)


@pytest.mark.parametrize(('folder', 'name'), [
    ('clutter', 'bag_clutter'), ('lift', 'bag_lift'), ('clutter2', 'clutter2'),
    ('1st', 'bag_1st')])
def test_a_draft_is_not_called_as_a_task_of_ours_whose_values_it_would_take(
        tmp_path, folder, name):
    made = draft_contract(write(tmp_path / folder, odom=seen(), cmd_vel=moves()))
    assert made.contract.name == name
    _, config = load_config(config_file('train', 'bc'), name)
    _, plain = load_config(config_file('train', 'bc'), 'nobody')
    assert config == plain != load_config(config_file('train', 'bc'), 'clutter')[1]


@pytest.mark.parametrize(('command_hz', 'odometry_hz', 'rate_hz'), [
    (50.0, 100.0, 20.0), (20.0, 10.0, 10.0), (10.0, 30.0, 10.0), (5.0, 50.0, 5.0),
    (15.0, 33.0, 15.0), (9.0, 30.0, 8.0)])
def test_the_rate_is_one_that_command_and_odometry_keep_up(
        tmp_path, command_hz, odometry_hz, rate_hz):
    made = draft_contract(write(tmp_path / 'bag', odom=seen(odometry_hz),
                                cmd_vel=moves(rate_hz=command_hz)))
    assert made.contract.rate_hz == rate_hz
    assert made.steps >= 0.95 * 30.0 * rate_hz


@pytest.mark.parametrize(('streams', 'topic'), [
    ({'cmd_vel': moves(TWIST, end_s=0.0), 'cmd_vel_unstamped': moves(TWIST)},
     'cmd_vel_unstamped'),                                       # the plain name holds nothing
    ({'cmd_vel': moves(v=lambda t: 0.0, w=lambda t: 0.0), 'base__cmd_vel': moves()},
     'base/cmd_vel'),                                            # ... zeros
    ({'cmd_vel': moves(v=lambda t: 0.3, w=lambda t: 0.1), 'mux__cmd_vel': moves()},
     'mux/cmd_vel'),                                             # ... always the same
    ({'cmd_vel_nav': moves(), 'cmd_vel': moves()}, 'cmd_vel'),   # what the base obeys
    ({'measured_twist': moves(TWIST), 'cmd_vel': moves(TWIST)}, 'cmd_vel'),
    ({'a__cmd_vel': moves(v=lambda t: 0.1 * (t % 3), w=lambda t: -turn(2 * t)),
      'b__cmd_vel': moves()}, 'b/cmd_vel'),                      # whom the odometry follows
    ({'drive': moves(TWIST)}, 'drive')])
def test_the_command_is_found_by_content_not_only_by_name(tmp_path, streams, topic):
    made = draft_contract(write(tmp_path / 'bag', odom=seen(), **streams))
    assert list(made.contract.action.topics) == [topic]
    assert made.usable


def test_the_odometry_of_the_same_robot_is_taken(tmp_path):
    other = seen(v=lambda t: 0.1 * (t % 5), w=lambda t: turn(3 * t))
    made = draft_contract(write(tmp_path / 'bag', r1__odom=other, r2__odom=seen(),
                                r2__cmd_vel=moves()))
    assert made.contract.sources[0].topic == 'r2/odom'
    assert 'not used: r1/odom: odometry too' in made.contract.text


@pytest.mark.parametrize(('streams', 'words'), [
    ({'odom': seen()}, r'no command: .*Twist or .*TwistStamped with values that change'),
    ({'odom': seen(), 'cmd_vel': moves(v=lambda t: 0.0, w=lambda t: 0.0)},
     r'no command.*cmd_vel: all 600 messages are zero'),
    ({'odom': seen(), 'cmd_vel': moves(v=lambda t: 0.2, w=lambda t: 0.0)},
     r'no command.*all 600 messages are the same'),
    ({'odom': seen(), 'cmd_vel': moves(end_s=0.0)}, r'no command.*cmd_vel .*has no message'),
    ({'odom': seen(), 'cmd_vel': moves(end_s=0.2)}, r'cmd_vel has 4 messages with numbers'),
    ({'odom': seen(), 'cmd_vel': moves(v=lambda t: math.nan)}, r'cmd_vel has 0 messages with num'),
    ({'cmd_vel': moves(), 'scan': (SCAN, 10.0, scan, 0.0, 30.0)},
     r'no odometry: .*nav_msgs/msg/Odometry.*has: cmd_vel .*scan '),
    ({'cmd_vel': moves(), 'odom': (ODOM, 10.0, lambda t: odometry(t, 0, 0), 0.0, 0.5)},
     r'no odometry.*odom has 5 messages, too few'),
])
def test_without_a_command_or_odometry_it_says_what_there_is(tmp_path, run, streams, words):
    folder = write(tmp_path / 'bag', **streams)
    with pytest.raises(EpisodeError, match=words):
        draft_contract(folder)
    code, out, error = run(draft_command, folder, '--out', tmp_path / 'x.yaml')
    assert (code, out) == (2, '') and len(error.strip().splitlines()) == 1
    assert not (tmp_path / 'x.yaml').exists()


def test_odometry_that_turns_by_no_rotation_is_not_taken(tmp_path):
    def spoilt(t):
        message = odometry(t, forward(t), turn(t))
        message.pose.pose.orientation.w = message.pose.pose.orientation.z = 0.0
        return message

    folder = write(tmp_path / 'bag', odom=(ODOM, 20.0, spoilt, 0.0, 30.0), cmd_vel=moves())
    with pytest.raises(EpisodeError, match='its orientations are no rotations'):
        draft_contract(folder)


@pytest.mark.parametrize(('low', 'high', 'beams', 'field'), [
    (-math.pi, math.pi, 180, None), (0.0, 2 * math.pi - 0.01, 360, None),
    (-2.0, 2.0, 200, (-2.0, 2.0)), (-1.57, 1.57, 640, (-1.57, 1.57))])
def test_a_lidar_is_observed_where_it_looks(tmp_path, low, high, beams, field):
    def look(t):
        return scan(t, low, high, beams)

    made = draft_contract(write(tmp_path / 'bag', odom=seen(), cmd_vel=moves(rate_hz=10.0),
                                scan=(SCAN, 10.0, look, 0.0, 30.0)))
    (lidar,) = [s for s in made.contract.sources if s.name == 'lidar']
    assert lidar.feature.dim == 36 and lidar.feature.high[0] == 8.0
    found = lidar.feature.sectors.field_rad
    assert found == (None if field is None else pytest.approx(field, abs=1e-3))
    assert made.usable
    safety = made.contract.safety
    assert safety.scan.topic == 'scan' and safety.radius_m == 0.5
    assert made.contract.text.count('NOT MEASURED') == 2


def located(t):
    none = np.zeros(36)
    return T[LOCATED](header=header(t, 'map'), pose=T['geometry_msgs/msg/PoseWithCovariance'](
        pose=pose(1.0 + 0.1 * t, 2.0), covariance=none))


def goal_in(frame):
    return lambda t: T[GOAL](header=header(t, frame), pose=pose(6.0, -2.0))


def test_a_place_on_a_map_is_observed_and_goals_are_held_to_it(tmp_path):
    made = draft_contract(write(
        tmp_path / 'bag', odom=seen(), cmd_vel=moves(), amcl_pose=(LOCATED, 1.0, located, 0, 30),
        initialpose=(LOCATED, 1.0, located, 0, 1), goal_pose=(GOAL, 1.0, goal_in('map'), 1, 2)))
    sources = {s.name: s for s in made.contract.sources}
    assert set(sources) == {'odometry', 'pose', 'goal'}
    assert sources['pose'].topic == 'amcl_pose' and sources['pose'].align.how == 'hold'
    assert sources['goal'].feature.needs == ('goal', 'pose')
    assert sources['pose'].feature.low[:2] == (-1.0, 1.0)
    assert made.usable


@pytest.mark.parametrize(('frame', 'used'), [('odom', True), ('/odom', True), ('map', False),
                                             ('world', False)])
def test_a_goal_counts_only_in_a_frame_in_which_the_robot_is_known(tmp_path, frame, used):
    made = draft_contract(write(tmp_path / 'bag', odom=seen(), cmd_vel=moves(),
                                goal=(GOAL, 1.0, goal_in(frame), 0, 1)))
    assert ('goal' in [s.name for s in made.contract.sources]) is used
    if not used:
        assert f"its goals are in frame '{frame}', the robot is known in 'odom'" \
            in made.contract.text


def test_what_comes_late_is_left_out_and_named(tmp_path):
    made = draft_contract(write(
        tmp_path / 'bag', odom=seen(), cmd_vel=moves(),
        amcl_pose=(LOCATED, 1.0, located, 20, 30), goal=(GOAL, 1.0, goal_in('odom'), 25, 26)))
    assert {s.name for s in made.contract.sources} == {'odometry', 'place'}
    for name in ('amcl_pose: first comes 20 s', 'goal: first comes 25 s'):
        assert f'# not used: {name} after the odometry' in made.contract.text
    assert made.steps > 500


def test_pictures_are_named_and_left_out(tmp_path):
    kind = 'sensor_msgs/msg/Image'

    def picture(t):
        return T[kind](header=header(t, 'cam'), height=2, width=2, encoding='mono8',
                       is_bigendian=0, step=2, data=np.zeros(4, np.uint8))

    made = draft_contract(write(tmp_path / 'bag', odom=seen(), cmd_vel=moves(),
                                cam__image=(kind, 10.0, picture, 0, 30)))
    assert ('not used: cam/image (sensor_msgs/msg/Image): a camera is added by hand, as '
            'feature: image') in made.contract.text


def test_a_base_that_moves_sideways_has_three_fields_and_no_looking_ahead(tmp_path):
    def slide(t):
        return twist(forward(t), turn(t), 0.1 * math.sin(t))

    made = draft_contract(write(tmp_path / 'bag', odom=seen(), cmd_vel=(TWIST, 20.0, slide, 0, 30),
                                scan=(SCAN, 20.0, scan, 0, 30)))
    assert made.contract.action.names == ('linear.x', 'linear.y', 'angular.z')
    assert made.contract.safety.scan is None


@pytest.mark.parametrize('radius_m', [0.12, 0.331, 0.75])
def test_the_footprint_is_that_of_the_urdf(tmp_path, radius_m):
    made = draft_contract(write(tmp_path / 'bag', odom=seen(), cmd_vel=moves(),
                                scan=(SCAN, 20.0, scan, 0, 30)),
                          BaseFigures('the URDF', 1.0, 0.2, radius_m))
    assert made.contract.safety.radius_m == pytest.approx(radius_m, abs=0.01)
    assert made.contract.safety.radius_m >= radius_m
    assert not [f for f in made.report.findings if f.kind == 'base']


def test_what_a_topic_says_of_itself_stays_a_comment(tmp_path):
    made = draft_contract(write(tmp_path / '9 bag: {x}', odom=seen(frame='o\nversion: 7'),
                                cmd_vel=moves()))
    assert made.contract.version == 1 and made.contract.name == 'bag_9_bag_x_'


@pytest.mark.parametrize(('begin_s', 'end_s', 'timeout_s'), [
    (0.0, 30.0, 45.0), (10.0, 28.0, 30.0), (5.0, 29.0, 36.0)])
def test_the_time_holds_what_was_driven_and_the_whole_recording(
        tmp_path, begin_s, end_s, timeout_s):
    made = draft_contract(write(tmp_path / 'bag', odom=seen(),
                                cmd_vel=moves(begin_s=begin_s, end_s=end_s)))
    assert made.contract.timeout_s == timeout_s
    assert not [f for f in made.report.findings if f.kind == 'too-long']


def test_a_file_is_written_once_and_says_what_to_do_next(tmp_path, run):
    folder = write(tmp_path / 'bag', odom=seen(), cmd_vel=moves())
    code, out, _ = run(draft_command, folder, '--out', tmp_path / 'their.yaml')
    assert code == 0 and 'episodes to train from' in out
    assert f'./ilw train --task {tmp_path / "their.yaml"} --demos {folder} --env none' in out
    assert load_contract(tmp_path / 'their.yaml').name == 'bag'
    code, _, error = run(draft_command, folder, '--out', tmp_path / 'their.yaml')
    assert code == 2 and 'is there already' in error


def test_without_a_file_the_contract_alone_is_on_standard_output(tmp_path, run):
    folder = write(tmp_path / 'bag', odom=seen(), cmd_vel=moves())
    code, out, error = run(draft_command, folder)
    (tmp_path / 'from_output.yaml').write_text(out)
    assert code == 0 and load_contract(tmp_path / 'from_output.yaml').rate_hz == 20.0
    assert 'episodes to train from' in error
    code, out, _ = run(draft_command, folder, '--json')
    said = json.loads(out)
    assert said['usable'] is True and said['contract_text'].startswith('# Drafted from bag.')


def test_a_recording_that_cannot_be_trained_from_is_said_with_a_code(tmp_path, run):
    folder = write(tmp_path / 'bag', odom=seen(), cmd_vel=moves(begin_s=40.0, end_s=50.0))
    code, out, _ = run(draft_command, folder, '--out', tmp_path / 'x.yaml')
    assert code == 1 and 'bad' in out and 'cannot be trained under' in out


@pytest.mark.long
def test_from_an_unknown_recording_to_a_checkpoint_in_three_commands(
        tmp_path, run, monkeypatch):
    folder = write(tmp_path / 'their_bag', StoragePlugin.SQLITE3, base__odom=seen(),
                   base__cmd_vel=moves(TWIST), scan=(SCAN, 10.0, scan, 0, 30))
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'quick.yaml').write_text('algorithm: bc\nupdates: 200\ncandidates: 1\n')
    assert run(draft_command, folder, '--out', 'their.yaml')[0] == 0
    assert run(episodes, 'check', folder, '--task', 'their.yaml')[0] == 0
    code, out, _ = run(cli.train, '--task', 'their.yaml', '--demos', folder, '--env', 'none',
                       '--algo', 'quick.yaml', '--out', 'run')
    assert code == 0 and 'checkpoint: run/checkpoint' in out
    assert (tmp_path / 'run/checkpoint/policy.onnx').exists()


@pytest.mark.parametrize(('value', 'rounded'), [
    (0.0, 0.0), (0.26, 0.26), (0.2601, 0.27), (np.float32(0.3), 0.3), (1.0, 1.0), (-0.641, -0.65),
    (1234.0, 1300.0), (0.00123, 0.0013), (9.99, 10.0)])
def test_limits_are_round_and_hold_what_they_are_made_from(value, rounded):
    assert up(float(value)) == pytest.approx(rounded, rel=1e-9)


def test_bounds_hold_zero():
    assert bounds(np.array([0.2, 0.5])) == (0.0, 0.5)
    assert bounds(np.array([-0.4, -0.1])) == (-0.4, 0.0)


def test_a_rate_is_kept_in_spite_of_pauses_and_a_late_message_now_and_then():
    times_s = np.arange(200) / 10.0
    times_s[100:] += 30.0
    times_s[::20] += 0.04
    assert kept_rate_hz(times_s) == 10.0
    assert kept_rate_hz(np.array([0.0])) == 0.1


@pytest.mark.parametrize(('command_hz', 'rate_hz'), [(20.0, 20.0), (20.0, 10.0), (100.0, 5.0)])
def test_the_largest_change_of_a_ramp_is_its_steepness(command_hz, rate_hz):
    times_s = np.arange(0.0, 4.0, 1.0 / command_hz)
    found = largest_rates(times_s, np.stack([0.3 * times_s, 2.0 - times_s], axis=1), rate_hz)
    np.testing.assert_allclose(found, [0.3, 1.0], rtol=1e-6)


@pytest.mark.parametrize(('command_hz', 'rate_hz', 'rate'), [
    (20.0, 20.0, 10.0), (100.0, 10.0, 5.0), (5.0, 20.0, 2.5)])
def test_the_largest_change_of_a_jump_is_that_of_one_tick(command_hz, rate_hz, rate):
    times_s = np.arange(0.0, 4.0, 1.0 / command_hz)
    values = np.where(times_s > 2.03, 0.5, 0.0)[:, None]
    assert largest_rates(times_s, values, rate_hz)[0] == pytest.approx(rate)


def test_a_speed_that_follows_late_agrees_and_another_does_not():
    times_s = np.arange(0.0, 30.0, 0.05)
    commanded = np.sin(times_s)
    assert agreement(times_s, commanded, times_s, np.sin(times_s - 0.3)) > 0.99
    assert agreement(times_s, commanded, times_s, np.sin(5 * times_s)) < 0.3
    assert agreement(times_s, commanded, times_s, np.zeros(600)) == 0.0


def test_joints_that_could_be_observed_are_named(tmp_path):
    def state(names):
        return lambda t: T['sensor_msgs/msg/JointState'](
            header=header(t, ''), name=names, position=np.zeros(len(names)), velocity=np.zeros(0),
            effort=np.zeros(0))

    text = draft_contract(write(
        tmp_path / 'bag', odom=seen(), cmd_vel=moves(),
        joint_states=('sensor_msgs/msg/JointState', 10.0, state(['left', 'right']), 0.0, 30.0),
        mute=('sensor_msgs/msg/JointState', 10.0, state([]), 0.0, 30.0))).contract.text
    assert '# not used: joint_states: `feature: joints` can observe left, right' in text
    assert 'not used: mute' not in text
