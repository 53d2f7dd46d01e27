"""The cockpit in a real browser, before real teleop and arbiter nodes."""

import asyncio
import json
from pathlib import Path
import shutil
import subprocess
import time

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('aiohttp')
from cockpit_loop import ARBITER, COCKPIT, TELEOP, Loop

from ilw_ros.transport import start_ros

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / 'bench' / '.venv-cockpit' / 'bin' / 'python'
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
STOP_S = 0.3


@pytest.mark.skipif(not CHROMIUM, reason='needs Chromium: apt-get install chromium')
@pytest.mark.skipif(not PYTHON.exists(), reason='needs playwright: bench/setup cockpit')
def test_a_browser_drives_stops_and_lets_go_when_it_is_frozen_or_closed(domain):
    start_ros()
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
