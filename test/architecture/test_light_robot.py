"""What a robot runs needs nothing that trains or simulates: neither to install nor to import."""

from importlib.metadata import distribution
from pathlib import Path
import re
import subprocess
import sys
from xml.etree import ElementTree

from packaging.requirements import Requirement
import pytest

ROOT = Path(__file__).resolve().parents[2]


def wanted_by(name):
    """Return the names in a list of requirements, without what only development needs."""
    lines = (ROOT / 'requirements' / name).read_text().split('# development')[0].splitlines()
    return {re.split('[ =<>]', line)[0] for line in lines if line and line[0] != '#'}


HEAVY = (*sorted(wanted_by('ilw.in') - wanted_by('robot.in')), 'PIL', 'scipy', 'sqlalchemy',
         'ilw_sim', 'ilw_faults')
"""What is installed for training and simulating, and not on a robot"""
NEEDS = {  # to import what begins so; all else does without
    'aiohttp': ('ilw_web.server.server', 'ilw_web.server.thread', 'ilw_web.server.viewer',
                'ilw_web.nodes.cockpit_node'),
    'torch': ('ilw_bringup.correct.lessons', 'ilw_bringup.correct.rounds',
              'ilw_bringup.demo', 'ilw_bringup.forecast',
              'ilw_bringup.improve.', 'ilw_learner.transfer.',
              'ilw_learner.algorithms', 'ilw_learner.asking.learn', 'ilw_learner.asking.risk',
              'ilw_learner.chunks', 'ilw_learner.networks', 'ilw_learner.training',
              'ilw_learner.checkpoint.export', 'ilw_learner.data.demonstrations',
              'ilw_learner.data.mixed_rows',
              'ilw_learner.data.n_step', 'ilw_learner.data.replay_buffer',
              'ilw_learner.data.window_images', 'ilw_learner.rewards',
              'ilw_learner.rollout.batch_robots', 'ilw_learner.rollout.gym_env',
              'ilw_learner.rollout.vec_env',
              'ilw_learner.spread.trainings',
              'ilw_learner.transfer.anchor', 'ilw_learner.transfer.old_windows',
              'ilw_learner.transfer.stages', 'ilw_learner.why'),
    'pybullet': ('ilw_bringup.emulated_arm', 'ilw_bringup.nodes.arm_emulator_node',
                 'ilw_sim.physics.quiet_pybullet', 'ilw_sim.physics.world', 'ilw_sim.simulation',
                 'ilw_sim.env', 'ilw_sim.open_loop', 'ilw_sim.nodes.sim_', 'ilw_sim.robots',
                 'ilw_sim.physics.client', 'ilw_sim.arm.world', 'ilw_sim.arm.simulation',
                 'ilw_sim.cameras.bodies',
                 'ilw_sim.cameras.cameras', 'ilw_sim.cameras.drawing'),
    'numba': ('ilw_bringup.correct.', 'ilw_bringup.demo', 'ilw_bringup.forecast',
              'ilw_bringup.improve.', 'ilw_learner.transfer.',
              'ilw_sim.batch', 'ilw_learner.algorithms', 'ilw_learner.chunks',
              'ilw_learner.asking.learn', 'ilw_learner.data.demonstrations',
              'ilw_learner.data.n_step', 'ilw_learner.data.replay_buffer',
              'ilw_learner.networks', 'ilw_learner.rewards',
              'ilw_learner.spread.trainings', 'ilw_learner.training',
              'ilw_learner.transfer.stages')}
ON_A_ROBOT = {  # package -> its folder, and the rooms of it that a robot runs
    'ilw_ros': ('src/ilw_core', ['']), 'ilw_core': ('src/ilw_core', ['']),
    'ilw_cli': ('src/ilw_core', ['']), 'ilw_data': ('src/ilw_data', ['']),
    'ilw_teleop': ('src/ilw_teleop', ['']),
    'ilw_learner': ('src/ilw_learner', ['checkpoint', 'runtime', 'nodes', 'commands', 'cli.py']),
    'ilw_bringup': ('launch', ['start', 'commands', 'security', 'cli.py', 'doctor.py',
                               'session.py'])}
NOT_ON_IT = {'ilw_learner.checkpoint.export',  # torch to ONNX
             'ilw_bringup.start.launch_files'}  # launch comes with ROS alone
TRY = """
import importlib, importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in sys.argv[1].split(','):
            raise ModuleNotFoundError(f'{name} is not on a robot', name=name)

sys.meta_path.insert(0, Missing())
for name in sys.argv[2:]:
    importlib.import_module(name)
"""
EACH = """
for name in sys.stdin.read().split():
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(name, error.name)
"""


def modules():
    found = set()
    for package, (folder, rooms) in ON_A_ROBOT.items():
        for room in rooms:
            place = ROOT / folder / package / room
            for path in place.rglob('*.py') if place.is_dir() else [place] * place.is_file():
                if path.name != '__init__.py' and '.launch' not in path.name:
                    found.add('.'.join(path.relative_to(ROOT / folder).with_suffix('').parts))
    return sorted(found - NOT_ON_IT)


def test_what_a_robot_runs_is_imported_where_nothing_can_train_or_simulate():
    pytest.importorskip('rclpy')
    assert len(modules()) > 150 and {'ilw_learner.nodes.policy_node',
                                     'ilw_data.commands.episodes'} <= set(modules())
    done = subprocess.run([sys.executable, '-c', TRY, ','.join(HEAVY), *modules()],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def everywhere():
    """Return every module of every package."""
    found = set()
    for folder in (*(ROOT / 'src').glob('ilw_*'), ROOT / 'launch'):
        for path in folder.glob('*/**/*.py'):
            parts = path.relative_to(folder).with_suffix('').parts
            if 'build' not in parts and not parts[-1].endswith('.launch'):
                found.add('.'.join(parts[:-1] if parts[-1] == '__init__' else parts))
    return found - {'ilw_bringup.start.launch_files'}


@pytest.mark.long
@pytest.mark.parametrize('missing', NEEDS)
def test_what_needs_no_torch_pybullet_or_numba_is_imported_without(missing):
    pytest.importorskip('rclpy')
    names = everywhere()
    assert len(names) > 400
    done = subprocess.run([sys.executable, '-c', TRY.split('for name')[0] + EACH, missing],
                          input='\n'.join(sorted(names)), capture_output=True, text=True,
                          check=False)
    failed = dict(line.split() for line in done.stdout.splitlines())
    assert done.returncode == 0 and {*failed.values()} == {missing}, done.stderr[-3000:] or failed
    assert not {name for name in failed if not name.startswith(NEEDS[missing])}
    assert not {begin for begin in NEEDS[missing]
                if not any(name.startswith(begin) for name in failed)}, 'it does without by now'


def test_the_batched_simulator_runs_where_there_is_no_pybullet_and_no_ros():
    names = ['.'.join(path.relative_to(ROOT / 'src/ilw_sim').with_suffix('').parts)
             for room in ('batch', 'tasks') for path in (
                 ROOT / 'src/ilw_sim/ilw_sim' / room).glob('*.py') if path.stem != '__init__']
    drive = ('''
import numpy as np
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import make_batch
for task in ('clutter', 'maze'):
    env = make_batch(load_contract(config_file('tasks', task)), robots=8, seed=0, worlds=4,
                     first_world=0, device='cpu')
    obs, _ = env.reset(seed=0)
    for _ in range(20):
        obs, reward, *_ = env.step(np.zeros(env.action_space.shape, env.action_space.dtype))
    assert np.isfinite(obs).all() and np.isfinite(reward).all()
''')
    done = subprocess.run([sys.executable, '-c', TRY + drive, 'pybullet,rclpy,torch', *names],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def locked(name):
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    return {line.split('==')[0] for line in lines if line and line[0] not in '# '}


def test_robot_txt_is_all_that_robot_in_needs_and_nothing_that_trains():
    wanted = list(wanted_by('robot.in'))
    assert set(wanted) <= wanted_by('ilw.in'), 'each is in ilw.in, which has the versions'
    seen = set()
    while wanted:
        name = re.sub('[-_.]+', '-', wanted.pop()).lower()
        if name not in seen:
            seen.add(name)
            needed = map(Requirement, distribution(name).requires or ())
            wanted += [each.name for each in needed
                       if each.marker is None or each.marker.evaluate({'extra': ''})]
    assert locked('robot.txt') == seen & locked('lock.txt')
    assert not locked('robot.txt') & set(HEAVY)


@pytest.mark.parametrize('package', ['src/ilw_core', 'src/ilw_data', 'src/ilw_msgs',
                                     'src/ilw_teleop', 'src/ilw_learner', 'launch'])
def test_rosdep_installs_nothing_heavy_on_a_robot(package):
    root = ElementTree.parse(ROOT / package / 'package.xml').getroot()
    always = {element.text for kind in ('depend', 'exec_depend', 'build_depend')
              for element in root.iter(kind)
              if element.get('condition') != '$ILW_ROBOT != 1'}
    assert not {key for key in always if any(name in key for name in HEAVY)}
    left_out = {element.text for element in root.iter('exec_depend')
                if element.get('condition') == '$ILW_ROBOT != 1'}
    assert {key.removeprefix('python3-') for key in left_out} <= {*HEAVY, 'pil'}
