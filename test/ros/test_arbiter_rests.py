"""How often the arbiter wakes: seldom while nobody drives, and at once when somebody does."""

import time
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan
from std_srvs.srv import Trigger

from ilw_msgs.msg import ActionChunk, ArbiterState
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, REQUEST, STATE_OFFER
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.arbiter.switches import Switches

MS = 1_000_000
BEGIN = 1_000_000 * MS


class Bench:
    """An arbiter, a clock that this test moves, and a hand."""

    def __init__(self, ros, monkeypatch, contract, *, simulated):
        init = Node.__init__
        arguments = ['--ros-args', '-p', f'use_sim_time:={str(simulated).lower()}']
        monkeypatch.setattr(Node, '__init__', lambda self, name, **more: init(
            self, name, cli_args=arguments, **more))
        self.arbiter = ros.add(ArbiterNode())
        monkeypatch.setattr(Node, '__init__', init)
        self.ros, self.contract, self.states, self.polls, self.now = ros, contract, [], 0, BEGIN
        self.node = ros.add(Node('bench'))
        self.clock = self.node.create_publisher(Clock, '/clock', 10)
        self.hand = self.node.create_publisher(ActionChunk, 'teleop/action', REQUEST)
        self.node.create_subscription(ArbiterState, 'arbiter/state', self.states.append, EVENT)
        poll = self.arbiter._loop.poll

        def counted(*times, **more):
            self.polls += 1
            return poll(*times, **more)

        monkeypatch.setattr(self.arbiter._loop, 'poll', counted)
        ros.until(lambda: self.hand.get_subscription_count(), 20, 'the arbiter')

    def ask(self, stamp):
        self.hand.publish(ActionChunk(
            source=ActionChunk.SOURCE_PERSON, contract_hash=self.contract.hash, horizon=1,
            names=list(self.contract.action.names), period=0.1, active=True, values=[0.2, 0.0],
            header=self.header(stamp)))

    @staticmethod
    def header(stamp):
        message = ActionChunk()
        message.header.stamp = time_msg(stamp)
        return message.header

    def tick(self, step_ns):
        """Move the clock, and let the arbiter run until it has heard of it or need not."""
        self.now += step_ns
        self.clock.publish(Clock(clock=time_msg(self.now)))
        for _ in range(3):
            self.ros.executor.spin_once(timeout_sec=0.004)

    def run_fine(self):
        self.ros.until(lambda: self.tick(10 * MS) or self.arbiter._tap.paced, 30, 'a fine clock')


def test_on_hardware_it_wakes_once_or_so_for_each_decision_while_nobody_drives(
        ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=False)
    ros.until(lambda: bench.states, 20, 'the first decision')
    bench.states.clear()
    bench.polls = 0
    ros.until(lambda: len(bench.states) >= 8, 20, 'decisions')
    assert bench.polls <= 3 * len(bench.states), 'ten for each, as it was'


def test_who_begins_to_drive_is_watched_closely_from_then_on(ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=False)
    ros.until(lambda: len(bench.states) > 3, 20, 'decisions')
    assert bench.arbiter._poll._now_ns > 10 * MS
    bench.ask(bench.node.get_clock().now().nanoseconds)
    ros.until(lambda: bench.states[-1].source == ArbiterState.SOURCE_PERSON, 20, 'the person')
    assert bench.arbiter._poll._now_ns == 10 * MS
    ros.until(lambda: 'silent' in bench.states[-1].reasons, 20, 'the silence to be noticed')
    ros.until(lambda: bench.arbiter._poll._now_ns > 10 * MS, 20, 'the rest')


def test_a_fine_clock_is_followed_without_being_woken_by_each_message(ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=True)
    bench.run_fine()
    bench.states.clear()
    ros.until(lambda: bench.tick(10 * MS) or len(bench.states) >= 4, 30, 'decisions')
    gaps = [stamp_ns(b.header.stamp) - stamp_ns(a.header.stamp)
            for a, b in zip(bench.states[:-1], bench.states[1:], strict=True)]
    assert all(100 * MS <= gap <= 250 * MS for gap in gaps), gaps
    bench.ask(bench.now)
    ros.until(lambda: bench.states[-1].source == ArbiterState.SOURCE_PERSON, 20, 'the person')
    ros.until(lambda: bench.tick(10 * MS) or bench.states[-1].source == ArbiterState.SOURCE_NONE,
              20, 'the silence to be noticed')


def test_a_message_of_a_fine_clock_that_waits_does_not_wake_it_again_and_again(
        ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=True)
    bench.run_fine()
    tap, waits = bench.arbiter._tap, 0
    judge = tap._clock._group.can_execute

    def counted(entity):
        nonlocal waits
        waits += entity is tap._clock._subscription
        return judge(entity)

    monkeypatch.setattr(tap._clock._group, 'can_execute', counted)
    for _ in range(20):
        bench.now += 10 * MS
        bench.clock.publish(Clock(clock=time_msg(bench.now)))
        ros.executor.spin_once(timeout_sec=0.04)
    assert tap.paced
    assert 0 < waits < 120, 'the condition of its event handlers is that of its messages'


def test_a_fine_clock_that_jumps_back_makes_it_forget_who_drove(ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=True)
    bench.run_fine()
    bench.ask(bench.now)
    ros.until(lambda: bench.states and bench.states[-1].source == ArbiterState.SOURCE_PERSON,
              20, 'the person')
    bench.tick(-500_000 * MS)
    ros.until(lambda: bench.states[-1].source == ArbiterState.SOURCE_NONE
              and stamp_ns(bench.states[-1].header.stamp) < BEGIN, 20, 'a decision anew')


@pytest.mark.parametrize('step_ms', [50, 100, 1000])
def test_a_clock_in_whole_ticks_may_wait_for_the_answer_and_wakes_it(
        ros, monkeypatch, clutter, step_ms):
    bench = Bench(ros, monkeypatch, clutter, simulated=True)
    for _ in range(12):
        bench.tick(step_ms * MS)
    assert not bench.arbiter._tap.paced


def test_a_fine_clock_that_stands_wakes_it_again(ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=True)
    bench.run_fine()
    ros.until(lambda: not bench.arbiter._tap.paced, 20, 'the end of its trust')


@pytest.mark.parametrize('name', ['estop', 'disarm', 'reset', 'arm'])
def test_only_who_arms_waits_for_a_look_around(clutter, name):
    """A stop must not depend on anything that could be slow or fail."""
    told, served, arbiter = [], {}, Arbiter(clutter)
    offered = SimpleNamespace(create_service=lambda _, topic, answer: served.update(
        {topic: answer}))
    Switches(offered, arbiter, lambda: told.append('look'), lambda why: told.append('after'))
    assert served[f'arbiter/{name}'](Trigger.Request(), Trigger.Response()).success
    assert told == (['look', 'after'] if name == 'arm' else ['after'])
    assert (arbiter.estopped, arbiter.armed) == (name == 'estop', name == 'arm')


def scan(stamp, metres):
    message = LaserScan(angle_min=-3.0, angle_max=3.0, angle_increment=0.1, range_max=10.0,
                        ranges=[metres] * 61)
    message.header.stamp = time_msg(stamp)
    return message


def test_scans_do_not_wake_it_while_nobody_drives_but_the_newest_one_counts(
        ros, monkeypatch, clutter):
    bench = Bench(ros, monkeypatch, clutter, simulated=False)
    lidar = bench.node.create_publisher(LaserScan, 'scan', STATE_OFFER)
    ros.until(lidar.get_subscription_count, 20, 'the arbiter')
    ros.until(lambda: bench.arbiter._poll._now_ns > 10 * MS, 20, 'the rest')
    woken, run = [], bench.arbiter._around._heard[0]._group.can_execute
    monkeypatch.setattr(bench.arbiter._around._heard[0]._group, 'can_execute',
                        lambda entity: run(entity) and not woken.append(entity))
    now = bench.node.get_clock().now
    lidar.publish(scan(now().nanoseconds, 9.0))
    states = len(bench.states)
    ros.until(lambda: len(bench.states) > states + 10, 20, 'that scan to be an old one')
    assert not woken
    lidar.publish(scan(now().nanoseconds, 9.0))
    time.sleep(0.02)
    bench.ask(now().nanoseconds)
    ros.until(lambda: bench.states[-1].source == ArbiterState.SOURCE_PERSON, 20, 'the person')
    assert 'blind' not in bench.states[-1].reasons
