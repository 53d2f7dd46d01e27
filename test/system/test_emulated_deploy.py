"""Deployment on the emulated robot, as ``./ilw up deploy --robot emulated`` starts it."""

import json
import math
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from ilw_bringup.start.bringup import resolve
from ilw_bringup.start.private_domain import private_domain
from ilw_bringup.start.processes import Fleet
from ilw_msgs.msg import ActionChunk, ArbiterState
from ilw_ros.convert import message_class, stamp_ns
from ilw_ros.qos import EVENT, REQUEST, STATE
from ilw_ros.transport import start_ros


class Onlooker:
    """Hears what the robot, the policy and the arbiter say."""

    def __init__(self, fleet):
        start_ros()
        self.fleet, self.node = fleet, Node('onlooker')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.odom, self.asked, self.decided = [], [], []
        for kind, topic, qos, heard in (
            (message_class('nav_msgs/msg/Odometry'), 'odom', STATE, self.odom),
            (ActionChunk, 'policy/action', REQUEST, self.asked),
            (ArbiterState, 'arbiter/state', EVENT, self.decided),
        ):
            self.node.create_subscription(kind, topic, heard.append, qos)

    def hear(self, kind, topic, qos):
        """Return a list that receives the messages of a topic."""
        heard = []
        self.node.create_subscription(message_class(kind), topic, heard.append, qos)
        return heard

    def until(self, done, what, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not done():
            assert not self.fleet.dead(), f'{self.fleet.dead()} ended while waiting for {what}'
            assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
            self.executor.spin_once(timeout_sec=0.05)

    def arm(self):
        client = self.node.create_client(Trigger, 'arbiter/arm')
        self.until(client.service_is_ready, 'the arbiter')

        def armed():
            answer = client.call_async(Trigger.Request())
            self.until(answer.done, 'the answer')
            return answer.result().success

        self.until(armed, 'the arbiter to find the robot as the contract says')

    def way(self):
        """Return how far the robot is from where it was first seen [m]."""
        first, last = (m.pose.pose.position for m in (self.odom[0], self.odom[-1]))
        return math.hypot(last.x - first.x, last.y - first.y)

    def close(self):
        self.node.destroy_node()
        self.executor.shutdown()
        rclpy.try_shutdown()


@pytest.fixture
def deployed(tmp_path, monkeypatch):
    """Return a starter of the bring-up: deployed(enable_output=True) gives an onlooker."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    opened = []
    with private_domain(), Fleet(tmp_path / 'logs') as fleet:
        def start(**given):
            bringup, values = resolve('deploy', {
                'robot': 'emulated', 'input': 'external', 'checkpoint': 'random',
                'reveal': str(tmp_path / 'truth.json'), **given})
            fleet.start(bringup.nodes(values))
            opened.append(Onlooker(fleet))
            return opened[0]

        yield start
        for onlooker in opened:
            onlooker.close()


def test_a_policy_drives_the_emulated_robot_on_the_system_clock(deployed, tmp_path):
    onlooker = deployed(enable_output=True, emulator='typical', emulator_seed=5)
    onlooker.until(lambda: onlooker.odom and onlooker.asked, 'odometry and a policy')
    onlooker.arm()
    onlooker.until(lambda: onlooker.way() > 0.1, 'the robot to move')
    assert abs(time.time() - stamp_ns(onlooker.odom[-1].header.stamp) / 1e9) < 1.0
    assert not onlooker.node.get_publishers_info_by_topic('/clock')
    truth = json.loads((tmp_path / 'truth.json').read_text())
    assert (truth['emulator'], truth['seed']) == ('typical', 5)


def test_a_dry_run_asks_for_much_and_moves_nothing(deployed):
    onlooker = deployed(enable_output=False, emulator='nasty')
    onlooker.until(lambda: len(onlooker.odom) > 100 and len(onlooker.asked) > 20
                   and onlooker.decided, 'two seconds of it')
    assert not onlooker.node.get_publishers_info_by_topic('cmd_vel')
    assert onlooker.way() == 0.0
    assert any(abs(value) > 0.05 for chunk in onlooker.asked for value in chunk.values)


def test_a_policy_drives_the_emulated_arm_on_the_system_clock(deployed, tmp_path):
    onlooker = deployed(task='lift_state', enable_output=True, emulator_seed=5)
    tools = onlooker.hear('geometry_msgs/msg/PoseStamped', 'tool_pose', STATE)
    onlooker.until(lambda: tools and onlooker.asked, 'the tool and a policy')
    onlooker.arm()
    begin = tools[-1].pose.position

    def way_m():
        at = tools[-1].pose.position
        return math.dist((at.x, at.y, at.z), (begin.x, begin.y, begin.z))

    onlooker.until(lambda: way_m() > 0.02, 'the arm to move')
    assert abs(time.time() - stamp_ns(tools[-1].header.stamp) / 1e9) < 2.0
    assert not onlooker.node.get_publishers_info_by_topic('/clock')
    truth = json.loads((tmp_path / 'truth.json').read_text())
    assert (truth['emulated_arm'], truth['seed']) == ('typical', 5)
