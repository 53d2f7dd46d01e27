"""
A robot that nobody here has: seven joints, a gripper, a camera, from the stick to a dry run.

Nothing but its contract knows it. The world is a test node; all else are the real nodes over DDS.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
from one_node import start_node
from rclpy.node import Node
from rosbags.highlevel import AnyReader
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, JointState, Joy
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from ilw_core.contract.file import load_contract
from ilw_core.episode import Outcome
from ilw_core.storage.episode_folder import find_episodes
from ilw_data.commands.episodes import episodes as episodes_command
from ilw_data.episode.dataset import load_episode
from ilw_learner.cli import train as train_command
from ilw_learner.nodes.policy_node import PolicyNode
from ilw_msgs.msg import ActionChunk, ArbiterState, EpisodeStatus, Observation, PolicyStatus
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, LATCHED, REQUEST, SENSOR_OFFER, STATE_OFFER
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.person.teleop_node import TeleopNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

P = 100_000_000
JOINTS = [f'joint_{i}' for i in range(1, 8)]
HOME = np.array([0.1, -0.2, 0.3, -1.2, 0.0, 1.1, 0.7])
XBOX = known_joysticks()['xbox']
BUTTONS = XBOX.buttons

CONTRACT = """
contract: made_up_arm
version: 1
rate_hz: 10
observation:
  arm:
    topic: joint_states
    type: sensor_msgs/msg/JointState
    feature: joints
    joints: [joint_1, joint_2, joint_3, joint_4, joint_5, joint_6, joint_7]
    read: [position, velocity]
  wrist:
    topic: wrist/image/compressed
    type: sensor_msgs/msg/CompressedImage
    feature: image
    size: [24, 16]
action:
  commands:
    arm:
      topic: arm_controller/joint_trajectory
      type: trajectory_msgs/msg/JointTrajectory
      set:
        joint_names: [joint_1, joint_2, joint_3, joint_4, joint_5, joint_6, joint_7]
        points[0].time_from_start.nanosec: 100000000
    gripper: {topic: gripper_controller/commands, type: std_msgs/msg/Float64MultiArray}
  fields:
    # the joints
    - {name: gripper, command: gripper, field: 'data[0]', unit: m, min: 0.0, max: 0.08,
       max_rate: 0.2, start: 0.08}
  on_stale: hold
teleop:
  axes: {left_stick_y: joint_1, right_stick_x: -joint_4}
  buttons: {gripper: [+dpad_x, -dpad_x]}
"""
JOINT = """
    - {{name: {name}, command: arm, field: 'points[0].positions[{i}]', unit: rad, min: -2.9,
       max: 2.9, max_rate: 1.0, measured: arm.{name}.position}}"""


def contract_text():
    """Return the contract: each joint is commanded from where it is measured."""
    joints = ''.join(JOINT.format(i=i, name=name) for i, name in enumerate(JOINTS))
    return CONTRACT.replace('\n    # the joints', joints)


class Arm:
    """It goes where it is told at the next tick, and sees what its first joint points at."""

    def __init__(self, ros):
        self.ros, self.node = ros, ros.add(Node('arm'))
        make, hear = self.node.create_publisher, self.node.create_subscription
        self.joints = make(JointState, 'joint_states', STATE_OFFER)
        self.image = make(CompressedImage, 'wrist/image/compressed', SENSOR_OFFER)
        self.clock, self.joy = make(Clock, '/clock', 10), make(Joy, 'joy', EVENT)
        self.trajectories, self.grips, self.states = [], [], []
        self.seen, self.actions, self.statuses = [], [], []
        self.status = None
        hear(JointTrajectory, 'arm_controller/joint_trajectory', self.trajectories.append, REQUEST)
        hear(Float64MultiArray, 'gripper_controller/commands', self.grips.append, REQUEST)
        hear(ArbiterState, 'arbiter/state', self.states.append, EVENT)
        hear(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        hear(Observation, 'policy/observation', self.seen.append, EVENT)
        hear(ActionChunk, 'policy/action', self.actions.append, REQUEST)
        hear(PolicyStatus, 'policy/status', self.statuses.append, EVENT)
        self.position, self.before, self.now, self.ticks = HOME.copy(), HOME.copy(), 1000 * P, 0

    def _on_status(self, status):
        self.status = status

    def tick(self, *, sensing=True):
        """Let time go on; the joints come in another order each time."""
        self.now += P
        self.ticks += 1
        if sensing:
            order = np.roll(np.arange(7), self.ticks)
            state = JointState(name=[JOINTS[i] for i in order],
                               position=self.position[order].tolist(),
                               velocity=((self.position - self.before) * 10.0)[order].tolist())
            state.header.stamp = time_msg(self.now)
            self.before = self.position.copy()
            shade = np.full((32, 48, 3), 40, np.uint8)
            shade[:, :24 if self.position[0] > 0.4 else 12] = 220
            shade[0, self.ticks % 48] = self.ticks % 256  # no two images are the same
            image = CompressedImage(format='png', data=cv2.imencode('.png', shade)[1].tobytes())
            image.header.stamp = state.header.stamp
            self.joints.publish(state)
            self.image.publish(image)
        self.clock.publish(Clock(clock=time_msg(self.now)))

    def press(self, *down, **moved):
        axes, buttons = XBOX.at_rest()
        for name, value in moved.items():
            axes[XBOX.axes[name]] = value
        for name in down:
            buttons[BUTTONS[name]] = 1
        joy = Joy(axes=axes, buttons=buttons)
        joy.header.stamp = time_msg(self.now)
        self.joy.publish(joy)

    def commanded(self):
        """Wait for the command of this tick, and obey it."""
        self.ros.until(lambda: self.trajectories and stamp_ns(
            self.trajectories[-1].header.stamp) >= self.now, 20, 'a command')
        self.position = np.array(self.trajectories[-1].points[0].positions)

    def drive(self, ticks, *down, **moved):
        for _ in range(ticks):
            self.tick()
            self.press('lb', *down, **moved)
            self.commanded()

    def watch(self, ticks, *, obey=False):
        """Let the policy see and act, with nobody at the stick."""
        for _ in range(ticks):
            self.tick()
            self.press()
            self.ros.until(lambda: self.seen and stamp_ns(self.seen[-1].header.stamp) == self.now,
                           20, 'an observation')
            self.ros.until(lambda: self.actions and stamp_ns(
                self.actions[-1].header.stamp) == self.now, 20, 'an action')
            if obey:
                self.commanded()

    def phase(self, phase):
        self.ros.until(lambda: self.status is not None and self.status.phase == phase, 30,
                       f'phase {phase}')


def record(arm, attempts):
    """Demonstrate: raise the first joint, bend the fourth, close the gripper."""
    for attempt in range(attempts):
        arm.phase(EpisodeStatus.PHASE_READY)
        arm.tick()
        arm.press()
        arm.tick()
        arm.press('start')
        arm.phase(EpisodeStatus.PHASE_RECORDING)
        arm.drive(8, left_stick_y=1.0)
        arm.drive(6, right_stick_x=1.0 if attempt % 2 else 0.6)
        arm.drive(5, dpad_x=-1.0)
        arm.drive(4, left_stick_y=-0.5, dpad_x=1.0)
        arm.tick()
        arm.press('a')
        arm.phase(EpisodeStatus.PHASE_READY)


@pytest.mark.long
def test_an_arm_with_a_gripper_and_a_camera_needs_its_contract_only(
        ros, monkeypatch, tmp_path, run):
    task = tmp_path / 'made_up_arm.yaml'
    task.write_text(contract_text())
    contract, demos = load_contract(task), tmp_path / 'demos'
    arm = Arm(ros)
    start_node(ros, monkeypatch, TeleopNode, contract=task)
    arbiter = start_node(ros, monkeypatch, ArbiterNode, contract=task)
    start_node(ros, monkeypatch, RecorderNode, contract=task, root=demos)
    ros.until(lambda: arm.joints.get_subscription_count() == 2
              and arm.image.get_subscription_count() == 1
              and arm.joy.get_subscription_count() and arm.clock.get_subscription_count() >= 3
              and arm.node.count_publishers('arm_controller/joint_trajectory') == 1, 40, 'nodes')

    # Nobody knows yet where the arm is: nothing is commanded, whoever holds the stick.
    for held in ((), ('lb',), ('lb',)):
        arm.tick(sensing=False)
        arm.press(*held, left_stick_y=1.0 if held else 0.0)
        ros.until(lambda: arm.states and stamp_ns(arm.states[-1].header.stamp) >= arm.now, 20,
                  'a decision')
    assert 'unmeasured' in arm.states[-1].reasons and not arm.trajectories
    assert arm.grips == [] or {g.data[0] for g in arm.grips} == {0.08}

    # Where it is, it is held; a stick moves its joint from there, at the highest rate.
    arm.tick()
    arm.press('lb')
    arm.commanded()
    assert np.array(arm.trajectories[-1].points[0].positions) == pytest.approx(HOME)
    arm.drive(5, left_stick_y=1.0)
    assert arm.position[0] == pytest.approx(HOME[0] + 0.5, abs=0.11)
    assert arm.position[1:] == pytest.approx(HOME[1:])
    command = arm.trajectories[-1]
    assert list(command.joint_names) == JOINTS
    assert command.points[0].time_from_start.nanosec == P
    arm.drive(2, dpad_x=-1.0)
    assert arm.grips[-1].data[0] < 0.08 and arm.grips[-1].data.typecode == 'd'

    # Both go out together, in every decision.
    assert abs(len(arm.grips) - len(arm.trajectories)) <= 4

    record(arm, 4)
    folders = find_episodes(demos)
    assert len(folders) == 4 and all(each.outcome is Outcome.SUCCESS for each in folders)
    episode = load_episode(folders[0].path, contract)
    assert episode.actions.shape[1] == 8 and episode.steps_to_train >= 15
    assert episode.images['wrist'].shape[1:] == (16, 24, 3)
    assert np.ptp(episode.actions[:, 0]) > 0.5 and np.ptp(episode.actions[:, 7]) > 0.02

    code, said, more = run(episodes_command, 'check', demos, '--task', task)
    assert code in (0, 1), said + more
    assert '4 episodes' in said or '4 takes' in said or '4' in said

    config = tmp_path / 'short.yaml'
    config.write_text('algorithm: bc\nupdates: 200\nbatch: 32\nhidden: 32\ncandidates: 2\n')
    code, said, more = run(
        train_command, '--task', task, '--demos', demos, '--out', tmp_path / 'run',
        '--env', 'none', '--config', config)
    assert code == 0, said + more
    checkpoint = next((tmp_path / 'run').rglob('policy.onnx')).parent

    # A dry run: the policy acts on what it sees, the arm gets nothing.
    leave(ros, arbiter)
    dry = start_node(ros, monkeypatch, ArbiterNode, contract=task, enable_output=False)
    start_node(ros, monkeypatch, PolicyNode, contract=task, checkpoint=checkpoint,
               publish_images=True)
    ros.until(lambda: arm.node.count_publishers('policy/observation') == 1
              and arm.node.count_publishers('arm_controller/joint_trajectory') == 0
              and arm.image.get_subscription_count() == 2, 40, 'the dry run')
    arm.watch(2)  # the last command of the arbiter before may still be on its way
    told = len(arm.trajectories), len(arm.grips)
    arm.watch(6)
    assert (len(arm.trajectories), len(arm.grips)) == told
    assert list(arm.actions[-1].names) == list(contract.action.names)
    assert np.isfinite(arm.actions[-1].values).all()

    # Let drive and recorded: what it saw is what the data set builds from the bag, to the bit.
    leave(ros, dry)
    start_node(ros, monkeypatch, ArbiterNode, contract=task, armed_at_start=True)
    ros.until(lambda: arm.node.count_publishers('arm_controller/joint_trajectory') == 1
              and arm.node.count_subscribers('policy/action') >= 3, 40, 'the arbiter')
    arm.watch(3, obey=True)
    arm.press('start')
    arm.phase(EpisodeStatus.PHASE_RECORDING)
    arm.watch(12, obey=True)
    arm.press('a')
    arm.phase(EpisodeStatus.PHASE_READY)
    made, = {each.path for each in find_episodes(demos)} - {each.path for each in folders}
    compare(load_episode(made, contract), made)


def leave(ros, node):
    """End a node as its process would."""
    ros.executor.remove_node(node)
    ros.nodes.remove(node)
    node.farewell()
    node.destroy_node()


def compare(episode, folder):
    """Hold what the policy said it saw to what the data set builds."""
    live = {}
    with AnyReader([Path(folder)]) as reader:
        for connection, _, data in reader.messages():
            if connection.topic.endswith('policy/observation'):
                message = reader.deserialize(data, connection.msgtype)
                live[message.header.stamp.sec * 10**9 + message.header.stamp.nanosec] = message
    common = [i for i, tick in enumerate(episode.stamps_ns.tolist()) if tick in live]
    assert len(common) >= 9 and episode.whole[common].all()
    for i in common:
        message = live[int(episode.stamps_ns[i])]
        assert np.asarray(message.values, np.float32).tobytes() == episode.obs[i].tobytes()
        part, = message.parts
        assert part.valid and bytes(part.data) == episode.images['wrist'][i].tobytes()
