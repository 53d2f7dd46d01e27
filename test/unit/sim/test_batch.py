"""The batched simulator: same bits, Gymnasium's rules, the codec's sectors, one CUDA source."""

from dataclasses import replace
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip('numba')

import numba

from ilw_core.base.plant import PlantProfile, load_plant
from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_core.features.lidar_sectors import sector_minimum
from ilw_core.storage.locate import config_file
from ilw_sim.batch import worlds
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.tasks.tasks import TASKS

HARD = PlantProfile('hard', load_plant(config_file('plants', 'small_base')).intervals | {
    'delay_s': (0.0, 0.3), 'scan_delay_s': (0.0, 0.25), 'odom_delay_s': (0.0, 0.15)})


@pytest.fixture(scope='module')
def contracts():
    return {name: load_contract(config_file('tasks', name)) for name in ('clutter', 'maze')}


def run(contract, steps=60, *, seed=5, robots=150, plant=HARD):
    """Return every array of every step of a run with random actions, and the environment."""
    env = BatchEnv(contract, robots=robots, seed=seed, seeds=range(20), plant=plant)
    env.reset()
    env.action_space.seed(1)
    rows = []
    for _ in range(steps):
        obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
        rows.append([v.copy() for v in (obs, reward, terminated, truncated, *info.values())])
    return [np.array(column) for column in zip(*rows, strict=True)], env


@pytest.mark.parametrize('name', ['clutter', 'maze'])
def test_one_and_two_threads_give_the_same_bits(contracts, name):
    """300 robots: enough for several threads to share them."""
    before = numba.get_num_threads()
    runs = []
    try:
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(threads)
            runs.append(run(contracts[name], robots=300)[0])
    finally:
        numba.set_num_threads(before)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(*runs, strict=True))


def test_another_seed_gives_other_numbers_and_reset_repeats(contracts):
    first, env = run(contracts['clutter'], 5)
    other, _ = run(contracts['clutter'], 5, seed=6)
    assert not np.array_equal(first[0], other[0])
    again = env.reset(seed=9)[0].copy()
    env.step(env.action_space.sample())
    assert env.reset(seed=9)[0].tobytes() == again.tobytes()


@pytest.mark.parametrize('name', ['clutter', 'maze'])
def test_ended_episodes_begin_anew_in_the_same_step(contracts, name):
    columns, _ = run(contracts[name], 150, plant=None)
    obs, reward, terminated, truncated, final_obs, success, _, step = columns
    ended = terminated | truncated
    assert terminated.sum() > 20
    changed = (obs != final_obs).any(-1)
    assert np.array_equal(changed, ended)
    assert np.all(reward[success] == 1.0) and np.all(reward[terminated & ~success] == -1.0)
    assert np.all(reward[~ended] == 0.0) and not np.any(success & ~terminated)
    after = ended[:-1]
    assert np.all(step[1:][after] == 1)
    assert np.all(step[1:][~after] == step[:-1][~after] + 1)


def test_observations_and_actions_are_in_their_spaces(contracts):
    for contract in contracts.values():
        columns, env = run(contract, 20)
        low, high = contract.obs_low - 0.05, contract.obs_high + 0.05  # odometry drifts
        assert np.all(columns[0] >= low) and np.all(columns[0] <= high)
        assert env.single_observation_space.shape == (contract.obs_dim,)
        assert columns[0].dtype == np.float32 == env.observation_space.dtype
        assert env.action_space.contains(env.action_space.sample())
        with pytest.raises(ValueError, match='of shape'):
            env.step(np.zeros((3, 3)))
    assert env.metadata['autoreset_mode'].value == 'SameStep'


@pytest.mark.parametrize('rays, sectors', [(360, 36), (360, 7), (36, 36), (10, 36)])
def test_sectors_are_those_of_the_codec(contracts, rays, sectors):
    text = contracts['clutter'].text.replace('sectors: 36', f'sectors: {sectors}').replace(
        'lidar_rays: 36', f'lidar_rays: {rays}')
    contract = parse_contract(text)
    scenes = make_scenes(contract, range(8))
    env = BatchEnv(contract, scenes=scenes, noise=False)
    obs, _ = env.reset()
    step = float(np.float32(2 * np.pi / rays))
    for row, ranges in zip(obs, env.arrays.ranges[:, :rays], strict=True):
        expected = sector_minimum(ranges, 0.0, step, 0.1, 4.0, sectors)
        assert np.array_equal(row[:sectors], np.nan_to_num(expected, nan=0.0))


def test_a_beam_meets_what_the_shapes_say(contracts):
    """March along every beam: it is free up to its range, and ends at a surface."""
    contract = contracts['clutter']
    scenes = make_scenes(contract, range(4))
    env = BatchEnv(contract, scenes=scenes, noise=False)
    obs, _ = env.reset()
    for scene, row in zip(scenes, obs[:, :36], strict=True):
        x, y, yaw = scene.start
        directions = yaw + np.arange(36) * np.radians(10.0)
        for share in (0.25, 0.5, 0.75, 0.999):
            px = x + share * row * np.cos(directions)
            py = y + share * row * np.sin(directions)
            assert min(s.distance(px, py).min() for s in scene.shapes) > -1e-3
        end = np.min([s.distance(x + row * np.cos(directions), y + row * np.sin(directions))
                      for s in scene.shapes], axis=0)
        assert np.all(end[row < 3.99] < 1e-3)


def test_lidar_noise_has_the_deviation_asked_for(contracts):
    contract = contracts['clutter']
    scenes = make_scenes(contract, [0]) * 500
    wanted = PlantProfile('noisy', {'lidar_noise_m': (0.02, 0.02)})
    noisy = BatchEnv(contract, scenes=scenes, plant=wanted).reset()[0][:, :36]
    plain = BatchEnv(contract, scenes=scenes, noise=False).reset()[0][:, :36]
    near = plain[0] < 3.9
    error = (noisy - plain)[:, near]
    assert abs(error.std() - 0.02) < 0.001 and abs(error.mean()) < 0.001
    assert abs(np.corrcoef(error[:, 0], error[:, 1])[0, 1]) < 0.15


def test_latency_delays_the_wheels(contracts):
    contract = contracts['clutter']
    scenes = make_scenes(contract, [0])
    starts = []
    for delay_s in (0.0, 0.3):
        env = BatchEnv(contract, scenes=scenes, noise=False,
                       plant=PlantProfile('late', {'delay_s': (delay_s, delay_s)}))
        env.reset()
        speeds = [env.step(np.float32([[0.2, 0.0]]))[0][0, 39] for _ in range(6)]
        starts.append(int(np.argmax(np.array(speeds) > 0.01)))
    assert starts == [0, 3]


def test_unmeasured_scenes_are_the_same_scenes(contracts):
    for contract in contracts.values():
        section = Section(contract.scene, 'scene')
        task = TASKS[section.text('task')](contract, section)
        for seed in range(5):
            full = task.make_scene(np.random.default_rng(seed))
            quick = task.make_scene(np.random.default_rng(seed), measured=False)
            assert (full.shapes, full.start, full.goal) == (
                quick.shapes, quick.start, quick.goal)
            assert np.isfinite(full.shortest_path_m)


def test_a_world_is_made_once_and_remembered_as_it_is_made_anew(contracts, monkeypatch):
    contract = contracts['clutter']
    other = parse_contract(contract.text.replace('obstacles: 7', 'obstacles: 2'))
    assert other.scene != contract.scene
    monkeypatch.setattr(worlds, '_SCENES', {})
    monkeypatch.setattr(worlds, '_REMEMBERED', 3)
    first = make_scenes(contract, [1, 2])
    assert all(a is b for a, b in zip(first, make_scenes(contract, [1, 2]), strict=True))
    for fewer in (other, replace(contract, scene=contract.scene | {'obstacles': 2})):
        few, = make_scenes(fewer, [1])
        assert len(few.shapes) < len(first[0].shapes)
    again = make_scenes(contract, [3, 4, 5, 1, 2])  # more than are remembered
    assert [each.start for each in again[3:]] == [each.start for each in first]
    assert len(worlds._SCENES) == 3


def test_what_cannot_be_observed_here_is_refused(contracts):
    text = contracts['maze'].text.replace('topic: odom', 'topic: ground_truth')
    with pytest.raises(ContractError, match=r'ilw_sim\.env'):
        BatchEnv(parse_contract(text), seeds=range(2))


def test_importing_the_environment_does_not_load_numba():
    code = 'import ilw_sim.env, sys; assert "numba" not in sys.modules'
    subprocess.run([sys.executable, '-c', code], check=True, capture_output=True)


CUDA = Path(__file__).with_name('batch_steps.py')


@pytest.mark.long
@pytest.mark.parametrize('name', ['clutter', 'maze'])
def test_the_same_source_gives_the_same_numbers_under_cuda(name, tmp_path):
    """Run the kernel in numba's CUDA simulator, as plain Python, and compare to compiled code."""
    out = {}
    for device, extra in (('cpu', {}), ('cuda', {
            'NUMBA_ENABLE_CUDASIM': '1', 'NUMBA_DISABLE_JIT': '1'})):
        path = tmp_path / f'{device}.npz'
        subprocess.run([sys.executable, str(CUDA), name, device, str(path)], check=True,
                       env=os.environ | extra, timeout=120)
        out[device] = np.load(path)
    for key in out['cpu'].files:
        np.testing.assert_allclose(out['cuda'][key], out['cpu'][key], atol=2e-4, err_msg=key)
