"""What makes a take suspect, judged live and at its end, against the contract."""

import numpy as np
import pytest

from ilw_data.bag.message_definitions import schema_text
from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.recording.gate import RecordingGate
from ilw_teleop.recording.idle_watch import IDLE_NS, IdleWatch
from ilw_teleop.recording.message_reader import MessageReader, content_of
from ilw_teleop.recording.stream_watch import limits_of

pytest.importorskip('rclpy')
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.serialization import serialize_message
from sensor_msgs.msg import LaserScan

S = 1_000_000_000
P = 100_000_000
T0 = 1000 * S
KINDS = {'scan': LaserScan, 'odom': Odometry, 'cmd_vel': TwistStamped, 'goal': None}


def topic(name):
    kind = {'scan': 'sensor_msgs/msg/LaserScan', 'odom': 'nav_msgs/msg/Odometry',
            'cmd_vel': 'geometry_msgs/msg/TwistStamped'}[name]
    return WrittenTopic(f'/{name}', kind, schema_text(kind))


def message(name, stamp_ns, value):
    made = KINDS[name]()
    made.header.stamp.sec, made.header.stamp.nanosec = divmod(stamp_ns, S)
    made.header.frame_id = 'abc'  # three padding bytes follow
    if name == 'scan':
        made.ranges = [float(value)] * 4
    elif name == 'odom':
        made.pose.pose.position.x = float(value)
    else:
        made.twist.linear.x = float(value)
    return serialize_message(made)


class Take:
    """Feeds a gate with a robot that works, but for what a test changes."""

    def __init__(self, contract, **options):
        self.gate = RecordingGate(contract, **options)
        self.gate.begin(T0)
        self.now = T0
        self.gate.topics['goal'].take(T0, T0)  # held: nothing more is asked of it

    def send(self, name, stamp_ns=None, value=None, log_ns=None):
        stamp_ns = self.now if stamp_ns is None else stamp_ns
        self.gate.take(name, topic(name), message(name, max(0, stamp_ns), 0.3 if value is None
                                                  else value), stamp_ns,
                       self.now if log_ns is None else log_ns)

    def run(self, ticks, *, without=(), command=0.3, vary=True, lag_ns=0):
        for _ in range(ticks):
            self.now += P
            for name in {'scan', 'odom'} - set(without):
                self.send(name, self.now - lag_ns, self.now / S if vary else 1.0)
            if 'cmd_vel' not in without:
                self.send('cmd_vel', value=command)

    def suspect(self):
        return self.gate.suspect(self.now)

    def verdict(self):
        self.gate.end(self.now)
        return self.gate.verdict()


@pytest.fixture
def take(clutter):
    return Take(clutter)


def test_a_good_take_is_good_live_and_at_its_end(take):
    take.run(30)
    assert take.suspect() == []
    verdict = take.verdict()
    assert verdict['verdict'] == 'good'
    assert verdict['topics']['scan']['rate_hz'] == pytest.approx(10.0)
    assert verdict['topics']['scan']['jitter_s'] == 0.0
    assert verdict['command'] == {'idle_start_s': 0.0, 'idle_end_s': 0.0}


def test_limits_come_from_tolerance_and_period(clutter):
    limits = limits_of(clutter)
    assert limits['scan'].gap_ns == 200_000_000
    assert limits['scan'].least_hz == pytest.approx(0.9 * 5.0)  # a message per 200 ms window
    assert limits['cmd_vel'].least_hz == pytest.approx(0.9 * 10.0)
    assert limits['cmd_vel'].gap_ns == 200_000_000
    assert limits['goal'].gap_ns is None


def test_a_silent_topic_is_told_of_while_it_is_silent(take):
    take.run(10)
    take.run(3, without=['scan'])
    assert any(why.startswith('scan: 1 gap(s)') for why in take.suspect())


def test_a_gap_stays_in_the_verdict_after_the_topic_is_back(take):
    take.run(10)
    take.run(5, without=['scan'])
    take.run(40)
    verdict = take.verdict()
    assert verdict['verdict'] == 'suspect'
    assert any('scan: 1 gap(s), the longest 0.60 s' in why for why in verdict['reasons'])


def test_a_slow_command_is_below_its_rate(take):
    for k in range(40):
        take.run(1, without=['cmd_vel'] if k % 2 else [])
    assert any('cmd_vel: 5 Hz, at least 9 are needed' in why for why in take.suspect())


def test_stamps_that_jitter_are_told_of(take):
    for k in range(40):
        take.now += P
        take.send('scan', take.now + (60_000_000 if k % 2 else 0), k)
        take.send('odom', value=k)
        take.send('cmd_vel')
    assert any('scan: its stamps jitter by' in why for why in take.suspect())


def test_a_stamp_sent_twice_is_a_double(take):
    for _ in range(20):
        take.run(1)
        take.send('odom', value=1.0)
    assert any('odom: 20 message(s) with the stamp of the one before' in why
               for why in take.suspect())


def test_commands_may_come_more_often_than_the_clock_ticks(take):
    for _ in range(20):
        take.run(1)
        take.send('cmd_vel', take.now, 0.3)
        take.send('cmd_vel', take.now + 10_000_000, 0.3)
    assert take.suspect() == []


def test_a_few_doubles_do_no_harm(take):
    take.run(300)
    take.send('odom', value=1.0)
    assert take.suspect() == []


def test_stamps_that_jump_back_are_out_of_order(take):
    take.run(10)
    take.send('scan', take.now - 3 * P, 0.0)
    assert 'scan: 1 message(s) out of order.' in take.suspect()


def test_the_same_scan_under_new_stamps_is_frozen_while_the_robot_drives(take):
    take.run(10)
    take.run(20, vary=False)
    assert any(why.startswith('scan: the same data under new stamps for') for why in
               take.suspect())


def test_a_robot_at_rest_may_see_the_same(take):
    take.run(3)
    take.run(25, vary=False, command=0.0)
    assert not any('same data' in why for why in take.suspect())


def test_padding_and_header_are_not_content():
    reader, data = MessageReader(), bytearray(message('odom', T0, 1.5))
    assert data[16:26] == b'abc\x00\x01\x00\x00\x00\x00' + data[25:26]  # frame_id, child_frame_id
    other = bytearray(message('odom', T0 + S, 1.5))
    other[25:28] = b'\xaa\xbb\xcc'  # padding before the first double
    plain = content_of(reader.read(topic('odom'), bytes(data)))
    assert plain is not None
    assert plain == content_of(reader.read(topic('odom'), bytes(other)))
    assert plain != content_of(reader.read(topic('odom'), message('odom', T0, 1.6)))


@pytest.mark.parametrize('data', [b'', b'\x00\x01', b'\x00\x01\x00\x00' + b'\xff' * 40])
def test_damaged_bytes_are_not_read(take, data):
    assert MessageReader().read(topic('odom'), data) is None
    take.gate.take('odom', topic('odom'), data, take.now + 1, take.now)
    take.gate.take('cmd_vel', topic('cmd_vel'), data, take.now + 1, take.now)


def test_a_sender_whose_clock_is_ahead_is_told_of_on_hardware_only(clutter):
    for same_clock, expected in ((False, True), (True, False)):
        take = Take(clutter, same_clock=same_clock)
        take.run(20, lag_ns=-50_000_000)
        assert any('0.05 s in the future' in why for why in take.suspect()) is expected


def test_messages_that_arrive_late_are_told_of(clutter):
    take = Take(clutter, same_clock=False)
    take.run(20, lag_ns=150_000_000)
    assert any('scan: arrives 0.15 s after its stamp at best' in why for why in take.suspect())
    near = Take(clutter, same_clock=False)
    near.run(20, lag_ns=20_000_000)
    assert near.suspect() == []


def test_empty_stamps_are_told_of(take):
    take.run(20)
    take.send('scan', 0, 1.0)
    assert 'scan: 1 message(s) with an empty stamp.' in take.suspect()


def test_an_idle_start_is_told_of_while_it_lasts(take):
    take.run(25, command=0.0)
    assert take.suspect() == []
    take.run(10, command=0.0)
    assert any(why == 'cmd_vel: nobody has driven for 3.4 s.' for why in take.suspect())
    take.run(5)
    assert any(why == 'cmd_vel: stood for 3.5 s before it moved.' for why in take.suspect())


def test_a_robot_that_takes_a_twist_without_a_stamp_is_seen_to_idle_too(take):
    kind = 'geometry_msgs/msg/Twist'
    unstamped = WrittenTopic('/cmd_vel', kind, schema_text(kind))
    for speed in (*[0.0] * 35, *[0.3] * 5):
        command = Twist()
        command.linear.x = speed
        take.run(1, without=('cmd_vel',))
        take.gate.take('cmd_vel', unstamped, serialize_message(command), take.now, take.now)
    assert any(why == 'cmd_vel: stood for 3.5 s before it moved.' for why in take.suspect())
    take.gate.published |= {'cmd_vel': kind, 'odom': 'nav_msgs/msg/Path'}
    problems = ' '.join(take.gate.problems(take.now))
    assert 'odom: is a nav_msgs/msg/Path' in problems and 'cmd_vel' not in problems


def test_an_idle_end_counts_when_the_take_has_ended(take):
    take.run(5)
    take.run(35, command=0.0)
    assert take.suspect() == []  # it may go on
    assert any(why == 'cmd_vel: stood for 3.5 s before it ended.'
               for why in take.verdict()['reasons'])


def test_where_the_stop_action_is_hold_an_arm_idles_while_nothing_changes(clutter):
    from dataclasses import replace
    idle = IdleWatch(replace(clutter.action, stop=np.full(2, np.nan)))
    for k in range(40):
        idle.take(T0 + k * P, [0.4, 0.2])
    assert idle.head_ns > IDLE_NS
    assert not idle.moving
    idle.take(T0 + 40 * P, [0.3, 0.2])
    assert idle.moving
    assert idle.head_ns == 40 * P


def test_a_new_world_begins_a_new_judgement_but_what_came_is_there(take):
    take.run(10)
    take.now += S  # the leap of a reset
    take.run(1)
    assert take.suspect()
    take.gate.restart(take.now)
    take.run(20)
    assert take.suspect() == []


def test_a_take_that_has_just_begun_is_not_suspect(clutter):
    gate = RecordingGate(clutter)
    gate.begin(T0)
    assert gate.suspect(T0 + P) == []
    assert any('scan: no message' in why for why in gate.suspect(T0 + 2 * S))
