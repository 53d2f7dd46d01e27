"""The emulated arm over real DDS: interface, latency, and what a bag tells of it."""

import json
import math
import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped, WrenchStamped
import numpy as np
import pytest

pytest.importorskip('rclpy')
from one_node import start_node
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, JointState
from std_msgs.msg import Float64MultiArray, Int32, String
import yaml

from ilw_bringup.nodes.arm_emulator_node import ArmEmulatorNode
from ilw_core.errors import IlwError
from ilw_emulator.arm.traits import ArmTraits
from ilw_msgs.msg import EpisodeEvent, EpisodeStatus
from ilw_msgs.srv import StartEpisode, StopEpisode
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, LATCHED, REQUEST, STATE
from ilw_sysid.commands import identify
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

SENSORS = {'joint_states': JointState, 'tool_pose': PoseStamped, 'wrench': WrenchStamped,
           'objects/cube/pose': PoseStamped}


@pytest.fixture
def arm(ros, tmp_path):
    """Return a maker of a running node, perfect but for its traits: arm(latency_s=0.1)."""
    def make(contract='lift_state', seed=7, **traits):
        made = {'emulated_arm': 'made', **vars(ArmTraits()), **traits}
        (tmp_path / 'made.yaml').write_text(yaml.safe_dump(made))
        return ros.add(ArmEmulatorNode(parameter_overrides=[
            Parameter('contract', value=contract), Parameter('seed', value=seed),
            Parameter('profile', value=str(tmp_path / 'made.yaml')),
            Parameter('reveal', value=str(tmp_path / 'truth.json'))]))

    return make


class Person:
    """Somebody on the network: hears everything with its time of arrival, and commands."""

    def __init__(self, ros):
        self.ros, self.node, self.heard = ros, ros.add(Node('person')), {}
        for topic, kind, qos in (
                *((topic, kind, STATE) for topic, kind in SENSORS.items()),
                ('target', Int32, LATCHED), ('robot_description', String, LATCHED),
                ('/diagnostics', DiagnosticArray, STATE)):
            self.heard[topic] = []
            self.node.create_subscription(kind, topic, lambda m, topic=topic: self.heard[
                topic].append((time.time_ns(), m)), qos)
        self.twists = self.node.create_publisher(TwistStamped, 'delta_twist_cmds', REQUEST)
        self.fingers = self.node.create_publisher(
            Float64MultiArray, 'gripper_controller/commands', REQUEST)
        self.events = self.node.create_publisher(EpisodeEvent, 'episode/event', EVENT)

    def ready(self):
        self.ros.until(lambda: all(self.heard.values()), 30, 'every topic')
        for publisher in (self.twists, self.fingers, self.events):
            self.ros.until(publisher.get_subscription_count, 30, 'the arm')

    def command(self, x, y=0.0, finger_m=0.04):
        """Send a command; return when."""
        message, now_ns = TwistStamped(), time.time_ns()
        message.header.stamp = time_msg(now_ns)
        message.twist.linear.x, message.twist.linear.y = x, y
        self.fingers.publish(Float64MultiArray(data=[finger_m]))
        self.twists.publish(message)
        return now_ns

    def place(self):
        at = self.heard['tool_pose'][-1][1].pose.position
        return np.array([at.x, at.y, at.z])

    def drive_until(self, there, what, **command):
        """Command at 20 Hz until something is true."""
        told_s = 0.0

        def pressing():
            nonlocal told_s
            if time.monotonic() - told_s > 0.05:
                told_s = time.monotonic()
                self.command(**command)
            return there()

        self.ros.until(pressing, 60, what)


def test_it_offers_what_drivers_offer_and_nothing_of_a_simulator(ros, arm):
    node, person = arm(), Person(ros)
    person.ready()
    for topic in SENSORS:
        offer, = person.node.get_publishers_info_by_topic(topic)
        assert offer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert offer.qos_profile.durability == DurabilityPolicy.VOLATILE
    names = [name for name, _ in person.node.get_service_names_and_types_by_node(
        node.get_name(), node.get_namespace())]
    assert names and not [name for name in names if 'sim/' in name]
    assert not [name for name, _ in person.node.get_topic_names_and_types()
                if 'sim/' in name or name in ('/clock', '/reward')]
    joints = person.heard['joint_states'][-1][1]
    assert joints.name[0] == 'panda_joint1' and len(joints.position) == 9
    assert person.heard['tool_pose'][-1][1].header.frame_id == 'panda_link0'
    assert 'panda_joint7' in person.heard['robot_description'][-1][1].data
    assert person.heard['/diagnostics'][-1][1].status[0].name == 'arm_emulator: arm'


def test_its_stamps_are_of_the_system_clock_and_a_reading_apart(ros, arm):
    arm()
    person = Person(ros)
    person.ready()
    ros.until(lambda: len(person.heard['joint_states']) > 40, 60, '40 readings')
    at_ns = np.array([(at, stamp_ns(m.header.stamp)) for at, m in person.heard['joint_states']])
    behind_s = (at_ns[:, 0] - at_ns[:, 1]) / 1e9
    assert behind_s.min() >= 0.0 and behind_s.min() < 0.1
    steps_s = np.diff(at_ns[:, 1]) / 1e9
    assert np.median(steps_s) == pytest.approx(1 / 30, abs=1e-3)


@pytest.mark.long
def test_it_answers_as_late_as_its_profile_says_and_silence_stops_it(ros, arm):
    arm(latency_s=0.15)
    person = Person(ros)
    person.ready()
    late_s = []
    for _ in range(4):
        ros.until(lambda: _still(person), 60, 'the arm to stand')
        before = person.place()
        told_ns = person.command(0.15)
        ros.until(lambda b=before: person.place()[0] - b[0] > 0.002, 60, 'an answer')
        late_s.append((stamp_ns(person.heard['tool_pose'][-1][1].header.stamp) - told_ns) / 1e9)
    assert min(late_s) > 0.15
    assert min(late_s) < 0.15 + 0.1, 'a look, a reading, 2 mm; the best of four'


def _still(person):
    """Tell whether the newest readings are of one place."""
    newest = [m.pose.position.x for _, m in person.heard['tool_pose'][-15:]]
    return len(newest) == 15 and np.ptp(newest) < 1e-4


@pytest.mark.parametrize(('kind', 'another'), [
    (EpisodeEvent.KIND_STOP, True), (EpisodeEvent.KIND_DISCARD, False)])
def test_an_episode_that_is_over_brings_the_arm_home_and_if_kept_another_world(ros, arm, kind,
                                                                              another):
    arm()
    person = Person(ros)
    person.ready()
    home, cube = person.place(), person.heard['objects/cube/pose'][-1][1].pose.position
    person.drive_until(lambda: person.place()[0] - home[0] > 0.06, 'the arm to move', x=0.2)
    person.events.publish(EpisodeEvent(sender='teleop', kind=kind))
    ros.until(lambda: abs(person.place()[0] - home[0]) < 0.04, 60, 'the arm at home')
    seen = len(person.heard['objects/cube/pose'])
    ros.until(lambda: len(person.heard['objects/cube/pose']) > seen + 2, 60, 'the cube')
    now = person.heard['objects/cube/pose'][-1][1].pose.position
    assert (math.hypot(now.x - cube.x, now.y - cube.y) > 0.01) is another


def test_a_camera_is_one_of_its_sensors(ros, arm):
    arm(contract='lift')
    seen, node = [], ros.add(Node('eye'))
    node.create_subscription(CompressedImage, 'wrist/image_raw/compressed', seen.append, STATE)
    ros.until(lambda: len(seen) > 2, 60, 'pictures')
    offer, = node.get_publishers_info_by_topic('wrist/image_raw/compressed')
    assert offer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert abs(time.time_ns() - stamp_ns(seen[-1].header.stamp)) < 5e9


def test_a_base_is_no_arm(ros):
    with pytest.raises(IlwError, match='clutter'):
        ArmEmulatorNode(parameter_overrides=[Parameter('contract', value='clutter')])


@pytest.mark.long
def test_identify_finds_the_arm_in_a_bag_that_was_recorded_from_it(ros, arm, tmp_path,
                                                                   monkeypatch, run):
    arm(latency_s=0.11, lag_s=0.06, gain_ratio=0.85, place_noise_m=0.0005)
    person, statuses = Person(ros), []
    person.node.create_subscription(EpisodeStatus, 'episode/status', statuses.append, LATCHED)
    start_node(ros, monkeypatch, RecorderNode, use_sim_time=False, contract='lift_state',
               root=tmp_path / 'demos')
    person.ready()
    ros.until(lambda: statuses and statuses[-1].phase == EpisodeStatus.PHASE_READY, 60,
              'the recorder')
    _ask(ros, person.node, StartEpisode, 'record/start', StartEpisode.Request())
    home = person.place()
    for _ in range(2):  # a metre of the tool, there and back
        for way, axis in ((0.1, 0), (-0.1, 0), (0.1, 1), (-0.1, 1)):
            goal = home[axis] + max(way, 0.0)
            person.drive_until(
                lambda g=goal, w=way, a=axis: (person.place()[a] - g) * w > 0.0,
                'the arm to come', **{'x': 2 * way * (axis == 0), 'y': 2 * way * (axis == 1)})
    _ask(ros, person.node, StopEpisode, 'record/stop', StopEpisode.Request())
    code, said, more = run(identify, tmp_path / 'demos', '--task', 'lift_state', '--json')
    assert code == 0, said + more
    found, truth = json.loads(said), json.loads((tmp_path / 'truth.json').read_text())['plant']
    assert truth['delay_s'] == pytest.approx(0.11)
    for name, off in (('delay_s', 0.02), ('lag_s', 0.02), ('gain', 0.03)):
        # A computer that is busy elsewhere widens the intervals; a command acts at the next look.
        low, high = found['intervals'][name]
        half = 0.5 * (high - low)
        assert low - half - off <= truth[name] <= high + half + off, found
    assert found['left_ratio'] < found['default_ratio']


def _ask(ros, node, kind, name, request):
    client = node.create_client(kind, name)
    ros.until(client.service_is_ready, 60, name)
    future = client.call_async(request)
    ros.until(future.done, 60, name)
    assert future.result().error_code == 0, future.result().error_msg
