"""``./ilw up`` driving: however it ends, the robot's last command is the stop action."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip('rclpy')
from ilw_bringup.start.private_domain import private_domain
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_faults.loop import DRIVE
from ilw_faults.nodes.spy import Spy
from ilw_teleop.joystick.layout import load_joystick


@pytest.fixture
def spy():
    with private_domain():
        spy = Spy(load_contract(config_file('tasks', 'clutter')),
                  load_joystick(config_file('joysticks', 'xbox')))
        yield spy
        spy.close()


def until(done, what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
        time.sleep(0.01)


@pytest.fixture
def up(spy, tmp_path):
    """Return a function that brings a driving teleop up; nothing outlives the test."""
    started, pids = [], set()

    def make(*more):
        process = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', 'up', 'teleop', '--input', 'external',
             *more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
        started.append(process)
        spy.grip(60.0, **DRIVE)
        until(spy.moving, 'the robot to be driven')
        nodes = psutil.Process(process.pid).children(recursive=True)
        pids.update(nodes)
        return process, nodes

    yield make
    for process in started:
        process.kill()
    for node in pids:
        if node.is_running():
            node.kill()


@pytest.mark.parametrize(('number', 'times', 'code'), [
    (signal.SIGINT, 1, 0), (signal.SIGINT, 5, 0), (signal.SIGTERM, 2, 0), (signal.SIGHUP, 1, 0),
    (signal.SIGKILL, 1, -signal.SIGKILL)])
def test_the_last_command_is_the_stop_action_and_nothing_is_left(spy, up, number, times, code):
    process, nodes = up()
    for _ in range(times):
        process.send_signal(number)
    said = process.communicate(timeout=20)[0]
    assert process.returncode == code
    assert 'Traceback' not in said
    until(lambda: not any(n.is_running() and n.status() != 'zombie' for n in nodes),
          'the nodes to end', 5)
    assert not spy.commands[-1].values.any(), spy.commands[-3:]
    assert not spy.outside()


def test_detached_nodes_drive_on_without_the_process_that_started_them(spy, up):
    process, nodes = up('--detached')
    process.kill()
    process.wait(10)
    time.sleep(0.5)
    assert spy.moving()
    assert all(node.is_running() for node in nodes)
    for node in nodes:
        os.kill(node.pid, signal.SIGTERM)
    until(lambda: not any(n.is_running() and n.status() != 'zombie' for n in nodes),
          'the nodes to end', 5)
    assert not spy.commands[-1].values.any()
