"""Two policies on a robot: blind, marked by a person, none lost when the program is killed."""

import json
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy')
from rclpy.node import Node

from ilw_msgs.msg import EpisodeEvent, PolicyStatus
from ilw_ros.qos import EVENT

START, STOP, DISCARD = EpisodeEvent.KIND_START, EpisodeEvent.KIND_STOP, EpisodeEvent.KIND_DISCARD


class Person:
    """Reads what the program says, presses the joystick's buttons, and sees which policy acts."""

    def __init__(self, ros):
        self.ros, self.node = ros, ros.add(Node('person'))
        self.events = self.node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self.acting, self.heard, self.pressed = '', 0, 0.0
        self.node.create_subscription(PolicyStatus, 'policy/status', self._on_status, EVENT)

    def _on_status(self, status):
        self.acting, self.heard = status.checkpoint, self.heard + 1

    def presses_start_again(self):
        """Press start, and again after a second: the first may come before DDS has met."""
        if time.monotonic() - self.pressed > 1.0:
            self.pressed = time.monotonic()
            self.press(START)

    def press(self, kind, outcome=0):
        self.events.publish(EpisodeEvent(kind=kind, outcome=outcome, sender='teleop'))


class Program:
    """``./ilw compare --robot`` and what it said."""

    def __init__(self, ros, log, *words):
        self._ros = ros
        self._said = log.with_suffix('.said')
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', 'compare', 'idle', 'random', '--robot',
             '--out', str(log), *words], text=True, stdout=subprocess.PIPE,
            stderr=self._said.open('w'))

    def says(self, *words):
        """Wait until all of the words were said, in any line."""
        self._ros.until(lambda: all(w in self._said.read_text() for w in words), 60, str(words))

    @property
    def said(self):
        return ' '.join(self._said.read_text().split())


@pytest.fixture
def start(ros):
    """Return a function that starts the program; none outlives the test."""
    programs = []

    def make(log, *words):
        programs.append(Program(ros, log, *words))
        return programs[-1]

    yield make
    for program in programs:
        program.process.kill()
        program.process.wait(20)


@pytest.fixture
def robot(tmp_path):
    """Bring up a dry run of deploy with a simulated robot: nothing here needs it to move."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'ilw_bringup.cli', 'up', 'deploy', '--input', 'external'],
        stderr=subprocess.DEVNULL, cwd=tmp_path)
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(20)


def trials(log):
    return [json.loads(line) for line in log.read_text().splitlines()[1:]]


def test_a_person_marks_blind_trials_and_a_kill_loses_none(ros, robot, start, tmp_path):
    person, log = Person(ros), tmp_path / 'trials.jsonl'
    program = start(log, '--episodes', '2')

    def drive(number, mark):
        program.says(f'Trial {number} of 4')
        ros.until(lambda: person.acting in ('idle', 'random'), 30, 'a policy')
        ros.until(lambda: person.presses_start_again()
                  or program.said.count('It drives') == drive.count + 1, 30, 'a start')
        drive.count += 1
        queued = person.heard + 12  # more than can still be on their way from before
        ros.until(lambda: person.heard > queued, 30, 'the policy to act')
        who = person.acting
        mark()
        return who

    drive.count = 0
    policies = {'idle': 'P0', 'random': 'P1'}
    drive(1, lambda: person.press(DISCARD))
    program.says('the same trial again')
    ros.until(lambda: program.said.count('Trial 1 of 4') == 2, 30, 'the trial again')
    first = drive(1, lambda: person.press(STOP, EpisodeEvent.OUTCOME_SUCCESS))
    program.says('Marked: success', 'Trial 2 of 4')
    assert [(t['policy'], t['success']) for t in trials(log)] == [(policies[first], True)]
    program.process.kill()
    program.process.wait(20)
    program = start(log, '--episodes', '2', '--json')
    drive.count = 0
    second = drive(2, lambda: person.press(STOP, EpisodeEvent.OUTCOME_FAILURE))
    assert {first, second} == {'idle', 'random'}, 'both policies of a pair'
    drive(3, lambda: person.press(STOP, EpisodeEvent.OUTCOME_FAILURE))
    drive(4, lambda: person.press(STOP, EpisodeEvent.OUTCOME_FAILURE))
    out, _ = program.process.communicate(timeout=30)
    summary = json.loads(out)
    assert program.process.returncode == 0
    assert (summary['pairs'], summary[policies[first]]['success']) == (2, 1)
    assert sorted((t['pair'], t['policy']) for t in trials(log)) == [
        (0, 'P0'), (0, 'P1'), (1, 'P0'), (1, 'P1')]
    assert 'P0' not in program.said and 'random' not in program.said, 'it tells nobody who drives'
