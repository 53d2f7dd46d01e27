"""
What the cockpit costs and how fast it is: real nodes, real DDS, a real browser.

bench/cockpit.py [--presses 200] [--seconds 30] [--json], with the environment of ``./ilw shell``,
and Chromium and playwright beside it: ``bench/setup cockpit``. Measured: from a press of a gamepad
in the browser to the command that follows from it on ``cmd_vel``, and likewise for letting go;
from the start of the cockpit to the first picture; size of the page; of an arm with two cameras,
in 3-D and with six charts or more, while it is driven to and fro, the server's share of a core and
the pictures per second: while the view is still, and while it is turned.
"""

import argparse
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ.setdefault('ROS_DOMAIN_ID', '43')
sys.path.insert(0, str(ROOT / 'test' / 'ros'))

from cockpit_loop import ARBITER, COCKPIT, TELEOP, Loop  # noqa: E402
from machine import machine_line  # noqa: E402
import psutil  # noqa: E402

from ilw_ros.transport import start_ros  # noqa: E402
from ilw_web.server.pages import Page  # noqa: E402

BROWSER = [str(ROOT / 'bench' / '.venv-cockpit' / 'bin' / 'python'),
           str(ROOT / 'bench' / 'cockpit_parts' / 'browser.py')]
ASKED_S = 0.06


def main() -> None:
    """Print the figures, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--presses', type=int, default=200)
    parser.add_argument('--seconds', type=float, default=30.0)
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    if not Path(BROWSER[0]).exists():
        sys.exit('error: playwright is not set up. Run bench/setup cockpit.')
    result = {'page_gzipped_bytes': Page().packed_bytes, **latency(options.presses),
              **load(options.seconds), 'machine': machine_line()}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f'{name:<28} {value:.3f}' if isinstance(value, float) else f'{name:<28} {value}')


def browse(link: str, *words: str) -> subprocess.Popen:
    """Start a browser at a link."""
    return subprocess.Popen([*BROWSER, link, *words], stdout=subprocess.PIPE, text=True)


def latency(presses: int) -> dict[str, float]:
    """Return how long after a press of the gamepad the command comes that follows from it."""
    start_ros()
    begun = time.time()
    loop = Loop(COCKPIT, TELEOP, ARBITER)
    wall = time.time() - time.monotonic()
    try:
        out, _ = browse(loop.link, '--presses', str(presses)).communicate(
            timeout=60 + 1.2 * presses)
        commands = list(loop.spy.commands)
    finally:
        loop.close()
    said = json.loads(out.splitlines()[-1])
    took = {1: [], 0: []}
    for at, forward in said['presses']:
        came = next((wall + when - at for when, speed in commands if wall + when > at
                     and (speed > 1e-6) == bool(forward)), None)
        if came is not None:
            took[forward].append(came)
    figures = {'first_picture_s': said['picture_at_s'] - begun, 'open_page_s': said['open_s']}
    for forward, name in ((1, 'press'), (0, 'release')):
        ordered = sorted(took[forward])
        figures |= {f'{name}_n': len(ordered), f'{name}_median_ms': 1e3 * share(ordered, 0.5),
                    f'{name}_p99_ms': 1e3 * share(ordered, 0.99),
                    f'{name}_most_ms': 1e3 * ordered[-1],
                    f'{name}_over_60_ms': sum(each > ASKED_S for each in ordered)}
    return figures


def share(ordered: list[float], part: float) -> float:
    """Return the value that a part of all is at or below."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def load(seconds: float) -> dict[str, float]:
    """Return the server's share of a core, and what the page draws meanwhile."""
    with tempfile.TemporaryDirectory(prefix='ilw_cockpit_') as folder:
        nodes = subprocess.Popen(
            [sys.executable, '-m', 'ilw_bringup.cli', 'up', 'record', '--task', 'lift', '--input',
             'cockpit', '--demos', folder], stderr=subprocess.STDOUT, stdout=subprocess.PIPE,
            text=True)
        try:
            link = next(line.split()[1] for line in nodes.stdout if line.startswith('Cockpit: '))
            (server,) = [child for child in psutil.Process(nodes.pid).children(recursive=True)
                         if 'cockpit_node' in ' '.join(child.cmdline())]
            time.sleep(10.0)  # the simulator begins
            browser = browse(link, '--seconds', str(seconds))
            browser.stdout.readline()
            before, since = used(server), time.time()
            said = json.loads(browser.stdout.read().splitlines()[-1])
            part = (used(server) - before) / (time.time() - since)
        finally:
            nodes.send_signal(signal.SIGINT)
            nodes.wait(30)
    return {'server_share_of_a_core': part,
            'news_pictures_per_s': said['news_pictures_per_s'],
            'turned_pictures_per_s': said['turned_pictures_per_s'],
            'charts': said['charts'], 'cameras': said['cameras']}


def used(process: psutil.Process) -> float:
    """Return the seconds of a core that a process has used."""
    times = process.cpu_times()
    return times.user + times.system


if __name__ == '__main__':
    main()
