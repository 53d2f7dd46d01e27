"""A policy that sees a camera, over real DDS: it acts on what the codec makes, to the bit."""

from array import array
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')
from nav_msgs.msg import Odometry
from one_node import start_node
from rclpy.node import Node
from rosbags.highlevel import AnyReader
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
import torch

from ilw_core.align import Observation as Seen
from ilw_core.contract.file import load_contract
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.frames import Frames
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.data.window_images import WindowImages
from ilw_learner.nodes.policy_node import PolicyNode
from ilw_learner.runtime.runner import PolicyRunner
from ilw_msgs.msg import ActionChunk, Observation, PolicyStatus
from ilw_msgs.srv import StartEpisode, StopEpisode
from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import EVENT, REQUEST, SENSOR_OFFER, STATE_OFFER
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

P = 100_000_000


def checkpoint(contract, folder):
    """Save a policy of random weights that looks at its camera."""
    rng, device = np.random.default_rng(0), torch.device('cpu')
    images = {source.name: rng.integers(0, 256, (4, *source.feature.shape), dtype=np.uint8)
              for source in contract.images}
    step = cloning_step(contract, BcConfig(hidden=8), 0)(
        rng.normal(size=(4, 1, contract.obs_dim)).astype(np.float32),
        rng.uniform(-1.0, 1.0, (4, 1, 2)).astype(np.float32), device, torch.Generator(),
        WindowImages({name: Frames([seen]) for name, seen in images.items()},
                     np.arange(4)[:, None], device))
    policy = step.policy(step.parameters.flat)
    return save_checkpoint(folder, contract, {'history': 1, 'horizon': 1}, {
        'policy.onnx': to_onnx(policy, contract, 1), 'weights.safetensors': b''})


class Robot:
    """A camera and odometry, and an ear for what the policy says."""

    def __init__(self, ros, cameras, kind):
        self.ros, self.cameras = ros, cameras
        node = ros.add(Node('robot'))
        self.type = CompressedImage if kind == cameras.COMPRESSED else Image
        self.image = node.create_publisher(self.type, 'image', SENSOR_OFFER)
        self.odom = node.create_publisher(Odometry, 'odom', STATE_OFFER)
        self.node, self.actions, self.seen, self.statuses = node, [], [], []
        hear = node.create_subscription
        hear(ActionChunk, 'policy/action', self.actions.append, REQUEST)
        hear(Observation, 'policy/observation', self.seen.append, EVENT)
        hear(PolicyStatus, 'policy/status', self.statuses.append, EVENT)
        self.clock = node.create_publisher(Clock, '/clock', 10)
        self.now = 1000 * P

    def call(self, kind, name, **request):
        client = self.node.create_client(kind, name)
        self.ros.until(client.service_is_ready, 20, name)
        future = client.call_async(kind.Request(**request))
        self.ros.until(future.done, 20, f'an answer of {name}')
        self.node.destroy_client(client)
        return future.result()

    def matched(self):
        self.ros.until(lambda: self.odom.get_subscription_count()
                       and self.image.get_subscription_count()
                       and self.node.count_publishers('policy/observation'), 20, 'the policy')

    def tick(self, made):
        """Publish an image, as a bag has it, and odometry."""
        self.now += P
        self.clock.publish(Clock(clock=time_msg(self.now)))
        message = self.type()
        for name in message.get_fields_and_field_types():
            if name not in ('header', 'data'):
                setattr(message, name, getattr(made, name))
        message.data = array('B', made.data.tobytes())
        message.header.stamp = time_msg(self.now)
        self.image.publish(message)
        odometry = Odometry()
        odometry.header.stamp = message.header.stamp
        odometry.twist.twist.linear.x = 0.25
        self.odom.publish(odometry)

    def observed(self):
        """Return what the policy saw at the present tick."""
        self.ros.until(lambda: self.seen and stamp_ns(self.seen[-1].header.stamp) == self.now,
                       15, 'an observation')
        return self.seen[-1]


@pytest.fixture(params=['compressed', 'raw'])
def camera(request, cameras, tmp_path):
    """Return contract file, message type and maker of messages of a camera."""
    kind = cameras.COMPRESSED if request.param == 'compressed' else cameras.RAW
    file = Path(tmp_path / 'camera.yaml')
    file.write_text(cameras.contract_text('size: [24, 16], crop: [2, 1, 50, 40]', kind))
    rng = np.random.default_rng(0)

    def make():
        pixels = cameras.bright_half(rng, bool(rng.integers(2)))
        if request.param == 'compressed':
            return cameras.compressed(0, pixels, '.jpg', 'jpeg')
        return cameras.raw(0, pixels, 'bgr8', padding=6)

    return file, kind, make


def test_each_tick_is_answered_by_what_the_network_makes_of_its_image(
        ros, monkeypatch, cameras, camera, tmp_path):
    file, kind, make = camera
    contract = load_contract(file)
    made = checkpoint(contract, tmp_path / 'checkpoint')
    start_node(ros, monkeypatch, PolicyNode, contract=file, checkpoint=made.path,
               publish_images=True)
    robot, runner = Robot(ros, cameras, kind), PolicyRunner(made.path, contract)
    robot.matched()
    feature, wanted = contract.images[0].feature, []
    for _ in range(6):
        image = make()
        robot.tick(image)
        seen, = robot.observed().parts
        pixels = feature.image({'camera': image})
        assert (seen.name, list(seen.shape), seen.dtype, seen.valid) == (
            'camera', [16, 24, 3], 'uint8', True)
        assert bytes(seen.data) == pixels.tobytes()
        runner.observe(Seen(0, np.array([0.25, 0.0], np.float32), np.ones(2, bool), 0,
                            {'camera': pixels}))
        wanted.append(runner.act()[0].astype(np.float32).ravel().tolist())
    ros.until(lambda: len(robot.actions) == 6, 15, 'the actions')
    assert [list(each.values) for each in robot.actions] == wanted
    assert len({tuple(each) for each in wanted}) == 6


def test_an_image_that_cannot_be_read_keeps_the_policy_silent_and_it_says_why(
        ros, monkeypatch, cameras, camera, tmp_path):
    file, kind, make = camera
    made = checkpoint(load_contract(file), tmp_path / 'checkpoint')
    start_node(ros, monkeypatch, PolicyNode, contract=file, checkpoint=made.path)
    robot = Robot(ros, cameras, kind)
    robot.matched()
    broken = make()
    broken.data = broken.data[:100]
    robot.tick(broken)
    seen, = robot.observed().parts
    assert not seen.valid and not seen.data
    ros.until(lambda: any('missing: camera (' in each.reason for each in robot.statuses), 15,
              'the reason')
    assert not robot.actions
    robot.tick(make())
    seen, = robot.observed().parts
    assert seen.valid and not seen.data, 'pixels are published where they are asked for'
    ros.until(lambda: robot.actions, 15, 'an action')


def test_what_a_policy_saw_live_is_what_the_data_set_builds_from_the_recording(
        ros, monkeypatch, cameras, camera, tmp_path):
    file, kind, make = camera
    contract = load_contract(file)
    made = checkpoint(contract, tmp_path / 'checkpoint')
    start_node(ros, monkeypatch, ArbiterNode, contract=file, armed_at_start=True)
    start_node(ros, monkeypatch, RecorderNode, contract=file, root=tmp_path / 'demos')
    start_node(ros, monkeypatch, PolicyNode, contract=file, checkpoint=made.path,
               publish_images=True)
    robot = Robot(ros, cameras, kind)
    robot.matched()
    ros.until(lambda: robot.image.get_subscription_count() == 2
              and robot.node.count_subscribers('policy/observation') == 2
              and robot.node.count_subscribers('policy/action') == 3
              and robot.node.count_publishers('cmd_vel') == 1, 20, 'recorder and arbiter')

    def drive(ticks):
        for _ in range(ticks):
            robot.tick(make())
            robot.observed()
            ros.until(lambda: stamp_ns(robot.actions[-1].header.stamp) == robot.now)

    drive(3)

    def began():
        robot.tick(make())
        return robot.call(StartEpisode, 'record/start').error_code == 0

    ros.until(began, 20, 'the recording to begin')
    drive(12)
    answer = robot.call(StopEpisode, 'record/stop', outcome=1, stop_reason='operator')
    assert answer.error_code == 0, answer.error_msg
    episode, live = load_episode(Path(answer.path), contract), {}
    with AnyReader([Path(answer.path)]) as reader:
        for connection, _, data in reader.messages():
            if connection.topic.endswith('policy/observation'):
                message = reader.deserialize(data, connection.msgtype)
                live[message.header.stamp.sec * 10**9 + message.header.stamp.nanosec] = message
    common = [i for i, tick in enumerate(episode.stamps_ns.tolist()) if tick in live]
    assert len(common) >= 10 and episode.whole[common].all()
    for i in common:
        message = live[int(episode.stamps_ns[i])]
        assert np.asarray(message.values, np.float32).tobytes() == episode.obs[i].tobytes()
        part, = message.parts
        assert part.valid and bytes(part.data) == episode.images['camera'][i].tobytes()
