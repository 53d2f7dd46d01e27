"""
Recordings of strangers end as usable steps with the right numbers, or say topic and cause.

Every clock and every content at several rates, in SQLite and MCAP; the numbers are those of the
drive itself, at the true time of each tick.
"""

from dataclasses import replace
import json

from mcap.reader import make_reader
import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.reader import Bag
from ilw_data.doctor import check_episodes
from ilw_data.episode.copy import adopt, cut
from ilw_data.episode.dataset import load_episode

WALL, SIM = 1_750_000_000_000_000_000, 500_000_000_000
S = 1_000_000_000
RATES = (5.0, 10.0, 20.0)


@pytest.fixture
def contract_at(clutter):
    """Return the clutter contract at another rate."""
    return lambda rate_hz: parse_contract(
        clutter.text.replace('rate_hz: 10', f'rate_hz: {rate_hz:g}'))


def right_numbers(episode, contract, begin_ns, strangers, *, least_s=11.0):
    """Hold every tick against the drive: no value may be older than a period and its way."""
    period_s = contract.period_ns / 1e9
    t = (episode.stamps_ns - begin_ns) / 1e9
    whole = episode.obs_valid.all(axis=1)
    assert whole.mean() > 0.97
    assert episode.action_valid.mean() > 0.97
    assert len(episode.actions) * period_s > least_s
    assert t[0] > -strangers.LATENCY_S - period_s, 'ticks before the bag begins'
    late_s = period_s + 3 * strangers.LATENCY_S
    sensed = {name: i for i, name in enumerate(contract.obs_names)}
    for name, truth, slope in (('velocity.forward_mps', strangers.speed, 0.14),
                               ('velocity.turn_radps', strangers.turn, 1.04),
                               ('lidar.0_m', strangers.distance, 0.9)):
        off = np.abs(episode.obs[whole, sensed[name]] - truth(t[whole]))
        assert off.max() < slope * late_s + 0.01, name
    given = episode.action_valid
    for i, truth in enumerate(strangers.command(t[1:] - 0.25 * period_s)):
        off = np.abs(episode.actions[given, i] - truth[given])
        assert off.max() < (0.2, 1.0)[i] * (0.75 * period_s + 3 * strangers.LATENCY_S) + 0.01


def sim(strangers, rate, **options):
    return strangers.logged_in_wall_time(strangers.sound(rate, SIM), **options)


def unstamped_before(strangers, rate):
    """Everything is stamped 0 until the first /clock, 0.4 s after the recorder began."""
    return strangers.stamped(sim(strangers, rate, clock_hz=50.0, from_s=0.4), '',
                             lambda m: m.stamp_ns if m.true_s > 0.4 else 0)


def set_while_running(strangers, rate, topic, off_s):
    """One computer's clock is set after a third of the drive."""
    return strangers.stamped(strangers.sound(rate), topic, lambda m: m.stamp_ns + (
        round(off_s * S) if m.true_s < 4.0 else 0))


CLOCKS = {
    # name: (what was sent, where its true time zero is, topic that is told of)
    'twist among simulated headers': (lambda s, r: sim(s, r), SIM, 'cmd_vel'),
    'twist, with /clock': (lambda s, r: sim(s, r, clock_hz=20.0), SIM, 'cmd_vel'),
    'twist, simulation at half speed': (
        lambda s, r: sim(s, r, speed_of_sim=0.5, clock_hz=50.0), SIM, 'cmd_vel'),
    'twist, three times as fast': (lambda s, r: sim(s, r, speed_of_sim=3.0), SIM, 'cmd_vel'),
    'scan since boot': (lambda s, r: s.stamped(s.sound(r), 'scan', lambda m: (
        m.stamp_ns - WALL + 221 * S)), WALL, 'scan'),
    'odometry since boot': (lambda s, r: s.stamped(s.sound(r), 'odom', lambda m: (
        m.stamp_ns - WALL + 37 * S)), WALL, 'odom'),
    'commands in wall time among simulated': (lambda s, r: s.stamped(
        sim(s, r), 'cmd_vel', lambda m: WALL + round(m.true_s * S)), SIM, 'cmd_vel'),
    'goal in wall time among simulated': (lambda s, r: s.stamped(
        sim(s, r), 'goal', lambda m: WALL), SIM, 'goal'),
    'goal unstamped among simulated': (lambda s, r: s.stamped(
        sim(s, r, clock_hz=10.0), 'goal', lambda m: 0), SIM, 'goal'),
    'unstamped before the first /clock': (unstamped_before, SIM, 'scan'),
    'goal 8 s ahead': (lambda s, r: s.stamped(s.sound(r), 'goal', lambda m: m.stamp_ns + 8 * S),
                       WALL, 'goal'),
    'scan 3 s behind': (lambda s, r: s.stamped(s.sound(r), 'scan', lambda m: m.stamp_ns - 3 * S),
                        WALL, 'scan'),
    'every second command unstamped': (lambda s, r: s.stamped(
        s.sound(r), 'cmd_vel', lambda m: m.stamp_ns * (m.number % 2)), WALL, 'cmd_vel'),
    'commands unstamped for 7 s': (lambda s, r: s.stamped(
        s.sound(r), 'cmd_vel', lambda m: m.stamp_ns * (m.true_s > 7.0)), WALL, 'cmd_vel'),
    'commands with one stamp throughout': (lambda s, r: s.stamped(
        s.sound(r), 'cmd_vel', lambda m: WALL + 1), WALL, 'cmd_vel'),
    'clock of the commands set 1 h ahead': (
        lambda s, r: set_while_running(s, r, 'cmd_vel', -3600.0), WALL, 'cmd_vel'),
    'clock of odometry set back 9 s': (
        lambda s, r: set_while_running(s, r, 'odom', 9.0), WALL, 'odom'),
    'clock of the lidar set from 1970': (
        lambda s, r: set_while_running(s, r, 'scan', -1.75e9 + 20.0), WALL, 'scan'),
}
TWISTS = {name for name in CLOCKS if name.startswith('twist')}


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('name', CLOCKS)
def test_every_clock_gives_the_numbers_of_the_drive_and_is_told_of(
        strangers, contract_at, tmp_path, name, rate):
    make, begin_ns, topic = CLOCKS[name]
    contract = contract_at(rate)
    folder = strangers.write(tmp_path / 'bag', make(strangers, rate), twist=name in TWISTS,
                             sqlite=bool(len(name) % 2) == (rate == 10.0))
    episode = load_episode(folder, contract)
    right_numbers(episode, contract, begin_ns, strangers)
    said = [remark for remark in episode.remarks if remark.topic == topic]
    assert said and all(remark.messages > 0 for remark in said), episode.remarks
    assert {remark.topic for remark in episode.remarks} <= {topic, 'odom', 'scan', 'goal',
                                                            'cmd_vel'}
    found = [f.text for f in check_episodes(folder, contract).findings if f.kind == 'clock']
    assert found and any(text.startswith(topic) for text in found)


@pytest.mark.parametrize('rate', RATES)
def test_a_sound_recording_has_no_remark(strangers, contract_at, tmp_path, rate):
    for name, sent, begin_ns in (
            ('wall', strangers.sound(rate), WALL), ('sim', sim(strangers, rate), SIM),
            ('slow', sim(strangers, rate, speed_of_sim=0.3), SIM),
            ('begins at 0', strangers.sound(rate, 0), 0)):
        episode = load_episode(strangers.write(tmp_path / name, sent), contract_at(rate))
        right_numbers(episode, contract_at(rate), begin_ns, strangers)
        assert episode.remarks == ()


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('topics', [('goal',), ('goal', 'scan'), ('odom',)])
def test_what_a_simulator_sends_at_a_leap_of_its_clock_keeps_its_stamp(
        strangers, contract_at, tmp_path, rate, topics):
    """A reset skips a second; a message of the new world may come before its /clock does."""
    goals = [strangers.Sent('goal', i, float(i), SIM + round((i + 0.01) * S), SIM + i * S)
             for i in range(1, 12)]
    sent = [replace(m, logged_ns=SIM - S + m.number) if m.topic in topics and m.number == 0 else m
            for m in (*strangers.sound(rate, SIM), *goals)]
    sent.sort(key=lambda m: m.logged_ns)
    episode = load_episode(strangers.write(tmp_path / 'bag', sent), contract_at(rate))
    right_numbers(episode, contract_at(rate), SIM, strangers)
    assert episode.remarks == ()


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('stall_s', [0.8, 2.5])
def test_a_burst_after_a_silence_of_the_network_keeps_its_stamps(
        strangers, contract_at, tmp_path, rate, stall_s):
    sent = [replace(m, logged_ns=max(m.logged_ns, WALL + round((4.0 + stall_s) * S) + m.number))
            if 4.0 < m.true_s < 4.0 + stall_s else m for m in strangers.sound(rate)]
    sent.sort(key=lambda m: m.logged_ns)
    plain = load_episode(strangers.write(tmp_path / 'plain', strangers.sound(rate)),
                         contract_at(rate))
    stalled = load_episode(strangers.write(tmp_path / 'stalled', sent), contract_at(rate))
    assert stalled.obs.tobytes() == plain.obs.tobytes()
    assert stalled.actions.tobytes() == plain.actions.tobytes()


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('age_s', [5.0, 300.0, 40_000.0])
def test_a_goal_latched_before_the_bag_counts_from_its_beginning(
        strangers, contract_at, tmp_path, rate, age_s):
    sent = strangers.stamped(strangers.sound(rate), 'goal',
                             lambda m: m.stamp_ns - round(age_s * S))
    episode = load_episode(strangers.write(tmp_path / 'bag', sent), contract_at(rate))
    right_numbers(episode, contract_at(rate), WALL, strangers)
    assert episode.remarks == ()


HOLDS = '''
contract: holds
version: 1
rate_hz: RATE
observation:
  pose: {topic: odom, type: nav_msgs/msg/Odometry, feature: pose2d, x_m: [-9.0, 9.0],
         y_m: [-9.0, 9.0], align: {how: hold}}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields:
    - {name: twist.linear.x, unit: m/s, min: 0.0, max: 0.5, max_rate: 2.0}
    - {name: twist.angular.z, unit: rad/s, min: -1.5, max: 1.5, max_rate: 8.0}
  on_stale: stop
'''


@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('age_s', [0.0, 3.0, 400.0])
def test_a_bag_of_what_is_held_has_no_ticks_before_it_begins(
        strangers, tmp_path, rate, age_s):
    contract = parse_contract(HOLDS.replace('RATE', f'{rate:g}'))
    sent = [m for m in strangers.sound(rate)
            if m.topic == 'cmd_vel' or (m.topic == 'odom' and m.number == 0)]
    sent = strangers.stamped(sent, 'odom', lambda m: m.stamp_ns - round(age_s * S))
    episode = load_episode(strangers.write(tmp_path / 'bag', sent), contract)
    assert abs(episode.stamps_ns[0] - WALL) < 0.05 * S
    assert episode.action_valid.all()
    assert 11.5 * rate < episode.steps_to_train <= 12.0 * rate


@pytest.mark.parametrize('in_sim_time', [False, True])
@pytest.mark.parametrize(('after_s', 'kept_s'), [(3.0, 9.0), (8.0, 8.0)])
@pytest.mark.parametrize('sqlite', [False, True])
def test_a_reset_of_the_simulator_ends_the_use_there_and_says_what_is_lost(
        strangers, contract_at, tmp_path, in_sim_time, after_s, kept_s, sqlite):
    contract, sent = contract_at(10.0), []
    for m in strangers.sound(10.0, SIM):
        stamp_ns = m.stamp_ns if m.true_s < after_s else m.stamp_ns - SIM - round(after_s * S)
        since_ns = m.logged_ns - m.stamp_ns
        sent.append(replace(m, stamp_ns=stamp_ns, logged_ns=stamp_ns + since_ns if in_sim_time
                            else m.logged_ns - SIM + WALL))
    folder = strangers.write(tmp_path / 'bag', sent, sqlite=sqlite)
    episode = load_episode(folder, contract)
    begin_ns = SIM if kept_s == after_s else -round(after_s * S)
    right_numbers(episode, contract, begin_ns, strangers, least_s=kept_s - 0.4)
    (said,) = [r for r in episode.remarks if 'reset' in r.text]
    assert said.level == 'warn'
    assert abs(said.seconds - (12.0 - kept_s)) < 0.3
    assert said.messages > 0


@pytest.mark.parametrize('rate', RATES)
def test_what_was_logged_at_0_before_the_first_clock_is_left_out(
        strangers, contract_at, tmp_path, rate):
    sent = [replace(m, stamp_ns=0, logged_ns=0) if m.true_s < 0.35 else m
            for m in strangers.sound(rate, SIM)]
    for sqlite in (False, True):
        episode = load_episode(strangers.write(tmp_path / f'bag{sqlite}', sent, sqlite=sqlite),
                               contract_at(rate))
        right_numbers(episode, contract_at(rate), SIM, strangers)
        assert 'before the first /clock' in episode.remarks[0].text


@pytest.mark.parametrize('name', ['scan since boot', 'twist, simulation at half speed',
                                  'every second command unstamped',
                                  'unstamped before the first /clock'])
def test_a_part_of_such_a_recording_and_its_import_hold_the_same_numbers(
        strangers, contract_at, tmp_path, name):
    make, _, _ = CLOCKS[name]
    contract = contract_at(10.0)
    folder = strangers.write(tmp_path / 'set' / 'bag', make(strangers, 10.0),
                             twist=name in TWISTS)
    whole = load_episode(folder, contract)
    made = adopt(read_episode(folder), contract, tmp_path / 'out', Outcome.SUCCESS)
    taken = load_episode(made.path, contract)
    assert taken.obs.tobytes() == whole.obs.tobytes()
    assert taken.actions.tobytes() == whole.actions.tobytes()
    assert made.steps == whole.steps_to_train
    assert made.remarks == whole.remarks
    part = load_episode(cut(read_episode(made.path), contract, 20, 80).path, contract)
    assert part.obs.tobytes() == whole.obs[20:81].tobytes()
    assert np.array_equal(part.stamps_ns, whole.stamps_ns[20:81])


TWIST_IDL = b'''================================================================================
IDL: geometry_msgs/msg/TwistStamped
// generated from rosidl_adapter/resource/msg.idl.em
#include "geometry_msgs/msg/Twist.idl"
#include "std_msgs/msg/Header.idl"
module geometry_msgs { module msg { struct TwistStamped {
  std_msgs::msg::Header header; geometry_msgs::msg::Twist twist; }; }; };
================================================================================
IDL: std_msgs/msg/Header
#include "builtin_interfaces/msg/Time.idl"
module std_msgs { module msg { struct Header {
  builtin_interfaces::msg::Time stamp; string frame_id; }; }; };
================================================================================
IDL: builtin_interfaces/msg/Time
module builtin_interfaces { module msg { struct Time { int32 sec; uint32 nanosec; }; }; };
================================================================================
IDL: geometry_msgs/msg/Twist
#include "geometry_msgs/msg/Vector3.idl"
module geometry_msgs { module msg { struct Twist {
  geometry_msgs::msg::Vector3 linear; geometry_msgs::msg::Vector3 angular; }; }; };
================================================================================
IDL: geometry_msgs/msg/Vector3
module geometry_msgs { module msg { struct Vector3 { double x; double y; double z; }; }; };
'''
CONTENTS = {
    'protobuf': ('vendor.Calibration', 'protobuf', bytes.fromhex('0a8a01ffc0') + bytes(90),
                 'protobuf'),
    'json with a schema': ('Battery', 'jsonschema', b'{"type": "object"}', 'json'),
    'json without a schema': ('', '', b'', 'json'),
    'omgidl': ('dds::A', 'omgidl', b'module dds { struct A { @optional long x; }; };', 'cdr'),
    'a type that cannot be parsed': ('lab_msgs/msg/A', 'ros2msg', b'int32 7x ???\n', 'cdr'),
    'a type without a definition': ('lab_msgs/msg/B', 'ros2msg', b'', 'cdr'),
    'a type that is half defined': ('lab_msgs/msg/C', 'ros2msg', b'lab_msgs/Part part\n', 'cdr'),
    'a definition that is no text': ('lab_msgs/msg/D', 'ros2msg', b'# \xb0C\nfloat64 x\n', 'cdr'),
    'a bounded wstring': ('lab_msgs/msg/E', 'ros2msg', b'wstring<=5 label\n', 'cdr'),
    'ROS 1': ('lab_msgs/F', 'ros1msg', b'time stamp\n', 'ros1'),
    'a type that is read': ('std_msgs/msg/Float64', 'ros2msg', b'float64 data\n', 'cdr'),
    'flatbuffers': ('F', 'flatbuffer', bytes(range(128, 256)), 'flatbuffer'),
}


UNREAD = set(CONTENTS) - {'a definition that is no text', 'a type that is read'}


@pytest.mark.long
@pytest.mark.parametrize('rate', RATES)
@pytest.mark.parametrize('name', CONTENTS)
def test_topics_that_nobody_asked_for_are_left_alone_and_named(
        strangers, contract_at, tmp_path, name, rate):
    contract, sent = contract_at(rate), strangers.sound(rate)
    foreign = strangers.Foreign('/theirs', *CONTENTS[name])
    plain = load_episode(strangers.write(tmp_path / 'plain', sent), contract)
    folder = strangers.write_mcap(tmp_path / 'bag', sent, (foreign,))
    episode = load_episode(folder, contract)
    assert episode.obs.tobytes() == plain.obs.tobytes()
    assert episode.actions.tobytes() == plain.actions.tobytes()
    assert 'theirs' in Bag(folder).types
    report = check_episodes(folder, contract)
    assert report.steps == plain.steps_to_train
    assert not [f for f in report.findings if f.level == 'bad']
    named = [f.text for f in report.findings if f.kind == 'foreign']
    assert ['theirs (' in text for text in named] == ([True] if name in UNREAD else [])
    made = adopt(read_episode(folder), contract, tmp_path / 'out', Outcome.SUCCESS)
    assert (made.steps, made.torn) == (plain.steps_to_train, '')
    assert 'theirs' in Bag(made.path).types, 'an import keeps all there is'
    assert foreign.definition in next(made.path.glob('*.mcap')).read_bytes()


@pytest.mark.parametrize('text', [
    'wstring<=5 label\n', 'wstring<=2[] labels\n', 'string NONE=\nstring kind\n', None,
    'string A=""\r\nstring kind\r\n', 'int32 7x\n'])
def test_so_are_they_in_sqlite(strangers, contract_at, tmp_path, text):
    contract, sent = contract_at(10.0), strangers.sound(10.0)
    plain = load_episode(strangers.write(tmp_path / 'plain', sent), contract)
    folder = strangers.write(tmp_path / 'bag', sent, sqlite=True)
    strangers.define_in_sqlite(folder, '/label', 'lab_msgs/msg/Label', text)
    episode = load_episode(folder, contract)
    assert episode.obs.tobytes() == plain.obs.tobytes()
    assert check_episodes(folder, contract).steps == plain.steps_to_train


@pytest.mark.parametrize('definition', [
    ('ros2idl', TWIST_IDL),
    ('ros2msg', b'std_msgs/Header header # \xb0\nuint8 NONE=\nTwist twist\n' + b'=' * 80
     + b'\nMSG: geometry_msgs/Twist\nVector3 linear\nVector3 angular\n'),
    ('ros2msg', b''), ('', b'')])
def test_a_type_of_the_contract_is_read_however_it_is_defined(
        strangers, contract_at, tmp_path, definition):
    contract, sent = contract_at(10.0), strangers.sound(10.0)
    plain = load_episode(strangers.write(tmp_path / 'plain', sent), contract)
    folder = strangers.write_mcap(tmp_path / 'bag', sent, definitions={'cmd_vel': definition})
    episode = load_episode(folder, contract)
    assert episode.obs.tobytes() == plain.obs.tobytes()
    assert episode.actions.tobytes() == plain.actions.tobytes()


@pytest.mark.parametrize(('encoding', 'definition', 'cause'), [
    ('json', b'{}', "encoded as cdr. Got 'json'"),
    ('cdr', b'int32 7x ???\n', 'Could not parse'),
    ('cdr', b'', 'has no definition of it'),
    ('cdr', b'std_msgs/Header header\nwstring<=4 label\n', 'wstring'),
    ('cdr', b'std_msgs/Header header\nlab_msgs/Part part\n', 'leaves out lab_msgs/msg/Part')])
def test_a_topic_that_the_contract_needs_is_named_with_the_cause(
        strangers, contract_at, tmp_path, clutter, encoding, definition, cause):
    contract = parse_contract(clutter.text.replace(
        'topic: cmd_vel, type: geometry_msgs/msg/TwistStamped', 'topic: theirs, type: '
        'lab_msgs/msg/Own'))
    sent = [m for m in strangers.sound(10.0) if m.topic != 'cmd_vel']
    folder = strangers.write_mcap(tmp_path / 'bag', sent, (strangers.Foreign(
        '/theirs', 'lab_msgs/msg/Own', 'ros2msg', definition, encoding),))
    (found,) = check_episodes(folder, contract).findings
    assert (found.level, found.kind) == ('bad', 'type')
    assert "'theirs'" in found.text
    assert cause in found.text
    assert 'killed' not in found.text
    assert ' drop ' not in found.command
    with pytest.raises(Exception, match="'theirs'") as caught:
        adopt(read_episode(folder), contract, tmp_path / 'out', Outcome.SUCCESS)
    assert cause in str(caught.value)
    assert '.editing' not in str(caught.value)


def test_a_contract_that_does_not_fit_is_answered_with_one_that_may(
        strangers, clutter, maze, tmp_path, run):
    from ilw_data.commands.episodes import episodes

    sent = strangers.sound(10.0)
    lacks = strangers.write(tmp_path / 'lacks', [m for m in sent if m.topic != 'scan'])
    other = strangers.write(tmp_path / 'other', sent)
    covariance = clutter.text.replace('msg/PoseStamped', 'msg/PoseWithCovarianceStamped')
    (tmp_path / 'covariance.yaml').write_text(covariance)
    for folder, task, cause in ((lacks, 'clutter', "no topic 'scan'"),
                                (other, str(tmp_path / 'covariance.yaml'), "'goal' must be")):
        code, out, _ = run(episodes, 'check', folder, '--task', task)
        assert code == 1
        assert cause in out
        assert '--task NAME' in out
        assert f'./ilw contract draft {folder}' in out
        assert 'drop' not in out
        assert out.splitlines()[-1].startswith('bad: 0 of 1 episodes to train from, 0 steps')


@pytest.mark.parametrize(('command_hz', 'rate_hz'), [(5.0, 10.0), (4.0, 20.0), (8.0, 10.0),
                                                     (2.5, 5.0)])
def test_commands_slower_than_the_contract_name_the_rate_to_write(
        strangers, contract_at, tmp_path, command_hz, rate_hz):
    sent, last = [], -1.0
    for m in strangers.sound(rate_hz):
        if m.topic == 'cmd_vel' and m.true_s - last < 1.0 / command_hz - 1e-6:
            continue
        last = m.true_s if m.topic == 'cmd_vel' else last
        sent.append(m)
    given = (len([m for m in sent if m.topic == 'cmd_vel']) - 1) / (last or 1.0)
    folder = strangers.write(tmp_path / 'bag', sent)
    report = check_episodes(folder, contract_at(rate_hz))
    (found,) = [f for f in report.findings if f.kind == 'silent']
    assert found.numbers['command_rate_hz'] == pytest.approx(given, rel=0.05)
    assert f'rate_hz: {found.numbers["command_rate_hz"]:.2g} in the contract' in found.text
    assert report.steps == report.episodes[0].action_valid.sum()


@pytest.mark.parametrize('silent_s', [0.0, 3.0, 6.0])
def test_show_check_import_and_train_count_the_same_steps(
        strangers, contract_at, tmp_path, run, silent_s, clutter):
    from ilw_data.commands.episodes import episodes
    from ilw_learner.cli import train

    sent = [m for m in strangers.sound(10.0) if m.topic != 'cmd_vel' or m.true_s >= silent_s]
    folder = strangers.write(tmp_path / 'in' / 'bag', sent)
    _, out, _ = run(episodes, 'check', folder, '--task', 'clutter', '--json')
    steps = json.loads(out)['steps']
    assert steps == load_episode(folder, clutter).action_valid.sum()
    _, out, _ = run(episodes, 'import', folder, '--task', 'clutter', '--out', tmp_path / 'out',
                    '--outcome', 'success', '--json')
    made = json.loads(out)
    _, out, _ = run(episodes, 'show', made['path'], '--json')
    (tmp_path / 'short.yaml').write_text('algorithm: bc\nhidden: 8\nupdates: 20\ncandidates: 1\n')
    _, trained, _ = run(train, '--task', 'clutter', '--demos', tmp_path / 'out', '--env', 'none',
                        '--config', tmp_path / 'short.yaml', '--out', tmp_path / 'run', '--json')
    assert made['steps'] == json.loads(out)['episode']['steps'] == steps
    assert json.loads(trained)['steps'] == steps


@pytest.mark.parametrize('at', [0.2, 0.5, 0.8])
def test_an_import_keeps_what_is_before_and_after_a_damaged_chunk_and_says_so(
        strangers, clutter, tmp_path, run, at):
    from ilw_data.commands.episodes import episodes

    folder = strangers.write_mcap(tmp_path / 'bag', strangers.sound(10.0))
    file = next(folder.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    with file.open('rb') as stream:
        chunks = make_reader(stream).get_summary().chunk_indexes
    chunk = chunks[int(len(chunks) * at)]
    data[chunk.chunk_start_offset + chunk.chunk_length // 2] ^= 0xFF
    file.write_bytes(data)
    code, out, _ = run(episodes, 'check', folder, '--task', 'clutter')
    assert code == 1
    assert 'episodes import' in out
    code, out, _ = run(episodes, 'import', folder, '--task', 'clutter', '--out', tmp_path / 'out')
    assert code == 0
    assert 'is not whole' in out
    (made,) = (tmp_path / 'out').iterdir()
    episode = load_episode(made, clutter)
    assert len(episode.actions) > 110
    assert 60 < episode.steps_to_train < 120
