"""The emulated machine over real DDS: a driver's interface, latency and clock as configured."""

from dataclasses import fields
import json
import math
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import JointState, LaserScan
from tf2_msgs.msg import TFMessage
import yaml

from ilw_core.errors import IlwError
from ilw_emulator.nodes.emulator_node import EmulatorNode
from ilw_emulator.traits import PARTS
from ilw_emulator.world import EmulatedWorld
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import LATCHED, REQUEST, STATE

HALL = EmulatedWorld('hall', (2.0, 2.0, 0.0), (3.0, 2.0), segments=(
    (0.0, 0.0, 9.0, 0.0), (9.0, 0.0, 9.0, 9.0), (9.0, 9.0, 0.0, 9.0), (0.0, 9.0, 0.0, 0.0)))


@pytest.fixture
def machine(ros, tmp_path, request):
    """Return a maker of a running node: machine(drive__latency_s=0.1), beside it what it said."""
    def make(contract='clutter', seed=0, **traits):
        profile = {'emulator': 'made', 'body': {
            'radius_m': 0.16, 'track_m': 0.24, 'wheel_radius_m': 0.033}}
        for part, kind in PARTS.items():
            profile[part] = {item.name: item.default for item in fields(kind)}
        for key, value in traits.items():
            part, name = key.split('__')
            profile[part][name] = value
        (tmp_path / 'made.yaml').write_text(yaml.safe_dump(profile))
        (tmp_path / 'hall.yaml').write_text(HALL.text())
        return ros.add(EmulatorNode(parameter_overrides=[
            Parameter('contract', value=str(contract)), Parameter('seed', value=seed),
            Parameter('profile', value=str(tmp_path / 'made.yaml')),
            Parameter('world', value=str(tmp_path / 'hall.yaml')),
            Parameter('reveal', value=str(tmp_path / 'truth.json'))]))

    return make


class Ear:
    """Somebody on the network: hears everything with its time of arrival, and commands."""

    def __init__(self, ros, kind=TwistStamped):
        self.ros, self.node, self.kind = ros, ros.add(Node('ear')), kind
        self.heard = {}
        for topic, message, qos in (
            ('odom', Odometry, STATE), ('scan', LaserScan, STATE),
            ('joint_states', JointState, STATE), ('goal', PoseStamped, LATCHED),
            ('/tf', TFMessage, STATE), ('/tf_static', TFMessage, LATCHED),
            ('/diagnostics', DiagnosticArray, STATE),
        ):
            self.heard[topic] = []
            self.node.create_subscription(
                message, topic,
                lambda m, topic=topic: self.heard[topic].append((time.time_ns(), m)), qos)
        self.commands = self.node.create_publisher(kind, 'cmd_vel', REQUEST)

    def ready(self):
        self.ros.until(lambda: all(self.heard.values()), 20, 'every topic')
        self.ros.until(self.commands.get_subscription_count, 20, 'the base')

    def command(self, forward, turn=0.0):
        """Send a command; return when, by the clock of this side."""
        message = self.kind()
        twist = message.twist if self.kind is TwistStamped else message
        twist.linear.x, twist.angular.z = forward, turn
        now_ns = time.time_ns()
        if self.kind is TwistStamped:
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns, 10 ** 9)
        self.commands.publish(message)
        return now_ns

    def until_speed(self, reached, what):
        self.ros.until(lambda: reached(self.heard['odom'][-1][1].twist.twist.linear.x), 20, what)
        return self.heard['odom'][-1]


def test_it_offers_what_a_driver_offers_and_no_services_of_a_simulator(ros, machine):
    node, ear = machine(), Ear(ros)
    ear.ready()
    for topic in ('odom', 'scan', 'joint_states'):
        offer, = ear.node.get_publishers_info_by_topic(topic)
        assert offer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert offer.qos_profile.durability == DurabilityPolicy.VOLATILE
    assert not node.get_parameter('use_sim_time').value
    names = [name for name, _ in ear.node.get_service_names_and_types_by_node(
        node.get_name(), node.get_namespace())]
    assert names, 'found by its name'
    assert not [name for name in names if 'sim/' in name]
    assert not [name for name, _ in ear.node.get_topic_names_and_types()
                if 'sim/' in name or name == '/clock']


def test_its_messages_tell_of_the_machine(ros, machine):
    machine()
    ear = Ear(ros)
    ear.ready()
    odom, scan, joints, goal = (ear.heard[topic][-1][1]
                                for topic in ('odom', 'scan', 'joint_states', 'goal'))
    assert (odom.header.frame_id, odom.child_frame_id) == ('odom', 'base_link')
    assert (odom.pose.pose.position.x, odom.pose.pose.position.y) == (2.0, 2.0)
    assert scan.header.frame_id == 'base_scan'
    assert len(scan.ranges) == 36
    assert scan.ranges[18] == pytest.approx(7.0, abs=1e-4)  # beam 0 looks back
    assert (goal.pose.position.x, goal.pose.position.y) == (3.0, 2.0)
    assert list(joints.name) == ['wheel_left_joint', 'wheel_right_joint']
    moved, = ear.heard['/tf'][-1][1].transforms
    assert (moved.header.frame_id, moved.child_frame_id) == ('odom', 'base_link')
    mounted, = ear.heard['/tf_static'][-1][1].transforms
    assert mounted.child_frame_id == 'base_scan'
    assert ear.heard['/diagnostics'][-1][1].status[0].message == 'running'


@pytest.mark.parametrize('kind', [TwistStamped, Twist])
def test_a_command_moves_it_and_silence_stops_it(ros, machine, contract_of, kind):
    machine(contract=contract_of(kind), drive__timeout_s=0.4)
    ear = Ear(ros, kind)
    ear.ready()
    told_ns = ear.command(0.3)
    ear.until_speed(lambda speed: speed > 0.29, 'it to move')
    stopped_ns, _ = ear.until_speed(lambda speed: speed < 0.01, 'it to stop')
    assert (stopped_ns - told_ns) / 1e9 > 0.4
    joints = ear.heard['joint_states'][-1][1]
    assert joints.position[0] == pytest.approx(joints.position[1])
    way = ear.heard['odom'][-1][1].pose.pose.position.x - 2.0
    assert joints.position[0] * 0.033 == pytest.approx(way, abs=0.02)


@pytest.fixture
def contract_of(tmp_path, clutter):
    """Return a maker of a contract whose command is of a kind."""
    def make(kind):
        text = clutter.text
        if kind is Twist:
            text = text.replace('geometry_msgs/msg/TwistStamped', 'geometry_msgs/msg/Twist')
            text = text.replace('twist.linear.x', 'linear.x').replace('twist.angular', 'angular')
        path = tmp_path / 'contract.yaml'
        path.write_text(text)
        return path

    return make


def test_the_latency_measured_is_the_one_configured(ros, machine):
    """By arrival: command, latency, motion, the next odometry, its way."""
    machine(drive__latency_s=0.15, drive__timeout_s=2.0, odometry__transit_s=0.05,
            odometry__rate_hz=200.0)
    ear = Ear(ros)
    ear.ready()
    measured = []
    for speed in (0.1, 0.2, 0.1, 0.2, 0.1):
        before = ear.heard['odom'][-1][1].twist.twist.linear.x
        told_ns = ear.command(speed)
        seen_ns, _ = ear.until_speed(lambda s, b=before: abs(s - b) > 5e-3, 'an answer')
        measured.append((seen_ns - told_ns) / 1e9)
        ear.until_speed(lambda s, v=speed: abs(s - v) < 1e-3, 'the speed')
    assert min(measured) > 0.2
    assert min(measured) < 0.2 + 0.06  # speeding up, two polls, one period; the best of five


def test_stamps_carry_the_offset_of_its_clock_and_the_ages_of_what_they_tell(ros, machine):
    machine(clock__offset_s=-0.4, odometry__transit_s=0.03, lidar__transit_s=0.06)
    ear = Ear(ros)
    ear.ready()
    ear.ros.until(lambda: len(ear.heard['scan']) > 20, 20, '20 scans')
    for topic, transit_s in (('odom', 0.03), ('scan', 0.06)):
        behind = [(at_ns - stamp_ns(message.header.stamp)) / 1e9
                  for at_ns, message in ear.heard[topic]]
        assert min(behind) >= 0.4 + transit_s - 1e-6
        assert min(behind) < 0.4 + transit_s + 0.03


def test_what_is_revealed_is_what_it_does(ros, machine, tmp_path):
    machine(drive__gain_ratio=[0.8, 0.95], drive__timeout_s=5.0, seed=11)
    ear = Ear(ros)
    ear.ready()
    truth = json.loads((tmp_path / 'truth.json').read_text())
    assert truth['seed'] == 11
    ear.command(0.4)
    gain = truth['plant_by_odometry']['gain']
    assert 0.8 <= gain <= 0.95
    ear.until_speed(lambda speed: abs(speed - 0.4 * gain) < 1e-4, 'the speed revealed')


def test_a_secret_machine_is_another_one_each_time(ros, machine, tmp_path):
    found = []
    for _ in range(2):
        machine(drive__gain_ratio=[0.8, 0.95], seed=-1)
        found.append(json.loads((tmp_path / 'truth.json').read_text()))
    assert found[0]['seed'] != found[1]['seed']
    assert found[0]['plant'] != found[1]['plant']


def test_a_bump_is_reported_in_diagnostics(ros, machine):
    machine(drive__timeout_s=60.0)
    ear = Ear(ros)
    ear.ready()
    ear.command(5.0)  # it obeys: limits are the arbiter's business
    ear.ros.until(lambda: 'bumped into a wall' in
                  ear.heard['/diagnostics'][-1][1].status[0].message, 20, 'the bump')
    assert np.isfinite(ear.heard['odom'][-1][1].pose.pose.position.x)
    assert math.isfinite(ear.heard['scan'][-1][1].ranges[18])


def test_without_a_world_it_refuses_to_start(ros):
    with pytest.raises(IlwError, match='There is no world file'):
        EmulatorNode()
