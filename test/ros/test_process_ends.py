"""What ends a node: it says farewell, cleans up, returns 0, and no traceback is seen."""

import os
from pathlib import Path
import pty
import signal
import subprocess
import sys
import termios
import time

import pytest

pytest.importorskip('rclpy')
from ilw_bringup.start.processes import executable
from ilw_ros.launcher import DETACHED, LAUNCHER, Launcher, launcher_environment

NODE = '''
import os, sys, time
from pathlib import Path
import rclpy
from rclpy.node import Node
from ilw_core.errors import IlwError
from ilw_ros.run import run_node
FOLDER = Path({folder!r})

class Tried(Node):
    def __init__(self):
        {first}
        super().__init__('tried')
        (FOLDER / 'pid').write_text(str(os.getpid()))
        self.create_timer(0.01, self._on_tick)
    def _on_tick(self):
        (FOLDER / 'ticking').touch()
        {tick}
    def farewell(self):
        with (FOLDER / 'said').open('a') as stream:
            stream.write('farewell while ' + ('heard' if rclpy.ok() else 'deaf') + ' ')
    def destroy_node(self):
        with (FOLDER / 'said').open('a') as stream:
            stream.write('destroyed')
        super().destroy_node()

sys.exit(run_node(Tried))
'''
LAUNCH = 'import subprocess, sys; subprocess.Popen([sys.executable, sys.argv[1]]).wait()'


class Tried:
    """A node made for the occasion, and what became of it."""

    def __init__(self, folder: Path, *, first='pass', tick='pass', launcher=False, **environment):
        self.folder, script = folder, folder / 'tried.py'
        script.write_text(NODE.format(folder=str(folder), first=first, tick=tick))
        line = [sys.executable, str(script)]
        if launcher:
            line = [sys.executable, '-c', LAUNCH, str(script)]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env={**os.environ, **environment})

    def wait_for(self, name):
        until(lambda: (self.folder / name).exists() and (name != 'pid' or self.pid), name)

    @property
    def pid(self):
        return int((self.folder / 'pid').read_text() or 0)

    @property
    def said(self):
        path = self.folder / 'said'
        return path.read_text() if path.exists() else ''

    def end(self, seconds=20):
        return self.process.communicate(timeout=seconds)[0]


def until(done, what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f'waited {seconds} s for {what} in vain'
        time.sleep(0.005)


def runs(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_however_often_ends_a_node_after_its_farewell(tmp_path, number):
    node = Tried(tmp_path)
    node.wait_for('ticking')
    for _ in range(5):
        node.process.send_signal(number)
        node.process.send_signal(signal.SIGINT)
    said = node.end()
    assert node.process.returncode == 0
    assert node.said == 'farewell while heard destroyed'
    assert 'Traceback' not in said


def test_a_signal_while_a_node_starts_ends_it_before_it_does_anything(tmp_path):
    node = Tried(tmp_path, first="(FOLDER / 'starting').touch(); time.sleep(0.5)")
    node.wait_for('starting')
    node.process.send_signal(signal.SIGINT)
    assert 'Traceback' not in node.end()
    assert node.process.returncode == 0
    assert not (tmp_path / 'ticking').exists()


def test_a_node_that_does_not_come_up_ends_all_the_same(tmp_path):
    node = Tried(tmp_path, first="(FOLDER / 'starting').touch(); time.sleep(60)")
    node.wait_for('starting')
    node.process.send_signal(signal.SIGTERM)
    assert 'Traceback' not in node.end(10)
    assert node.process.returncode == 0


def test_a_callback_that_hangs_keeps_neither_the_farewell_nor_the_end(tmp_path):
    node = Tried(tmp_path, tick='time.sleep(60)')
    node.wait_for('ticking')
    node.process.send_signal(signal.SIGTERM)
    said = node.end(10)
    assert node.said == 'farewell while heard '
    assert node.process.returncode == 1
    assert 'did not in time' in said
    assert 'Traceback' not in said


HANGS = '(FOLDER / "hangs").touch() or time.sleep(60)'
LOCKED = '(FOLDER / "hangs").touch() or ctypes.PyDLL(None).sleep(60)'
HURRY = ('import ilw_ros.spinning.ending, ilw_ros.run; '
         'ilw_ros.spinning.ending.CLEAN_UP_S = ilw_ros.run.CLEAN_UP_S = 1.0')


HANGING = {
    'leaving the graph': f'Node.destroy_node = lambda self: {HANGS}',
    "with Python's lock held": f'import ctypes; Node.destroy_node = lambda self: {LOCKED}',
    'shutting DDS down': f'rclpy.try_shutdown = lambda: {HANGS}',
    "Python's own end": f'import atexit; atexit.register(lambda: {HANGS})'}


@pytest.mark.parametrize('first', HANGING.values(), ids=HANGING)
def test_a_clean_up_that_hangs_is_not_waited_for(tmp_path, first):
    node = Tried(tmp_path, first=f'{HURRY}; {first}')
    node.wait_for('ticking')
    node.process.send_signal(signal.SIGTERM)
    node.wait_for('hangs')
    assert 'Traceback' not in node.end(8)
    assert node.said == 'farewell while heard destroyed'
    assert node.process.returncode == 0, 'nothing was lost'


@pytest.mark.parametrize('first', HANGING.values(), ids=HANGING)
def test_a_fault_of_a_node_is_told_however_its_clean_up_hangs(tmp_path, first):
    node = Tried(tmp_path, first=f'{HURRY}; {first}', tick="raise ValueError('broken')")
    node.wait_for('hangs')
    node.end(8)
    assert node.process.returncode == 1


def test_what_could_not_be_saved_is_told_though_python_is_stuck(tmp_path):
    hangs = HANGING["with Python's lock held"]
    node = Tried(tmp_path, first=f'{HURRY}; {hangs}; Tried.SAVING_S = 1.0')
    node.wait_for('ticking')
    node.process.send_signal(signal.SIGTERM)
    node.wait_for('hangs')
    node.end(8)
    assert node.process.returncode == 1


def test_a_signal_never_cuts_a_callback_short(tmp_path):
    node = Tried(tmp_path, tick="time.sleep(0.3); (FOLDER / 'whole').touch()")
    node.wait_for('ticking')
    node.process.send_signal(signal.SIGINT)
    node.end()
    assert (tmp_path / 'whole').exists()


def test_a_context_shut_down_from_outside_ends_a_node_without_a_word(tmp_path):
    node = Tried(tmp_path, tick='rclpy.shutdown()')
    assert 'Traceback' not in node.end()
    assert (node.process.returncode, node.said) == (0, 'destroyed')


def test_a_node_that_refuses_to_start_says_so_in_one_line(tmp_path):
    node = Tried(tmp_path, first="raise IlwError('This is no contract.')")
    assert node.end() == 'error: This is no contract.\n'
    assert node.process.returncode == 2


def test_a_fault_of_a_node_is_shown_after_its_farewell(tmp_path):
    node = Tried(tmp_path, tick="raise ValueError('broken')")
    assert 'ValueError: broken' in node.end()
    assert node.process.returncode == 1
    assert node.said == 'farewell while heard destroyed'


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_a_node_ends_with_the_process_that_started_it(tmp_path, number):
    node = Tried(tmp_path, launcher=True)
    node.wait_for('ticking')
    node.process.send_signal(number)
    node.process.wait(10)
    until(lambda: not runs(node.pid), 'the end of the node', 5)
    assert node.said == 'farewell while heard destroyed'
    assert 'is gone' in node.end()


def test_a_launcher_that_is_gone_before_the_node_looks_is_missed_too(tmp_path):
    gone = subprocess.Popen([sys.executable, '-c', ''])
    gone.wait()
    node = Tried(tmp_path, **{LAUNCHER: str(gone.pid)})
    assert 'is gone' in node.end(10)
    assert node.process.returncode == 0


def test_a_detached_node_outlives_the_process_that_started_it_and_its_terminal(tmp_path):
    node = Tried(tmp_path, launcher=True, **{DETACHED: '1'})
    node.wait_for('ticking')
    node.process.kill()
    node.process.wait(10)
    os.kill(node.pid, signal.SIGHUP)
    (tmp_path / 'ticking').unlink()
    node.wait_for('ticking')
    os.kill(node.pid, signal.SIGTERM)
    until(lambda: not runs(node.pid), 'the end of the node', 5)
    assert node.said == 'farewell while heard destroyed'


def test_a_node_whose_output_nobody_reads_any_more_ends_cleanly(tmp_path):
    # buffered, whatever this shell says: what nobody reads is still there at the end
    node = Tried(tmp_path, tick="print('x', end='')", PYTHONUNBUFFERED='')
    node.wait_for('ticking')
    node.process.stdout.close()
    node.process.send_signal(signal.SIGTERM)
    assert node.process.wait(10) == 0
    assert 'destroyed' in node.said


def test_the_environment_of_a_bring_up_names_its_process():
    assert launcher_environment(detached=False) == {LAUNCHER: str(os.getpid()), DETACHED: '0'}
    assert launcher_environment(detached=True)[DETACHED] == '1'


@pytest.mark.parametrize('text', ['', 'me', '-1', '1e9', '²'])
def test_a_launcher_that_is_no_process_id_is_nobody(text):
    assert not Launcher({LAUNCHER: text}).gone()




@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_keyboard_gives_its_terminal_back_whatever_ends_it(number):
    ours, its = pty.openpty()
    before = termios.tcgetattr(its)
    process = subprocess.Popen([executable('ilw_teleop', 'keyboard_node')], stdin=its,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(lambda: termios.tcgetattr(its) != before, 'the keyboard', 60)
    process.send_signal(number)
    said = process.communicate(timeout=20)[0]
    assert 'Traceback' not in said
    assert process.returncode == 0
    assert termios.tcgetattr(its) == before
    os.close(ours)
    os.close(its)


def test_the_keyboard_outlives_no_terminal_that_is_gone(tmp_path):
    ours, its = pty.openpty()
    before = termios.tcgetattr(its)
    process = subprocess.Popen([executable('ilw_teleop', 'keyboard_node')], stdin=its,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until(lambda: termios.tcgetattr(its) != before, 'the keyboard', 60)
    os.close(ours)
    os.close(its)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[0]
    assert 'Traceback' not in said
    assert process.returncode == 0
