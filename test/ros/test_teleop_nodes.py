"""Joystick in, commands out: teleop, arbiter and recorder as real nodes over DDS."""

import math
from pathlib import Path
import time

import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
from one_node import start_node
from rclpy.action import ActionClient
from rclpy.node import Node
from rosbags.highlevel import AnyReader
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Joy, LaserScan
from std_srvs.srv import Trigger

from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_msgs.action import RecordEpisode
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeEvent, EpisodeStatus, Reward
from ilw_msgs.srv import DiscardEpisode, StartEpisode, StopEpisode
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE_OFFER, command
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.person.teleop_node import TeleopNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode
from ilw_teleop.recording.gate import header_stamp_ns

P = 100_000_000
STEP = math.pi / 18


def open_scan():
    """Return the scan of an empty place."""
    return LaserScan(angle_min=-math.pi, angle_max=math.pi - STEP, angle_increment=STEP,
                     range_min=0.1, range_max=8.0, ranges=[math.inf] * 36)


LB, A, B, X, Y, START, BACK = 4, 0, 1, 2, 3, 7, 6


class Bench:
    """A lockstep simulator and a hand, reduced to what the nodes see of them."""

    def __init__(self, ros, contract):
        self.ros, self.contract = ros, contract
        self.node = node = ros.add(Node('bench'))
        make, hear = node.create_publisher, node.create_subscription
        self.joy_pub = make(Joy, 'joy', EVENT)
        self.clock_pub = make(Clock, '/clock', 10)
        self.event_pub = make(EpisodeEvent, 'episode/event', EVENT)
        self.policy_pub = make(ActionChunk, 'policy/action', REQUEST)
        self.goal_pub = make(PoseStamped, 'goal', LATCHED)
        self.state_pubs = [make(LaserScan, 'scan', STATE_OFFER),
                           make(Odometry, 'odom', STATE_OFFER)]
        self.commands, self.states, self.events, self.status = [], [], [], None
        hear(TwistStamped, 'cmd_vel', self.commands.append, command(contract.rate_hz))
        hear(ArbiterState, 'arbiter/state', self.states.append, EVENT)
        hear(EpisodeEvent, 'episode/event', self.events.append, EVENT)
        hear(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.now = 1000 * 10 * P
        self.let_go = False
        self.goal_pub.publish(PoseStamped())

    def _on_status(self, status):
        self.status = status

    def matched(self, *publishers):
        self.ros.until(lambda: all(p.get_subscription_count() for p in publishers), 20,
                       'the nodes to find each other')

    def tick(self):
        """Advance the clock and send the sensors of the new tick."""
        self.now += P
        for publisher in self.state_pubs:
            message = open_scan() if publisher.msg_type is LaserScan else publisher.msg_type()
            message.header.stamp = time_msg(self.now)
            publisher.publish(message)
        self.clock_pub.publish(Clock(clock=time_msg(self.now)))

    def joy(self, forward=0.0, turn=0.0, *down):
        joy = Joy(axes=[0.0, forward, 1.0, turn, 0.0, 1.0, 0.0, 0.0],
                  buttons=[int(i in down) for i in range(11)])
        joy.header.stamp = time_msg(self.now)
        self.joy_pub.publish(joy)

    def policy(self, values, **changes):
        chunk = ActionChunk(**{
            'source': ActionChunk.SOURCE_POLICY, 'active': True, 'horizon': 1, 'period': 0.1,
            'contract_hash': self.contract.hash, 'names': list(self.contract.action.names),
            'values': values} | changes)
        chunk.header.stamp = time_msg(self.now)
        self.policy_pub.publish(chunk)

    def commanded(self):
        """Wait for the command of the present tick and return it."""
        self.ros.until(self.answered, 10, f'a command for {self.now}')
        return self.commands[-1]

    def answered(self):
        return bool(self.commands) and stamp_ns(self.commands[-1].header.stamp) >= self.now

    def let_go_first(self):
        """Show a deadman that is up: it counts from then on. The nodes may still be strangers."""
        until = time.monotonic() + 30.0
        while not self.answered() and time.monotonic() < until:
            self.tick()
            self.joy()
            for _ in range(50):
                if not self.answered():
                    self.ros.executor.spin_once(timeout_sec=0.02)
        self.let_go = True

    def drive(self, ticks, *buttons, forward=1.0):
        if not self.let_go:
            self.let_go_first()
        for _ in range(ticks):
            self.tick()
            self.joy(forward, 0.0, LB, *buttons)
            self.commanded()

    def call(self, kind, name, request=None):
        client = self.node.create_client(kind, name)
        self.ros.until(client.service_is_ready, 20, name)
        future = client.call_async(request or kind.Request())
        self.ros.until(future.done, 20, f'an answer of {name}')
        self.node.destroy_client(client)
        return future.result()

    def phase(self, phase):
        self.ros.until(lambda: self.status is not None and self.status.phase == phase, 20,
                       f'phase {phase}')


@pytest.fixture
def bench(clutter, ros):
    return Bench(ros, clutter)


def test_the_stick_drives_and_one_command_answers_each_tick(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    bench.matched(bench.joy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    bench.drive(2)
    before = len(bench.commands)
    bench.drive(20)
    new = bench.commands[before:]
    assert [stamp_ns(c.header.stamp) for c in new] == [bench.now - k * P
                                                       for k in reversed(range(20))]
    assert new[-1].twist.linear.x == 0.5
    assert bench.states[-1].source == ArbiterState.SOURCE_PERSON
    bench.tick()
    bench.joy(1.0, 0.0)  # the deadman is released
    assert bench.commanded().twist.linear.x == 0.0


def test_a_person_rewards_with_two_buttons_once_per_press(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode)
    heard = []
    bench.node.create_subscription(Reward, 'reward', heard.append, EVENT)
    bench.matched(bench.joy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('reward') == 1)
    stamps = []
    for down in ((), (10,), (10,), (), (9,)):
        bench.tick()
        stamps.append(bench.now)
        bench.joy(0.0, 0.0, *down)
    ros.until(lambda: len(heard) == 2, 10, 'two rewards')
    assert [(r.value, r.source) for r in heard] == [(1.0, 'person'), (-1.0, 'person')]
    assert [stamp_ns(r.header.stamp) for r in heard] == [stamps[1], stamps[4]]


def test_a_vanished_joystick_stops_the_robot(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    bench.matched(bench.joy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    bench.drive(5)
    assert bench.commands[-1].twist.linear.x == 0.5
    for _ in range(6):
        bench.tick()
        ros.until(lambda: bench.commands and bench.now - stamp_ns(
            bench.commands[-1].header.stamp) <= 2 * P, 10, 'the watchdog')
    assert bench.commands[-1].twist.linear.x == 0.0
    assert bench.states[-1].source == ArbiterState.SOURCE_NONE
    assert 'silent' in bench.states[-1].reasons


def test_a_policy_drives_only_when_armed_and_never_through_the_emergency_stop(
        bench, ros, monkeypatch):
    start_node(ros, monkeypatch, ArbiterNode)
    bench.matched(bench.policy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)

    def once(values, **changes):
        bench.tick()
        bench.policy(values, **changes)
        bench.commanded()
        ros.until(lambda: bench.states and stamp_ns(bench.states[-1].header.stamp) >= bench.now)
        return bench.states[-1]

    state = once([0.2, 0.0])
    assert (state.source, list(state.reasons)) == (ArbiterState.SOURCE_NONE, ['disarmed'])
    assert list(state.requested) == [0.2, 0.0]
    assert bench.call(Trigger, 'arbiter/arm').success
    state = once([0.2, 0.0])
    assert (state.source, list(state.applied)) == (ArbiterState.SOURCE_POLICY, [0.2, 0.0])
    assert 'nonfinite' in once([float('nan'), 0.0]).reasons
    assert 'contract' in once([0.2, 0.0], contract_hash='another').reasons
    assert 'length' in once([0.2]).reasons
    once([0.2, 0.0])
    assert bench.call(Trigger, 'arbiter/estop').success
    state = once([0.2, 0.0])
    assert (state.source, list(state.applied)) == (ArbiterState.SOURCE_ESTOP, [0.0, 0.0])
    refused = bench.call(Trigger, 'arbiter/arm')
    assert not refused.success and 'latched' in refused.message
    bench.call(Trigger, 'arbiter/reset')
    assert 'disarmed' in once([0.2, 0.0]).reasons


def test_a_policy_that_was_started_again_is_disarmed_and_one_that_was_silent_is_not(
        bench, ros, monkeypatch):
    start_node(ros, monkeypatch, ArbiterNode)
    bench.matched(bench.policy_pub, bench.clock_pub)

    def acts():
        bench.tick()
        bench.policy([0.1, 0.0])
        bench.commanded()
        ros.until(lambda: bench.states and bench.states[-1].requested
                  and stamp_ns(bench.states[-1].header.stamp) >= bench.now, 10, 'the state')
        return bench.states[-1]

    acts()
    assert bench.call(Trigger, 'arbiter/arm').success
    assert acts().source == ArbiterState.SOURCE_POLICY
    for _ in range(5):
        bench.tick()
        bench.commanded()
    assert acts().source == ArbiterState.SOURCE_POLICY, 'it was silent, and is the same'
    bench.node.destroy_publisher(bench.policy_pub)
    bench.policy_pub = bench.node.create_publisher(ActionChunk, 'policy/action', REQUEST)
    bench.matched(bench.policy_pub)
    state = acts()
    assert (state.source, state.armed) == (ArbiterState.SOURCE_NONE, False)
    assert bench.call(Trigger, 'arbiter/arm').success
    assert acts().source == ArbiterState.SOURCE_POLICY


def test_a_leap_of_the_clock_and_a_jump_back_do_no_harm(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    bench.matched(bench.joy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    bench.drive(5)
    bench.now += 10 * P  # a reset
    bench.tick()
    assert bench.commanded().twist.linear.x == 0.0  # nobody asked: the stop action
    bench.drive(4)  # the first tick may have been nobody's already
    assert bench.commands[-1].twist.linear.x == 0.5
    bench.now -= 5000 * P  # the simulator was started anew
    bench.commands.clear()
    bench.tick()
    ros.until(lambda: any(stamp_ns(c.header.stamp) == bench.now for c in bench.commands))
    bench.drive(4)
    assert bench.commands[-1].twist.linear.x == 0.5


def test_a_dry_run_reports_and_commands_nothing(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, ArbiterNode, enable_output=False, armed_at_start=True)
    bench.matched(bench.policy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('arbiter/state') == 1)
    for _ in range(5):
        bench.tick()
        bench.policy([0.1, 0.0])
        ros.until(lambda: bench.states and stamp_ns(bench.states[-1].header.stamp) >= bench.now)
    assert list(bench.states[-1].applied) == [0.1, 0.0]
    assert not bench.states[-1].published
    assert bench.commands == []


def test_buttons_record_save_and_discard(bench, ros, monkeypatch, tmp_path):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    start_node(ros, monkeypatch, RecorderNode, root=tmp_path, operator='ada')
    bench.matched(bench.joy_pub, bench.clock_pub, *bench.state_pubs, bench.goal_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    ros.until(lambda: bench.node.count_subscribers('teleop/action') == 2, 20, 'the recorder')
    bench.drive(3)
    bench.phase(EpisodeStatus.PHASE_READY)
    bench.drive(1, START)
    bench.phase(EpisodeStatus.PHASE_RECORDING)
    bench.drive(10)
    bench.drive(1, A)
    ros.until(lambda: bench.status.saved == 1, 20, 'the first to be saved')
    bench.phase(EpisodeStatus.PHASE_READY)
    bench.drive(1, START)
    bench.phase(EpisodeStatus.PHASE_RECORDING)
    bench.drive(3)
    bench.drive(1, BACK)
    ros.until(lambda: bench.status.discarded == 1, 20, 'the second to be discarded')
    assert (bench.status.attempted, bench.status.saved) == (2, 1)
    (episode,) = find_episodes(tmp_path)
    assert episode.outcome is Outcome.SUCCESS
    assert (episode.meta['operator'], episode.stop_reason) == ('ada', 'operator')
    with AnyReader([episode.path]) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
        goals = [t for c, t, _ in reader.messages() if c.topic == '/goal']
        for name in ('/odom', '/cmd_vel', '/joy'):
            stamps = [header_stamp_ns(raw) for c, _, raw in reader.messages() if c.topic == name]
            assert stamps == sorted(stamps), name
    assert counts['/goal'] == 1 and len(goals) == 1  # sent long before the start
    for topic in ('/scan', '/odom', '/cmd_vel', '/joy', '/teleop/action', '/arbiter/state'):
        assert counts[topic] >= 10, topic
    kinds = [(e.sequence, e.kind) for e in bench.events if e.sender == 'teleop']
    assert kinds == [(1, 1), (2, 2), (3, 1), (4, 3)]


def test_services_and_the_simulators_end_record_too(bench, ros, monkeypatch, tmp_path):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    start_node(ros, monkeypatch, RecorderNode, root=tmp_path)
    bench.matched(bench.joy_pub, bench.clock_pub, bench.event_pub, *bench.state_pubs)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    ros.until(lambda: bench.node.count_subscribers('teleop/action') == 2, 20, 'the recorder')
    bench.drive(3)
    bench.phase(EpisodeStatus.PHASE_READY)
    assert bench.call(StopEpisode, 'record/stop').error_code == 1
    assert bench.call(DiscardEpisode, 'record/discard').error_code == 1
    assert bench.call(StartEpisode, 'record/start',
                      StartEpisode.Request(task='maze')).error_code == 4
    began = bench.call(StartEpisode, 'record/start', StartEpisode.Request(episode='abc'))
    assert (began.error_code, began.episode) == (0, 'abc')
    bench.drive(5)
    answer = bench.call(StopEpisode, 'record/stop', StopEpisode.Request(
        outcome=2, stop_reason='collision'))
    assert answer.error_code == 0
    assert read_episode(answer.path).outcome is Outcome.FAILURE
    bench.phase(EpisodeStatus.PHASE_READY)
    bench.call(StartEpisode, 'record/start', StartEpisode.Request(episode='def'))
    bench.drive(5)
    end = EpisodeEvent(kind=EpisodeEvent.KIND_STOP, outcome=1, stop_reason='goal', sender='sim',
                       episode='def')
    end.header.stamp = time_msg(bench.now)
    bench.event_pub.publish(end)
    ros.until(lambda: bench.status.saved == 2, 20, 'the second to be saved')
    episode = read_episode(bench.status.path)
    assert (episode.outcome, episode.stop_reason) == (Outcome.SUCCESS, 'goal')
    assert Path(answer.path).parent == episode.path.parent


def test_the_action_records_one_episode_and_cancelling_discards_it(
        bench, ros, monkeypatch, tmp_path):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode)
    start_node(ros, monkeypatch, RecorderNode, root=tmp_path)
    client = ActionClient(bench.node, RecordEpisode, 'record/episode')
    bench.matched(bench.joy_pub, bench.clock_pub, bench.event_pub, *bench.state_pubs)
    ros.until(client.server_is_ready)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    ros.until(lambda: bench.node.count_subscribers('teleop/action') == 2, 20, 'the recorder')
    bench.drive(3)
    bench.phase(EpisodeStatus.PHASE_READY)

    def begin():
        sent = client.send_goal_async(RecordEpisode.Goal(operator_name='ada'))
        ros.until(sent.done, 20, 'the goal')
        bench.phase(EpisodeStatus.PHASE_RECORDING)
        return sent.result()

    goal = begin()
    bench.drive(3)
    result = goal.get_result_async()
    bench.drive(1, A)
    ros.until(result.done, 20, 'the result')
    assert result.result().result.error_code == 0
    assert read_episode(result.result().result.path).meta['operator'] == 'ada'
    bench.phase(EpisodeStatus.PHASE_READY)
    goal = begin()
    cancel = goal.cancel_goal_async()
    ros.until(cancel.done, 20, 'the cancellation')
    result = goal.get_result_async()
    ros.until(result.done, 20, 'the result')
    assert result.result().result.path == ''
    ros.until(lambda: bench.status.discarded == 1)
    client.destroy()


def test_a_start_is_refused_while_a_sensor_is_missing(bench, ros, monkeypatch, tmp_path):
    bench.node.destroy_publisher(bench.state_pubs.pop(0))
    start_node(ros, monkeypatch, RecorderNode, root=tmp_path)
    bench.phase(EpisodeStatus.PHASE_WAITING)
    ros.until(lambda: any('scan' in p for p in bench.status.problems), 20, 'the problem')
    answer = bench.call(StartEpisode, 'record/start')
    assert answer.error_code == 1
    assert 'scan: nobody publishes it' in answer.error_msg


def test_a_parameter_that_does_not_exist_is_refused(ros, monkeypatch):
    from ilw_core.errors import IlwError
    with pytest.raises(IlwError, match='max_agee_s'):
        start_node(ros, monkeypatch, ArbiterNode, max_agee_s=0.5)


def test_on_hardware_the_robot_stops_when_the_joystick_falls_silent(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode, use_sim_time=False)
    start_node(ros, monkeypatch, ArbiterNode, use_sim_time=False)
    bench.matched(bench.joy_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)

    def press():
        bench.now = bench.node.get_clock().now().nanoseconds - P
        bench.tick()
        bench.joy(1.0, 0.0, LB) if bench.let_go else bench.joy()
        bench.let_go = True

    timer = bench.node.create_timer(0.05, press)
    ros.until(lambda: bench.commands and bench.commands[-1].twist.linear.x == 0.5, 20, 'speed')
    bench.node.destroy_timer(timer)
    ros.until(lambda: bench.commands[-1].twist.linear.x == 0.0, 20, 'a stop')
    # Its lidar fell silent, too: whichever is noticed first stops it, and both are.
    ros.until(lambda: 'silent' in bench.states[-1].reasons, 20, 'the silence to be noticed')
    silent = bench.states[-1]
    asked = max(stamp_ns(s.header.stamp) for s in bench.states
                if s.source == ArbiterState.SOURCE_PERSON)
    assert stamp_ns(silent.header.stamp) > asked


def test_a_pad_of_another_layout_is_named_in_diagnostics_and_only_stops(bench, ros, monkeypatch):
    start_node(ros, monkeypatch, TeleopNode)
    start_node(ros, monkeypatch, ArbiterNode, armed_at_start=True)
    said = []
    bench.node.create_subscription(DiagnosticArray, '/diagnostics', lambda array: said.extend(
        s for s in array.status if s.name.startswith('teleop: joystick')), EVENT)
    bench.matched(bench.joy_pub, bench.clock_pub)
    ros.until(lambda: bench.node.count_publishers('cmd_vel') == 1)
    bench.drive(3)
    assert bench.commands[-1].twist.linear.x > 0.0

    def foreign(*down):
        bench.tick()
        joy = Joy(axes=[0.0, 1.0, -1.0, 0.0, 1.0, 1.0, 0.0, 0.0],
                  buttons=[int(i in down) for i in range(15)])  # Xbox, over Bluetooth
        joy.header.stamp = time_msg(bench.now)
        bench.joy_pub.publish(joy)
        bench.commanded()
        ros.until(lambda: bench.states and stamp_ns(bench.states[-1].header.stamp) >= bench.now)

    foreign(4, 6)
    assert bench.commands[-1].twist.linear.x == 0.0
    for button in (0, 1, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14):
        foreign(button)
    assert bench.events == []
    assert not bench.states[-1].estopped
    ros.until(lambda: any(s.level == DiagnosticStatus.ERROR and 'xbox_bluetooth' in s.message
                          and 'joystick test' in s.message for s in said), 10, 'a complaint')
    foreign(3)
    ros.until(lambda: bench.states[-1].estopped, 10, 'the emergency stop')
