"""
Every command block of README and docs is run, in order, page by page, in a scratch folder.

What takes hours is made smaller (``SMALLER``, and trainings of a few updates); what this machine
has no part for is named in ``CANNOT`` with the reason, and only held against the command line, as
every other line is, by ``test/unit/bringup/test_docs_parse.py``.
"""

import importlib.util
from itertools import pairwise
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

from geometry_msgs.msg import PoseStamped, TwistStamped
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import LaserScan
import yaml

from ilw_core.contract.file import named_contract
from ilw_core.storage.episode_folder import SCHEMA
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_ros.convert import fill
from ilw_sim.driver.expert import Expert
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import make_grid

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location('doc_commands', ROOT / 'test/doc_commands.py')
doc_commands = importlib.util.module_from_spec(_SPEC)
sys.modules['doc_commands'] = doc_commands
_SPEC.loader.exec_module(doc_commands)

STORE = get_typestore(Stores.ROS2_JAZZY)
BEGIN_NS = 10_000_000_000
DEMONSTRATIONS = 6
ARM_S = 60
"""Of recording an arm"""
SHOWN = ('bash', 'sh', 'console')
CANNOT = {
    r'^(ILW_ROBOT=1 )?(rosdep|colcon|source) ': 'needs ROS installed',
    r'^(\.venv/bin/pip|ray |\./ilw shell)|HEAD|RAY_': 'needs what is no part of the set-up, '
                                                      'as Ray, or several machines',
    r'^rerun |--rerun ': 'needs Rerun: test/unit/data/test_rerun_file.py',
    r'^(python3 -m venv|\.robot/bin/pip) ': 'prepares a robot with ROS installed',
    r'^\./ilw switch ': 'needs a policy that drives: test/ros/test_policy_switches_its_task.py',
    r'(^| )ros2 ': 'needs ROS installed: ros2cli and launch are not on PyPI',
    r'^rsync ': 'needs a second machine',
    r'^\./ilw joystick|my_pad': 'needs a gamepad',
    r'my_arm': 'needs a recording of an arm: test/unit/sysid/test_identify_arm.py',
    r'^\./ilw ((up )?correct|improve)': 'needs a person with a gamepad',
    r'cockpit': 'needs a browser: test/ros/test_cockpit.py and test_cockpit_browser.py',
    r'^\./ilw lerobot ': 'makes an environment: test/system/test_lerobot.py',
    r'^\./ilw up foxglove': 'needs the SDK: test/ros/test_foxglove.py',
    r'--robot (?!emulated)': 'needs a robot',
    r'--gui': 'needs a display',
    r'--security ': 'needs a ROS whose DDS has the security plugin',
    r'--track wandb': 'needs the package wandb',
    r'^\./ilw (test|setup)': 'is what runs this test, or what it stands on',
    r'^tools/site/build': 'test_site.py builds it',
    r'^docker ': 'needs docker',
    r'^tensorboard ': 'a server that runs until it is ended',
    r'^(python tools/run_fuzz.py|bench/setup)': 'takes many minutes; test/fuzz runs a little',
}
"""What a line looks like that cannot run here -> why"""
SMALLER = {
    r'--input keyboard': '--input external',  # it needs a terminal, and a person
    r'--max-demos \d+': '--max-demos 4',  # of the six that are there
    r'--count \d+': '--count 2', r'--episodes \d+': '--episodes 3', r'--trials \d+': '--trials 1',
    r'--episodes-eval \d+': '--episodes-eval 1',
    r'^(\./ilw (?:eval|compare|promote)(?!.*--(?:episodes|rollback))[^#]*?)(?= *(?:#|$))':
        r'\1 --episodes 3',
    r'^(\./ilw demo[^#]*?)(?= *(?:#|$))': r'\1 --episodes 3 --episodes-eval 1',
}
STARTED = re.compile(r'^(\./ilw up )')
"""Runs until it is ended: here until its nodes are up"""
UNTIL_UP = '''
until_up() {
    "$@" > up.log 2>&1 < /dev/null & up=$!
    for _ in $(seq 600); do
        if grep -q '^Up: ' up.log; then break; fi
        if ! kill -0 "$up" 2>/dev/null; then break; fi
        sleep 0.2
    done
    sleep ${WAIT:-8}  # a node that cannot start ends by then
    kill -INT "$up" 2>/dev/null || true
    code=0; wait "$up" || code=$?
    cat up.log >&2
    grep -q '^Up: ' up.log && [ "$code" -eq 0 ]
}
'''
MAY_SAY_NO = re.compile(r'^\./ilw (compare|replay|promote|gap|identify|episodes check|doctor)')
"""Exit code 1, ILW says no, is an answer: policies of a few updates are no good"""
COPIES = {'NAME': 'clutter', 'my_robot': 'clutter', 'my_office': 'office'}
"""Contract that a page has its reader make -> the shipped one it is a copy of"""
TINY = {'bc': {'updates': 200, 'candidates': 1, 'eval_episodes': 1, 'held_out_ratio': 0.3},
        'dqn': {'steps': 4096, 'robots': 16, 'warm_up': 512, 'candidates': 1, 'eval_episodes': 2},
        'qtable': {'updates': 200_000, 'candidates': 1, 'eval_episodes': 1}}
TINY['dqfd'] = TINY['dqn']


def reason_not_to_run(text):
    """Return why a line cannot run here; empty if it can."""
    return next((why for pattern, why in CANNOT.items() if re.search(pattern, text)), '')


def run(folder, script, timeout_s):
    return subprocess.run(
        ['bash', '-u', '-o', 'pipefail', '-c', UNTIL_UP + script], cwd=folder, text=True,
        capture_output=True, check=False, timeout=timeout_s,
        env={**os.environ, 'ILW_CONFIG': str(folder / 'config'), 'HOME': str(folder)})


@pytest.fixture(scope='session')
def recorded(tmp_path_factory, strangers):
    """Return a folder with demonstrations and a checkpoint of two tasks, as a reader has made."""
    folder = tmp_path_factory.mktemp('recorded')
    prepare(folder)
    strangers.write(folder / 'their_bag', strangers.sound(20.0))
    for task in ('clutter', 'maze'):
        for seed in range(DEMONSTRATIONS):
            record(folder / 'demos' / task / f'20260101-12000{seed}-ab12cd3{seed}',
                   named_contract(task), seed)
        train(folder, f'--task {task} --out runs/first-{task}')
    train(folder, '--task clutter --seed 1 --out runs/other')
    for task in ('office', 'corridor', 'dock', 'follow_wall'):
        for seed in range(DEMONSTRATIONS):
            record(folder / 'demos' / task / f'20260101-12000{seed}-ab12cd3{seed}',
                   named_contract(task), seed)
    record_an_arm(folder)
    shutil.copytree(folder / 'demos/clutter', folder / 'demos/before')
    for name in ('candidate-200', 'checkpoint'):  # two, so that there is a way back
        Deployed(folder / 'deployed', 'clutter').promote(
            load_checkpoint(folder / 'runs/other' / name), {})
    return folder


def train(folder, options):
    done = run(folder, f'./ilw train {options}', 1500)
    assert done.returncode == 0, done.stderr[-3000:]


def record_an_arm(folder):
    """Let the arm's expert press a gamepad for a while, and the recorder listen."""
    done = run(folder, f'WAIT={ARM_S} until_up ./ilw up record --task lift_state --input external '
                       f'--expert --real-time-factor 0', 600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len([*(folder / 'demos/lift_state').glob('2*')]) >= 3, done.stderr[-3000:]


def record(folder, contract, seed):
    """Let the expert drive one episode, and write it as the recorder does."""
    env = make_env(contract)
    env.reset(seed=seed)
    simulation, scene = env.simulation, env.simulation.scene
    simulation.reset(seed, BEGIN_NS)
    expert = Expert(contract, np.random.default_rng(seed))
    expert.plan(make_grid(scene.size, scene.shapes, 0.05, corner=scene.origin), scene.goal)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        topics = {name: bag.add_connection(f'/{name}', kind, typestore=STORE)
                  for name, kind in contract.topics.items()}
        ended = False
        while not ended:
            tick, wanted = simulation.tick, expert.drive(simulation.pose)
            stamp_ns = tick.stamp_ns
            messages = {'odom': fill(Odometry(), tick.readings.odom),
                        'scan': fill(LaserScan(), tick.readings.scan),
                        'goal': fill(PoseStamped(), simulation.goal_reading(stamp_ns)),
                        'cmd_vel': command(stamp_ns, wanted)}
            for name, connection in topics.items():
                bag.write(connection, stamp_ns, serialize_message(messages[name]))
            step = (int(contract.action.nearest(wanted[None])[0]) if contract.action.discrete
                    else wanted.astype(np.float32))
            _, _, terminated, truncated, info = env.step(step)
            ended = terminated or truncated
    env.close()
    (folder / 'episode.json').write_text(json.dumps({
        'schema': SCHEMA, 'episode': folder.name[-8:], 'task': contract.name, 'robot': 'sim',
        'operator': 'expert', 'outcome': 'success' if info['success'] else 'failure',
        'stop_reason': info['stop_reason'], 'contract_hash': contract.hash,
        'contract_text': contract.text, 'recorded_at_s': 1.8e9}))


def command(stamp_ns, wanted):
    message = TwistStamped()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
    message.twist.linear.x, message.twist.angular.z = map(float, wanted)
    return message


def prepare(folder):
    """Lay out a checkout as a user has it: the entry, the configuration, small trainings."""
    (folder / 'ilw').symlink_to(ROOT / 'ilw')
    for name in ('docs', 'bench', 'tools', 'requirements', 'src', 'launch'):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'config', folder / 'config')
    for name, values in TINY.items():
        path = folder / 'config' / 'train' / f'{name}.yaml'
        config = yaml.safe_load(path.read_text())
        for task in (config, *(config.get('tasks') or {}).values()):
            task.update({key: value for key, value in values.items()
                         if task is config or key in task})
        path.write_text(yaml.safe_dump(config))
    for name, copied in COPIES.items():
        text = (folder / f'config/tasks/{copied}.yaml').read_text()
        (folder / f'config/tasks/{name}.yaml').write_text(
            re.sub(r'^contract: \w+', f'contract: {name}', text, flags=re.MULTILINE))


def filled_in(text, folder):
    """Return a line with what a reader puts in for ``<id>``, ``PATH``, ``BAG`` and the like."""
    task = re.search(r'--task (\w+)', text)
    named = task[1] if task and (folder / 'demos' / task[1]).is_dir() else 'clutter'
    bags = sorted(path for path in (folder / 'demos' / named).iterdir() if path.name[0] != '.')
    out = sorted((folder / 'demos' / named / '.dropped').glob('[0-9]*'))
    words = {'runs/<id>': run_of(task[1] if task else named, folder), 'SIM_BAG': bags[0],
             'REAL_BAG': bags[1], 'BAG': bags[0], '~/bags/lab_7': bags[1],
             'CHECKPOINT': f'runs/first-{named}/checkpoint', '--task turtlebot3': '--task clutter',
             '20260101-120000-ab12cd34': bags[0].name, '--task NAME --out': '--task clutter --out',
             'PATH': out[0] if 'restore' in text and out else bags[0]}
    for word, value in words.items():
        text = re.sub(rf'(?<!\w){re.escape(word)}(?!\w)', str(value), text)
    for pattern, smaller in SMALLER.items():
        text = re.sub(pattern, smaller, text, count=1)
    return text


def run_of(task, folder):
    """Return the newest run of a task: one that the page made, or the one that was there."""
    made = [path.parent for path in (folder / 'runs').glob(f'*{task}/checkpoint')]
    return max(made, key=lambda path: path.stat().st_mtime, default=folder / 'runs/none')


PAGES = [page for page in doc_commands.pages()
         if any(block.language in SHOWN for block in doc_commands.blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_runs(page, recorded, tmp_path):
    folder = tmp_path / 'ilw_of_a_reader'
    shutil.copytree(recorded, folder, symlinks=True)
    variables = ''
    write_files(page, folder)
    for block in doc_commands.blocks(page):
        if block.language not in SHOWN:
            continue
        for line in doc_commands.lines(block):
            if reason_not_to_run(line.text):
                continue
            text = filled_in(line.text, folder)
            if re.match(r'^export \w+=', text):
                variables += text + '\n'  # for the lines that follow, as in one shell
            done = run(folder, variables + STARTED.sub(r'until_up \1', text) + '\n', 1500)
            fine = (0, 1) if MAY_SAY_NO.match(text) else (0,)
            assert done.returncode in fine, (
                f'{line.where}: {text}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}')


def write_files(page, folder):
    """Write the Python file that a page shows and then names, as its reader would."""
    blocks = doc_commands.blocks(page)
    for block, after in pairwise(blocks):
        named = re.search(r'--algo-file (\w+\.py)', after.text)
        if block.language == 'python' and named:
            (folder / named[1]).write_text(block.text)


def test_every_reason_is_still_needed():
    texts = [line.text for page in PAGES for block in doc_commands.blocks(page)
             if block.language in SHOWN for line in doc_commands.lines(block)]
    for pattern in CANNOT:
        assert any(re.search(pattern, text) for text in texts), f'no line is like {pattern!r}'
