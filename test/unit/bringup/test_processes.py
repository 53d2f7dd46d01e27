"""A fleet starts real processes and leaves none behind."""

from dataclasses import replace
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import Fleet
from ilw_core.errors import IlwError

STUBBORN = ('#!/bin/sh\ntrap "" INT TERM\necho ready >> "$ILW_TEST_READY"\n'
            'while :; do sleep 0.1; done\n')
POLITE = '#!/bin/sh\necho ready >> "$ILW_TEST_READY"\nexec sleep 600\n'


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return a maker of an installed node from a script."""
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    monkeypatch.setenv('ILW_TEST_READY', str(tmp_path / 'ready'))

    def make(name, script):
        path = tmp_path / 'lib/pack' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(0o755)
        return NodeSpec('pack', name, name)

    return make


def wait_until(done, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, 'waited in vain'
        time.sleep(0.01)


def ready_lines(tmp_path):
    path = tmp_path / 'ready'
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.long
def test_all_nodes_end_within_five_seconds_even_a_stubborn_one(node, tmp_path):
    fleet = Fleet(tmp_path / 'log')
    fleet.start([node('polite', POLITE), node('stubborn', STUBBORN)])
    wait_until(lambda: ready_lines(tmp_path) == 2)
    pids = [fleet.pid('polite'), fleet.pid('stubborn')]
    begin = time.monotonic()
    assert fleet.stop() == ['stubborn']
    assert time.monotonic() - begin < 5.0
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_node_that_died_is_seen_and_started_again(node, tmp_path):
    with Fleet(tmp_path / 'log') as fleet:
        fleet.start([node('polite', POLITE)])
        wait_until(lambda: ready_lines(tmp_path) == 1)
        os.kill(fleet.pid('polite'), signal.SIGKILL)
        wait_until(lambda: fleet.dead() == ['polite'])
        assert fleet.restart_dead() == ['polite']
        assert fleet.running('polite')


def test_a_node_that_dies_of_a_fault_comes_back_a_few_times_and_no_other_does(node, tmp_path):
    crash, refuse = '#!/bin/sh\nkill -SEGV $$\n', '#!/bin/sh\nexit 2\n'
    specs = [replace(node('crash', crash), respawn=True), node('other', crash),
             replace(node('refuse', refuse), respawn=True),
             replace(node('end', '#!/bin/sh\nexit 0\n'), respawn=True)]
    with Fleet(tmp_path / 'log') as fleet:
        fleet.start(specs)
        for _ in range(5):
            wait_until(lambda: len(fleet.dead()) == 4)
            assert fleet.respawn() == ['crash']
        wait_until(lambda: len(fleet.dead()) == 4)
        assert fleet.respawn() == []


@pytest.mark.long
def test_nodes_do_not_outlive_a_parent_that_is_killed(node, tmp_path):
    node('polite', POLITE)
    code = ('from ilw_bringup.start.processes import Fleet;'
            'from ilw_bringup.start.bringup import NodeSpec;'
            'import time; f = Fleet(); f.start([NodeSpec("pack", "polite", "polite")]);'
            'print(f.pid("polite"), flush=True); time.sleep(60)')
    parent = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    wait_until(lambda: ready_lines(tmp_path) == 1)
    parent.kill()
    parent.wait()
    wait_until(lambda: not psutil.pid_exists(pid))


def test_a_node_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(Path(tmp_path)))
    with pytest.raises(IlwError, match='ilw_pack/none is not installed'):
        Fleet().start([NodeSpec('ilw_pack', 'none', 'none')])
