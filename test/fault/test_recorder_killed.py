"""Kill the recorder in the middle of an episode, and let its disk run full."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

rclpy = pytest.importorskip('rclpy')
from geometry_msgs.msg import PoseStamped, TwistStamped  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rosbags.highlevel import AnyReader  # noqa: E402
from sensor_msgs.msg import LaserScan  # noqa: E402

from ilw_bringup.start.private_domain import private_domain  # noqa: E402
from ilw_core.storage.episode_folder import find_episodes  # noqa: E402
from ilw_msgs.msg import EpisodeStatus  # noqa: E402
from ilw_msgs.srv import StartEpisode, StopEpisode  # noqa: E402
from ilw_ros.qos import LATCHED, STATE_OFFER  # noqa: E402
from ilw_ros.transport import start_ros  # noqa: E402

MAIN = 'from ilw_teleop.nodes.recorder.recorder_node import main; raise SystemExit(main())'


class Robot:
    """Publishes what the contract wants, at 50 Hz, and talks to the recorder."""

    def __init__(self):
        start_ros()
        self.node = Node('robot')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        make = self.node.create_publisher
        self.flowing = [make(LaserScan, 'scan', STATE_OFFER), make(Odometry, 'odom', STATE_OFFER),
                        make(TwistStamped, 'cmd_vel', STATE_OFFER)]
        self.goal = make(PoseStamped, 'goal', LATCHED)
        self.goal.publish(PoseStamped())
        self.status = None
        self.node.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.node.create_timer(0.02, self._on_timer)
        self.sent = 0

    def _on_status(self, status):
        self.status = status

    def _on_timer(self):
        self.sent += 1
        for publisher in self.flowing:
            message = publisher.msg_type()
            message.header.stamp = self.node.get_clock().now().to_msg()
            if isinstance(message, LaserScan):
                message.ranges = [1.0] * 360
            publisher.publish(message)

    def until(self, done, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f'in vain; the recorder says {self.status}'
            self.executor.spin_once(timeout_sec=0.05)

    def phase(self, phase):
        self.until(lambda: self.status is not None and self.status.phase == phase)

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        future = client.call_async(request)
        self.until(future.done)
        return future.result()

    def close(self):
        self.node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def robot():
    with private_domain():
        made = Robot()
        yield made
        made.close()


@pytest.fixture
def record():
    """Start recorders; end what is left of them."""
    processes = []

    def start(root):
        processes.append(subprocess.Popen([
            sys.executable, '-c', MAIN, '--ros-args', '-p', f'root:={root}',
            '-p', 'min_free_mb:=0']))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_killed_recorder_loses_at_most_its_last_second(robot, record, tmp_path):
    process = record(tmp_path)
    robot.phase(EpisodeStatus.PHASE_READY)
    answer = robot.call(StartEpisode, 'record/start', StartEpisode.Request(episode='first'))
    assert answer.error_code == 0, answer.error_msg
    begun = robot.sent
    robot.until(lambda: robot.sent - begun >= 150)
    killed_ns = robot.node.get_clock().now().nanoseconds
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert find_episodes(tmp_path) == []  # nothing half written has a name
    robot.status = None

    process = record(tmp_path)
    robot.until(lambda: robot.status is not None and robot.status.recovered == 1)
    (episode,) = find_episodes(tmp_path)
    assert episode.meta['recovered'] is True
    assert episode.meta['episode'] == 'first'
    with AnyReader([episode.path]) as reader:
        stamps = [t for _, t, _ in reader.messages()]
        topics = {c.topic for c in reader.connections}
    assert topics >= {'/scan', '/odom', '/cmd_vel', '/goal'}
    assert killed_ns - max(stamps) < 1_000_000_000
    assert len(stamps) > 3 * 90

    robot.phase(EpisodeStatus.PHASE_READY)
    assert robot.call(StartEpisode, 'record/start', StartEpisode.Request()).error_code == 0
    saved = robot.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=1))
    assert saved.error_code == 0
    assert Path(saved.path).is_dir()
    robot.until(lambda: robot.status.saved == 1)
    status = robot.status
    assert (status.attempted, status.saved, status.recovered) == (2, 1, 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0


def test_a_full_disk_stops_the_recording_and_the_recorder_lives(robot, record, tmp_path):
    disk = tmp_path / 'disk'
    disk.mkdir()
    mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', disk],
                           capture_output=True, check=False)
    if mount.returncode:
        pytest.skip('mounting a small disk needs more rights than this test has')
    try:
        process = record(disk)
        robot.phase(EpisodeStatus.PHASE_READY)
        assert robot.call(StartEpisode, 'record/start', StartEpisode.Request()).error_code == 0
        robot.until(lambda: robot.status.recovered == 1, 60.0)
        assert 'No space left' in ' '.join(robot.status.problems)
        (kept,) = find_episodes(disk)  # what was written before is whole
        with AnyReader([kept.path]) as reader:
            messages = sum(1 for _ in reader.messages())
        assert messages == kept.meta['messages'] > 50
        quality = json.loads((kept.path / 'quality.json').read_text())
        assert quality['verdict'] == 'suspect'
        assert 'No space left' in quality['reasons'][0]
        # With room again, recording goes on, and the count remembers.
        kept.bag_files[0].unlink()
        robot.phase(EpisodeStatus.PHASE_READY)
        assert robot.call(StartEpisode, 'record/start', StartEpisode.Request()).error_code == 0
        saved = robot.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=2))
        assert saved.error_code == 0, saved.error_msg
        robot.until(lambda: robot.status.saved == 1)
        assert (robot.status.attempted, robot.status.recovered) == (2, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    finally:
        subprocess.run(['umount', '-l', disk], check=False)
