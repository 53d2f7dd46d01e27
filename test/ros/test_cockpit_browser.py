"""The cockpit in a real browser, before real teleop and arbiter nodes."""

import asyncio
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('aiohttp')
from cockpit_loop import ARBITER, COCKPIT, TELEOP, Loop, free_port
import rclpy

from ilw_core.storage.locate import config_folder
from ilw_ros.transport import start_ros

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / 'bench' / '.venv-cockpit' / 'bin' / 'python'
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
STOP_S = 0.3
TAKES = 10
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason='needs Chromium: apt-get install chromium'),
    pytest.mark.skipif(not PYTHON.exists(), reason='needs playwright: bench/setup cockpit')]


@pytest.fixture
def context(domain):
    """Keep each test in a ROS domain, and a context, of its own."""
    start_ros()
    yield
    rclpy.try_shutdown()


def test_a_browser_drives_stops_and_lets_go_when_it_is_frozen_or_closed(context):
    loop = Loop(COCKPIT, TELEOP, ARBITER)
    wall = time.time() - time.monotonic()
    try:
        asyncio.run(loop.until_ready())
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name('cockpit_browser.py'), loop.link, CHROMIUM],
            capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        time.sleep(1.0)  # it stands, and goes on to
    finally:
        loop.close()
    said = json.loads(done.stdout)
    assert said['complaints'] == [], 'nothing breaks the Content-Security-Policy either'
    assert '#' not in said['address'], 'the token left the address bar'
    assert said['width'] <= 390, 'nothing is wider than a phone'
    assert 'EMERGENCY STOP' in said['estop'] and any(stopped for _, stopped, _ in loop.spy.states)
    assert 'twist.linear.x' in said['Drive'] and 'Start' in said['Record']
    assert '/arbiter' in said['Health'] and 'arbiter/state' in said['Health']
    for moment in ('frozen_at', 'closed_at'):
        at = said[moment] - wall
        assert [1 for when, x in loop.spy.commands if at - 1.0 < when < at and x > 0.1], moment
        near = [(when, x) for when, x in loop.spy.commands if at < when < at + 1.5]
        stands = next(when for when, x in near if abs(x) < 1e-6)
        assert stands - at <= STOP_S, moment
        assert not [x for when, x in near if when > stands and abs(x) > 1e-6], moment


def test_a_browser_sees_episodes_side_by_side_and_what_a_fix_would_change(
        context, tmp_path, bags):
    loop = Loop(COCKPIT)
    try:
        for name, speed in (('one', 0.1), ('two', 0.3), ('torn', 0.2)):
            bags.write(loop.folder / 'demos' / 'maze' / name, ticks=30,
                       drive=lambda i, v=speed: (v * min(1.0, i / 10), 0.0),
                       place=lambda i, v=speed: (v * i, 0.0, 0.0),
                       meta={'outcome': 'success', 'contract_text': bags.contract.text})
        torn = loop.folder / 'demos' / 'maze' / 'torn' / 'torn.mcap'
        torn.write_bytes(b'nonsense')
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name('cockpit_record.py'), loop.link, CHROMIUM, tmp_path],
            capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert torn.read_bytes() == b'nonsense' and len(list(torn.parent.iterdir())) == 3
        assert len(list((loop.folder / 'runs' / '.cache' / 'thumbnails').glob('*.png'))) == 2
    finally:
        loop.close()
    said = json.loads(done.stdout)
    assert said['complaints'] == [] and said['width'] <= 390
    assert len(said['pictures']) == 2 and all(width > 100 for width in said['pictures'])
    assert len(said['why']) == 1 and 'torn is damaged' in said['why'][0]
    assert said['address'].startswith('/left/') and loop.token not in said['address']
    assert said['lines'] == ['one', 'two'] and 'action/twist.linear.x [m/s]' in said['chart']
    for text in ('torn', 'in training: ', 'out of training: ', './ilw episodes restore'):
        assert text in said['plan'], said['plan']
    assert said['there'] == said['undone'] == ['one', 'torn', 'two']
    assert said['mended'] == ['one', 'two']


def test_the_whole_way_from_recording_to_a_policy_that_drives_without_a_terminal(domain, tmp_path):
    config = tmp_path / 'config'  # as shipped, but each training is short
    shutil.copytree(config_folder(), config)
    for name in ('bc_quick', 'bc_corrections'):
        file = config / 'train' / f'{name}.yaml'
        file.write_text(re.sub('updates: [0-9]+', 'updates: 200', file.read_text()))
    heard = []
    nodes = subprocess.Popen(
        [sys.executable, '-m', 'ilw_bringup.cli', 'up', 'correct', '--task', 'clutter', '--input',
         'cockpit', '--checkpoint', 'idle', '--port', str(free_port())], cwd=tmp_path, text=True,
        env={**os.environ, 'ILW_CONFIG': str(config)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        link = next(line.split()[1] for line in nodes.stdout if line.startswith('Cockpit: '))
        threading.Thread(target=lambda: heard.extend(nodes.stdout), daemon=True).start()
        with (tmp_path / 'stages.txt').open('w') as stages:
            done = subprocess.run(
                [PYTHON, Path(__file__).with_name('cockpit_workflow.py'), link, CHROMIUM,
                 str(TAKES), str(tmp_path)], stdout=subprocess.PIPE, stderr=stages, text=True,
                timeout=1800, check=False)
    finally:
        nodes.send_signal(signal.SIGINT)
        nodes.wait(30)
    stages = (tmp_path / 'stages.txt').read_text()
    assert done.returncode == 0, f'{stages[-3000:]}\n{"".join(heard)[-2000:]}'
    said = json.loads(done.stdout)
    assert said['complaints'] == []
    assert f'{TAKES} episodes' in said['record']
    assert 'wilson95' in said['evaluate'] and 'promoted' in said['promote']
    assert 'Drives: policy' in said['drive']
    (run,) = (tmp_path / 'runs').glob('*-train-*')
    deployed = (tmp_path / 'deployed' / 'clutter' / 'current').resolve()
    assert (deployed / 'policy.onnx').read_bytes() == (
        run / 'checkpoint' / 'policy.onnx').read_bytes()
    assert len(list((tmp_path / 'demos' / 'clutter').glob('2*/episode.json'))) == TAKES
    (corrected,) = (tmp_path / 'runs').glob('*-correct-*')
    assert (corrected / 'round-1' / 'round.html').is_file()
