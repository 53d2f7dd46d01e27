"""A newcomer with a keyboard and a terminal alone does the tutorial: record, train, deploy."""

import re
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy')
from screen_reader import Desk, key_towards, read_map

from ilw_bringup.start.private_domain import private_domain

pytestmark = pytest.mark.slow
WANTED = 3
TAKES = 6
"""So many may go wrong, or not, until there are enough"""

SHORT = 'algorithm: bc\nupdates: 400\neval_episodes: 2\ncandidates: 1\n'


@pytest.fixture
def desk(tmp_path):
    """Return a function that starts a command on a terminal; nothing outlives the test."""
    desks = []

    def start(*words, **size):
        desks.append(Desk(*words, cwd=tmp_path, **size))
        return desks[-1]

    with private_domain():
        yield start
        for each in desks:
            each.close()


def drive(desk, seconds=240.0):
    """Drive to the goal by the map on the screen until the take has ended; return how it did."""
    deadline = time.monotonic() + seconds
    while not (ended := desk.sees(r'saved \d+, last (\w+)')):
        assert time.monotonic() < deadline, '\n'.join(desk.glass.lines)
        seen = read_map(desk.look())
        desk.type(key_towards(*seen) if seen else ' ')
        time.sleep(0.08)
    return ended[1]


def ilw(tmp_path, *words):
    return subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', *words], cwd=tmp_path,
                          capture_output=True, text=True, timeout=900)


def test_a_newcomer_records_trains_and_deploys_by_keyboard_and_terminal_alone(desk, tmp_path):
    up = desk('up', 'record', '--task', 'maze', '--input', 'keyboard', '--view')
    up.until(r'ready, b begins', 120)
    assert not up.sees(r'backward'), 'this robot has no reverse'
    outcomes = []
    while outcomes.count('success') < WANTED:
        assert len(outcomes) < TAKES, outcomes
        up.until(r'ready, b begins')
        up.type('b')
        up.until(r'Take begins\. Robot at x [-\d.]+ m, y [-\d.]+ m, heading \d+°; goal at',
                 back=True)  # what the nodes say under load moves it off a small screen
        up.until(r'RECORDING \| \d+\.\d of 60 s')
        outcomes.append(drive(up))
    assert up.end() == 0
    assert not up.glass.strange, 'controls that not every terminal knows'
    assert 'Traceback' not in up.said

    checked = ilw(tmp_path, 'episodes', 'check', 'demos/maze', '--task', 'maze')
    assert checked.returncode in (0, 1) and 'Traceback' not in checked.stderr, checked.stderr
    (tmp_path / 'short.yaml').write_text(SHORT)
    trained = ilw(tmp_path, 'train', '--task', 'maze', '--demos', 'demos/maze',
                  '--algo', 'short.yaml')
    assert trained.returncode == 0, trained.stderr[-2000:]
    checkpoint = re.search(r'(runs/\S+/checkpoint)', trained.stdout)[1]

    up = desk('up', 'deploy', '--task', 'maze', '--checkpoint', checkpoint, '--enable-output',
              '--input', 'keyboard', '--view')
    up.until(r'nobody drives \| not armed', 120)
    up.type('m')
    up.until(r'the policy drives \| armed')
    up.until(r'you drive', every='w')
    up.until(r'the policy drives \| armed')
    up.type('x')
    up.until(r'EMERGENCY STOP \(a person asked for it\); u releases it')
    up.until(r'nobody drives \| not armed')
    up.type('u')
    up.until(r'(?m)^(?!.*EMERGENCY STOP \().*nobody drives \| not armed')
    assert up.end() == 0
    assert 'Traceback' not in up.said
