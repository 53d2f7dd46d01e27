"""deploy and record with robot:=real, as a person starts them; the driver has its own names."""

import math
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Joy, LaserScan
from std_srvs.srv import Trigger

from ilw_core.storage.episode_folder import find_episodes
from ilw_data.bag.reader import topic_types
from ilw_data.episode.dataset import load_episode
from ilw_msgs.msg import ActionChunk, EpisodeStatus
from ilw_msgs.srv import StartEpisode, StopEpisode
from ilw_ros.qos import EVENT, LATCHED, REQUEST

PROFILE = """robot: mine
command: geometry_msgs/msg/Twist
command_timeout_s: 0.5
topics: {scan: /front/scan, odom: base/odom, cmd_vel: base/cmd}
frames: {base: base_link, odom: odom, laser: laser}
"""


class Driver:
    """A robot's driver: unstamped commands in, sensors out with a driver's QoS, at 20 Hz."""

    def __init__(self, ros):
        self.ros, self.node = ros, ros.add(Node('driver'))
        make = self.node.create_publisher
        self.scans = make(LaserScan, '/front/scan', qos_profile_sensor_data)
        self.odoms = make(Odometry, 'base/odom', qos_profile_sensor_data)
        self.joys = make(Joy, 'joy', EVENT)
        goal = PoseStamped()
        goal.header.frame_id, goal.pose.position.x = 'odom', 3.0
        self.goals = make(PoseStamped, 'goal', LATCHED)
        self.goals.publish(goal)
        self.commands, self.diagnostics, self.status = [], [], None
        hear = self.node.create_subscription
        hear(ActionChunk, 'teleop/action', self._on_teleop, REQUEST)
        hear(Twist, 'base/cmd', self.commands.append, 10)
        hear(DiagnosticArray, '/diagnostics', self._on_diagnostics, EVENT)
        hear(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.unit, self.stick, self.let_go, self.x = 1.0, None, False, 0.0
        self.noise = np.random.default_rng(0)  # two scans that are equal come from one that hangs
        self.node.create_timer(0.05, self._tick)

    def _on_teleop(self, _chunk):
        self.let_go = True  # it was seen up; a deadman counts only then

    def _on_diagnostics(self, array):
        self.diagnostics += array.status

    def _on_status(self, status):
        self.status = status

    def _tick(self):
        now = self.node.get_clock().now().to_msg()
        speed = self.commands[-1].linear.x if self.commands else 0.0
        self.x += 0.05 * speed
        scan = LaserScan(angle_min=-math.pi, angle_max=math.pi, angle_increment=math.pi / 30,
                         range_min=0.1, range_max=8.0 * self.unit,
                         ranges=(self.unit * (3.0 + self.noise.normal(0, 0.01, 61))).tolist())
        scan.header.stamp, scan.header.frame_id = now, 'laser'
        odom = Odometry(child_frame_id='base_link')
        odom.header.stamp, odom.header.frame_id = now, 'odom'
        odom.pose.pose.orientation.w, odom.pose.pose.position.x = 1.0, self.x
        odom.twist.twist.linear.x = speed
        self.scans.publish(scan)
        self.odoms.publish(odom)
        if self.stick is not None:
            joy = Joy(axes=[0.0, self.stick, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
                      buttons=[int(i == 4 and self.let_go) for i in range(11)])
            joy.axes[1] *= self.let_go
            joy.header.stamp = now
            self.joys.publish(joy)

    def call(self, kind, name, request=None):
        client = self.node.create_client(kind, name)
        self.ros.until(client.service_is_ready, 60, name)
        future = client.call_async(request or kind.Request())
        self.ros.until(future.done, 20, f'an answer of {name}')
        self.node.destroy_client(client)
        return future.result()

    def trigger_until(self, name, good, seconds=60):
        """
        Call a service until its answer is good, and return that.

        An answer that is sent before DDS has met is lost, so it is asked again after a second.
        """
        client, answers = self.node.create_client(Trigger, name), []

        def asked():
            self.pending = [f for f in self.pending if not f.done() or answers.append(f.result())]
            if client.service_is_ready() and time.monotonic() - self.asked > 1.0:
                self.asked = time.monotonic()
                self.pending.append(client.call_async(Trigger.Request()))
            return answers and good(answers[-1])

        self.pending, self.asked = [], 0.0
        try:
            self.ros.until(asked, seconds, name)
        except AssertionError:
            pytest.fail(f'{name} answered: {[answer.message for answer in answers[-3:]]}')
        self.node.destroy_client(client)
        return answers[-1]


@pytest.fixture
def driver(ros):
    return Driver(ros)


@pytest.fixture
def up(tmp_path):
    """Return a function that starts ``./ilw up NAME``, ended by the test or after it."""
    (tmp_path / 'mine.yaml').write_text(PROFILE)
    started = []

    def start(name, *words):
        process = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', 'up', name, '--robot', 'real', '--profile',
             str(tmp_path / 'mine.yaml'), '--input', 'external', *words],
            stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)


def test_a_robot_in_millimetres_is_not_armed_and_one_in_metres_is_driven(driver, ros, up):
    driver.unit = 1000.0
    process = up('deploy', '--checkpoint', 'random', '--enable-output')
    refused = driver.trigger_until(
        'arbiter/arm', lambda answer: 'must be metres' in answer.message)
    assert not refused.success and 'scan: its ranges must be metres' in refused.message
    assert 'Correct the driver' in refused.message
    ros.until(lambda: any(s.level == s.ERROR and 'must be metres' in s.message
                          for s in driver.diagnostics), 10, 'the diagnostics')
    assert all(c.linear.x == 0.0 for c in driver.commands)
    driver.unit = 1.0
    driver.trigger_until('arbiter/arm', lambda answer: answer.success)
    ros.until(lambda: driver.commands and driver.commands[-1].linear.x > 0.0, 20, 'a command')
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert 'Not ready: scan: its ranges must be metres' in said
    assert any('Refused: ' in line and 'scan: its ranges must be metres' in line
               for line in said.splitlines())
    assert 'The robot is as the contract says' in said


def test_a_dry_run_commands_nothing_and_says_at_the_end_what_it_would_have_done(driver, ros, up):
    process = up('deploy', '--checkpoint', 'random')
    report = driver.trigger_until('arbiter/report', lambda a: 'the policy thought' in a.message)
    assert 'twist.linear.x: size' in report.message
    ros.until(lambda: any(s.name == 'arbiter: dry run' for s in driver.diagnostics), 10,
              'the diagnostics of the dry run')
    assert driver.node.count_publishers('base/cmd') == 0 and driver.commands == []
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    summary = said[said.index('Dry run, nothing was sent'):]
    assert 'requests changed' in summary
    assert 'rate' in summary, 'random actions leap'


def test_a_take_of_a_robot_with_other_names_is_one_to_learn_from(driver, ros, up, tmp_path,
                                                                 clutter):
    up('record', '--demos', str(tmp_path / 'demos'))
    driver.stick = 1.0
    ros.until(lambda: driver.commands and driver.commands[-1].linear.x > 0.0, 60, 'to be driven')
    ros.until(lambda: driver.status is not None
              and driver.status.phase == EpisodeStatus.PHASE_READY, 20, 'the recorder')
    assert driver.call(StartEpisode, 'record/start').error_code == 0
    begin, before = driver.x, len(driver.commands)
    ros.until(lambda: len(driver.commands) > before + 20, 20, 'commands')
    driver.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=1))
    ros.until(lambda: driver.status.saved == 1, 20, 'the take')
    (folder,) = find_episodes(tmp_path / 'demos')
    types = topic_types(folder.path)
    assert {'scan', 'odom', 'cmd_vel'} <= set(types), 'the names of the contract'
    assert types['cmd_vel'] == 'geometry_msgs/msg/Twist'
    episode = load_episode(folder, clutter)
    assert episode.action_valid.mean() > 0.9, 'unstamped commands count from when they were logged'
    assert np.all(episode.actions[episode.action_valid, 0] > 0.0)
    assert driver.x > begin
