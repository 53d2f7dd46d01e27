"""The page's own unit tests run in node, and speak as the server of these sources does."""

import json
import os
from pathlib import Path
import shutil
import subprocess

import pytest

from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_teleop.joystick.fit import why_not
from ilw_teleop.joystick.layout import load_joystick
from ilw_web.server.gate import PROTOCOL
from ilw_web.server.seat import LEASE_NS
from ilw_web.server.server import ESTOP
from ilw_web.view.news import frame, hello

WEB = Path(__file__).resolve().parents[3] / 'src' / 'ilw_web' / 'web'
NODE = shutil.which('node')
ESBUILD = WEB / 'node_modules' / '.bin' / 'esbuild'
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not NODE, reason='needs node 20: apt-get install nodejs'),
    pytest.mark.skipif(not ESBUILD.exists(),
                       reason='needs esbuild: npm ci --ignore-scripts in src/ilw_web/web')]


def test_link_and_stick_of_the_page_in_node(tmp_path):
    joystick = load_joystick(config_file('joysticks', 'xbox'))
    body = [0, 255, 137, 80]
    server, page = tmp_path / 'server.json', tmp_path / 'page.jsonl'
    server.write_text(json.dumps({
        'hello': hello(named_contract('clutter'), joystick), 'protocol': PROTOCOL, 'estop': ESTOP,
        'lease_ms': LEASE_NS // 1_000_000, 'body': body,
        'frame': list(frame({'t': 'camera', 'name': 'vorn ü'}, bytes(body)))}))
    tests = sorted((WEB / 'test').glob('*.test.mjs'))
    assert tests
    subprocess.run([NODE, ESBUILD, *tests, '--bundle', '--platform=node', '--format=esm',
                    f'--outdir={tmp_path}', '--out-extension:.js=.mjs', '--log-level=warning'],
                   check=True)
    done = subprocess.run(
        [NODE, '--test', *(tmp_path / each.name for each in tests)],
        env={**os.environ, 'ILW_SERVER_SAYS': str(server), 'ILW_PAGE_SAYS': str(page)},
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    sent = [json.loads(line) for line in page.read_text().splitlines()]
    assert len(sent) > 10
    refused = {why_not(joystick, each['a'], each['b']) for each in sent}
    assert refused == {''}, 'the server would close the socket of such a page'
