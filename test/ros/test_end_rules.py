"""A take ends by a rule of the contract, with nobody at the buttons, over DDS."""

import pytest

pytest.importorskip('rclpy')
from nav_msgs.msg import Odometry
from rclpy.node import Node

from ilw_core.contract.file import parse_contract
from ilw_core.episode import Outcome
from ilw_msgs.msg import EpisodeStatus
from ilw_ros.convert import time_msg
from ilw_ros.qos import LATCHED, STATE_OFFER
from ilw_teleop.nodes.person.end_rules import EndRules
from ilw_teleop.nodes.person.recorder_ear import RecorderEar

P = 100_000_000
TEXT = """
contract: ruled
version: 1
rate_hz: 10
observation:
  base: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/Twist}
  fields: [{name: linear.x, unit: m/s, min: -1.0, max: 1.0, max_rate: 5.0}]
  on_stale: stop
termination:
  success: {when: {base.forward_mps: {above: 0.2, below: 0.8}}, for_s: 0.3}
  failure: {when: {base.forward_mps: {above: 0.8}}}
"""
T0 = 1_000 * P


class World:
    """A base that reports its speed, and a recorder that says what it does."""

    def __init__(self, ros):
        self.ros, self.ended, self.now_ns = ros, [], T0
        node = ros.add(Node('teleop'))
        self.odom = node.create_publisher(Odometry, 'odom', STATE_OFFER)
        self.status = node.create_publisher(EpisodeStatus, 'episode/status', LATCHED)
        self.ear = RecorderEar(node)
        self.rules = EndRules(node, parse_contract(TEXT), lambda: self.ear.recording,
                              lambda outcome, at_ns: self.ended.append((outcome, at_ns)))
        ros.until(lambda: self.odom.get_subscription_count() and (
            self.status.get_subscription_count()), 20, 'the topics')

    def record(self, phase):
        self.status.publish(EpisodeStatus(phase=phase))
        recording = phase == EpisodeStatus.PHASE_RECORDING
        self.ros.until(lambda: self.ear.recording == recording, 10, 'the recorder')

    def drive(self, speed, ticks):
        for _ in range(ticks):
            odom = Odometry()
            odom.header.stamp = time_msg(self.now_ns)
            odom.twist.twist.linear.x = speed
            self.odom.publish(odom)
            self.now_ns += P
            self.ros.executor.spin_once(timeout_sec=0.1)
        for _ in range(20):
            self.ros.executor.spin_once(timeout_sec=0.01)


def test_a_success_is_told_once_and_only_while_an_attempt_runs(ros):
    world = World(ros)
    world.drive(0.5, 6)
    assert world.ended == []
    world.record(EpisodeStatus.PHASE_RECORDING)
    begun_ns = world.now_ns
    world.drive(0.5, 6)
    assert [outcome for outcome, _ in world.ended] == [Outcome.SUCCESS]
    assert world.ended[0][1] - begun_ns >= 2 * P  # 0.3 s from the first tick of the attempt


def test_a_failure_is_told_at_once(ros):
    world = World(ros)
    world.record(EpisodeStatus.PHASE_RECORDING)
    world.drive(0.1, 4)
    assert world.ended == []
    world.drive(0.9, 2)
    assert [outcome for outcome, _ in world.ended] == [Outcome.FAILURE]
