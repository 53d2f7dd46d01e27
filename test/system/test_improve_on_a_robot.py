"""A round of improvement on an emulated robot: a person begins, takes over and marks by Joy."""

import os
from pathlib import Path
import re
import subprocess
import sys
import time

import pytest
from short_lessons import ilw, taught_briefly

pytest.importorskip('rclpy')
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.storage.episode_folder import find_episodes
from ilw_learner.checkpoint.deployed import Deployed
from ilw_msgs.msg import ArbiterState, EpisodeStatus
from ilw_ros.qos import EVENT, LATCHED
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros

FORWARD, A, LB, START = 1, 0, 4, 7


class Person:
    """Reads what the command says, and holds the pad; 20 messages a second."""

    def __init__(self, said):
        self._said = said
        self.node = Node('person')
        self._executor = OneThreadExecutor()
        self._executor.add_node(self.node)
        self._joy = self.node.create_publisher(Joy, 'joy', EVENT)
        self.status = None
        self.node.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.node.create_subscription(ArbiterState, 'arbiter/state', self._on_state, EVENT)
        self.node.create_timer(0.05, self._send)
        self._held, self._stick, self._driving = (), 0.0, False

    def _on_status(self, status):
        self.status = status

    def _on_state(self, state):
        self._driving = state.source == ArbiterState.SOURCE_PERSON

    def _send(self):
        joy = Joy(axes=[0.0, self._stick, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
                  buttons=[int(i in self._held) for i in range(11)])
        joy.header.stamp = self.node.get_clock().now().to_msg()
        self._joy.publish(joy)

    def until(self, done, seconds, what):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f'{what} in vain; it said: {self.said[-2000:]}'
            self._executor.spin_once(timeout_sec=0.02)

    def wait(self, seconds):
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, seconds + 5.0, 'time')

    @property
    def said(self):
        return ' '.join(self._said.read_text().split())

    def reads(self, words, seconds=120.0):
        self.until(lambda: words in self.said, seconds, words)

    def press(self, button, done, what):
        """Press a button, and again each second, until it has done what it is for."""
        deadline = time.monotonic() + 60.0
        while not done():
            assert time.monotonic() < deadline, f'{what} in vain; it said: {self.said[-2000:]}'
            self._held = (button,)
            self.wait(0.15)
            self._held = ()
            end = time.monotonic() + 1.0
            self.until(lambda until=end: done() or time.monotonic() > until, 5.0, what)

    def drive(self, seconds):
        """Take the stick for a while."""
        self._held, self._stick = (LB,), 0.5
        self.until(lambda: self._driving, 30.0, 'the stick')
        self.wait(seconds)
        self._held, self._stick = (), 0.0

    @property
    def recording(self):
        return self.status is not None and self.status.phase == EpisodeStatus.PHASE_RECORDING


@pytest.fixture
def improving(tmp_path):
    """Return a function that starts the command and somebody beside the robot."""
    started = []

    def start(*words):
        said = tmp_path / 'said'
        process = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', 'improve', *map(str, words)],
            stdout=(tmp_path / 'printed').open('w'), stderr=said.open('w'))
        started.append(process)
        deadline = time.monotonic() + 120.0
        while not (domain := re.search(r'In ROS domain (\d+)', said.read_text())):
            assert time.monotonic() < deadline and process.poll() is None, said.read_text()
            time.sleep(0.1)
        os.environ['ROS_DOMAIN_ID'] = domain[1]
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        start_ros()
        return process, Person(said)

    before = {name: os.environ.get(name) for name in (
        'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE')}
    yield start
    for process in started:
        process.kill()
        process.wait(20)
    rclpy.try_shutdown()
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.mark.slow
def test_a_person_begins_corrects_and_marks_and_what_was_driven_is_learned(tmp_path, improving):
    first, config = taught_briefly(tmp_path)
    store = Deployed(tmp_path / 'deployed', 'clutter')
    ilw('promote', first / 'training' / 'checkpoint', '--root', tmp_path / 'deployed',
        '--episodes', 1, '--floor', 0, '--because', 'to begin with')
    begin = store.current().name
    process, person = improving(
        '--task', 'clutter', '--root', tmp_path / 'deployed', '--demos',
        first / 'demos' / 'clutter', '--rounds', 1, '--every', 3, '--episodes', 1, '--robot',
        'emulated', '--input', 'external', '--config', config, '--out', tmp_path / 'run')
    for number in range(10):  # so many tell what the next policy is to be held to
        person.reads(f'Episode {number + 1}: put the robot')
        person.press(START, lambda: person.recording, 'the start')
        person.wait(1.0)
        person.drive(0.5)
        person.press(A, lambda: not person.recording, 'the end')
    for number in (1, 2):
        person.reads(f'Trial {number} of 2')
        person.press(START, lambda n=number: person.said.count('It drives') == n, 'the start')
        person.press(A, lambda n=number: person.said.count('Marked: success') == n, 'the mark')
    person.until(lambda: process.poll() is not None, 120.0, 'the end')
    assert process.returncode == 0, person.said
    decisions = ilw('improve', '--show', '--task', 'clutter', '--out', tmp_path / 'run')[
        'decisions']
    driven = [each for each in decisions if each['what'] == 'episode']
    assert [each['policy'] for each in driven] == 10 * [begin]
    assert all(each['success'] is False for each in driven), 'it was helped each time'
    assert sum(each['takeovers'] for each in driven) > 0  # who drives first takes nothing over
    assert len(list(find_episodes(tmp_path / 'run' / 'round-1' / 'corrections'))) == 10
    refused, = (each for each in decisions if each['what'] == 'refuse')
    assert refused['pairs'] == 1, 'one pair of trials shows nothing'
    assert store.current().name == begin
    assert Path(tmp_path / 'run' / 'round-1' / f'training-{begin}' / 'checkpoint').is_dir()
