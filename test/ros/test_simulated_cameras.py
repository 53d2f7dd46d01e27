"""
The arm's cameras over DDS: what is heard, what a bag keeps, what the data set shows and what the
simulation in process draws are the same to the bit.
"""

import numpy as np
import pytest

pytest.importorskip('rclpy')
from geometry_msgs.msg import TwistStamped
from one_node import start_node
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Float64MultiArray

from ilw_core.contract.file import load_contract
from ilw_core.storage.episode_folder import find_episodes
from ilw_core.storage.locate import config_file
from ilw_data.bag.camera import Camera
from ilw_data.bag.reader import Bag
from ilw_data.episode.dataset import load_episode
from ilw_msgs.msg import EpisodeStatus
from ilw_msgs.srv import ResetSim, StartEpisode, StopEpisode
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import LATCHED, REQUEST, STATE
from ilw_sim.arm.simulation import ArmSimulation
from ilw_sim.nodes.sim_node import SimNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

TASK, SEED = 'lift', 4
TOPICS = {name: f'{name}/image_raw/compressed' for name in ('front', 'wrist')}


class Driver:
    """Hears the cameras, and drives by them: each picture of the wrist is answered."""

    def __init__(self, ros, contract):
        self.ros, self.node, self.contract = ros, ros.add(Node('driver')), contract
        self.images = {name: {} for name in TOPICS}
        self.infos, self.statuses, self.sent = [], [], 0
        hear, offer = self.node.create_subscription, self.node.create_publisher
        self.twist = offer(TwistStamped, 'delta_twist_cmds', REQUEST)
        self.finger = offer(Float64MultiArray, 'gripper_controller/commands', REQUEST)
        for name, topic in TOPICS.items():
            def take(message, name=name):
                self.images[name][stamp_ns(message.header.stamp)] = message
                if name == 'wrist':
                    self.answer(message.header.stamp)

            hear(CompressedImage, topic, take, STATE)
        hear(CameraInfo, 'front/camera_info', self.infos.append, STATE)
        hear(EpisodeStatus, 'episode/status', self.statuses.append, LATCHED)

    def answer(self, stamp):
        self.sent += 1
        self.finger.publish(Float64MultiArray(data=[0.03]))
        twist = TwistStamped()
        twist.header.stamp = stamp
        twist.twist.linear.x, twist.twist.linear.z = 0.08 * (-1) ** (self.sent // 12), -0.05
        self.twist.publish(twist)

    def call(self, kind, name, **request):
        client = self.node.create_client(kind, name)
        self.ros.until(client.service_is_ready, 30, name)
        future = client.call_async(kind.Request(**request))
        self.ros.until(future.done, 30, f'an answer of {name}')
        assert future.result().error_code == 0, future.result()

    def record(self, seed, ticks):
        """Record some ticks of the episode of a seed."""
        self.ros.until(lambda: self.statuses and self.statuses[-1].phase
                       == EpisodeStatus.PHASE_READY, 60, 'the recorder')
        self.ros.until(lambda: all(self.node.count_subscribers(topic) >= 2
                                   for topic in TOPICS.values()), 60, 'the recorder to listen')
        self.call(StartEpisode, 'record/start', operator_name='driver')
        self.call(ResetSim, 'sim/reset', seed=seed)
        until = self.sent + ticks
        self.ros.until(lambda: self.sent >= until, 120, 'pictures')
        self.call(StopEpisode, 'record/stop', outcome=1, stop_reason='operator')


@pytest.mark.long
def test_pictures_are_the_same_live_in_the_bag_in_the_data_set_and_in_process(
        ros, monkeypatch, tmp_path):
    contract, demos = load_contract(config_file('tasks', TASK)), tmp_path / 'demos'
    sim = start_node(ros, monkeypatch, SimNode, contract=TASK, use_sim_time=False,
                     real_time_factor=0.0, command_wait_s=10.0, seed=1)
    start_node(ros, monkeypatch, RecorderNode, contract=TASK, root=demos)
    driver = Driver(ros, contract)
    driver.record(SEED, ticks=24)
    ros.until(lambda: len(find_episodes(demos)) == 1, 30, 'the episode')
    folder = find_episodes(demos)[0]
    episode, bag = load_episode(folder.path, contract), Bag(folder.path)
    assert len(episode.actions) > 10

    again = ArmSimulation(contract)
    state = sim.simulation.state()
    begin_ns = state['stamp_ns'] - state['tick'] * contract.period_ns
    again.reset(SEED, begin_ns)
    drawn = {}
    for action in (*state['actions'], None):
        drawn[again.tick.stamp_ns] = {
            name: again.reading(topic) for name, topic in TOPICS.items()}
        if action is not None:
            again.step(np.array(action))
    again.close()

    for name, topic in TOPICS.items():
        source = next(each for each in contract.images if each.name == name)
        camera = Camera(bag, topic)
        kept = {int(at): bytes(camera.compressed(row)) for row, at in enumerate(camera.stamps_ns)}
        live = driver.images[name]
        assert len(kept) >= len(episode.stamps_ns) and episode.images_valid[name].all()
        for at, pixels in zip(episode.stamps_ns.tolist(), episode.images[name], strict=True):
            assert kept[at] == bytes(live[at].data) == bytes(drawn[at][name].data)
            assert np.array_equal(pixels, source.feature.image({name: live[at]}))
        assert len({kept[int(at)] for at in episode.stamps_ns}) > 0.8 * len(episode.stamps_ns)
    info = driver.infos[-1]
    assert (info.width, info.height, info.header.frame_id) == (84, 84, 'front_optical_frame')
