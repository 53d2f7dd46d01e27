"""
A plant profile means the same in PyBullet and in the batch, and what its definition says.

Random commands, each held for half a second, drive both for 6 s without noise. The bounds would
notice a latency 15 ms wrong and a gain 2 % wrong, which two tests show.
"""

from dataclasses import replace
import math

import numpy as np
import pytest

pytest.importorskip('pybullet')
pytest.importorskip('numba')

from ilw_core.base.plant import Plant, PlantProfile
from ilw_core.base.plant_response import poses as response_poses
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import YAW, X
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import Box, Scene, room_walls

POSITION_M, YAW_RAD = 0.006, 0.008   # largest on the way; 0.0029 and 0.0041 on 2026-11-24
QUIET = {'lidar_noise_m': 0.0, 'odom_scale_noise_ratio': 0.0, 'odom_slip_noise_ratio': 0.0,
         'veer_chance': 0.0}
BASES = {
    'late': {'delay_s': 0.05},
    'slow': {'delay_s': 0.137, 'lag_s': 0.15, 'turn_lag_s': 0.1},
    'worn': {'delay_s': 0.103, 'lag_s': 0.08, 'turn_lag_s': 0.2, 'gain': 0.93, 'turn_gain': 0.88,
             'pull_radpm': 0.1, 'dead_zone_mps': 0.1, 'turn_dead_zone_radps': 0.3},
    'heavy': {'delay_s': 0.06, 'lag_s': 0.06, 'turn_lag_s': 0.04, 'acceleration_mps2': 0.8,
              'turn_acceleration_radps2': 3.0},
    'told late': {'lag_s': 0.1, 'odom_delay_s': 0.045, 'scan_delay_s': 0.16},
}
SCENE = Scene((8.0, 8.0), (*room_walls((8.0, 8.0)), Box('box', 6.0, 6.0, 0.3, (0.3, 0.4))),
              (4.0, 4.0, 0.3), (7.0, 7.0), 1.0)


def point(**numbers):
    return PlantProfile('point', {key: (value, value) for key, value in numbers.items()})


def quiet():
    contract = load_contract(config_file('tasks', 'clutter'))
    return replace(contract, scene=contract.scene | QUIET)


def commands(ticks=60):
    rng = np.random.default_rng(3)
    held = rng.uniform([0.0, -1.5], [0.5, 1.5], (-(-ticks // 5), 2))
    return np.repeat(held, 5, axis=0)[:ticks].astype(np.float32)


def drive_world(profile):
    """Return poses (T, 3), observations (T + 1, Do) and what was applied (T, 2)."""
    env = make_env(quiet(), plant=profile)
    env.simulation._task = type('Fixed', (), {'make_scene': lambda self, rng: SCENE})()
    seen, poses, applied = [env.reset(seed=0)[0]], [], []
    for action in commands():
        obs, _, terminated, _, info = env.step(action)
        assert not terminated
        seen.append(obs)
        poses.append(info['pose'])
        applied.append(info['applied'])
    env.close()
    return np.array(poses), np.array(seen), np.array(applied)


def drive_batch(profile):
    env = BatchEnv(quiet(), scenes=[SCENE], noise=False, plant=profile)
    seen, poses = [env.reset(seed=0)[0][0].copy()], []
    for action in commands():
        seen.append(env.step(action[None])[0][0].copy())
        poses.append(env.arrays.state[0, X:YAW + 1].copy())
    return np.array(poses), np.array(seen)


def errors(one, other):
    """Return the largest error of position [m] and of heading [rad]."""
    turned = np.abs((one[:, 2] - other[:, 2] + math.pi) % (2.0 * math.pi) - math.pi)
    return float(np.hypot(*(one - other)[:, :2].T).max()), float(turned.max())


@pytest.fixture(scope='module')
def worlds():
    return {name: drive_world(point(**numbers)) for name, numbers in BASES.items()}


@pytest.mark.parametrize('name', BASES)
def test_both_simulators_drive_and_see_alike(worlds, name):
    poses, seen, _ = worlds[name]
    batch_poses, batch_seen = drive_batch(point(**BASES[name]))
    position, yaw = errors(poses, batch_poses)
    assert position < POSITION_M and yaw < YAW_RAD, (position, yaw)
    gap = np.abs(seen - batch_seen)
    assert (seen[:, :36] < 3.9).sum() > 200
    assert np.quantile(gap[:, :36], 0.98) < 0.02   # a beam along an edge may miss it
    assert gap[:, 36:39].max() < 0.02              # distance [m], sine and cosine of the bearing
    assert np.median(gap[:, 39:]) < 0.005 and gap[:, 39:].max() < 0.15


@pytest.mark.parametrize('wrong', [{'delay_s': 0.152}, {'gain': 1.02, 'turn_gain': 1.02}])
def test_a_base_that_is_slightly_wrong_would_be_noticed(worlds, wrong):
    position, yaw = errors(worlds['slow'][0], drive_batch(point(**BASES['slow'] | wrong))[0])
    assert position > POSITION_M or yaw > YAW_RAD, (position, yaw)


def test_a_base_without_faults_drives_as_without_a_profile():
    plain, ideal = drive_world(None), drive_world(point())
    assert plain[0].tobytes() == ideal[0].tobytes()
    assert plain[1][:, :39].tobytes() == ideal[1][:, :39].tobytes()  # all but the odometry's speed


@pytest.mark.parametrize('name', ['slow', 'worn', 'heavy'])
def test_pybullet_moves_as_the_reference_model_says(worlds, name):
    poses, _, applied = worlds[name]
    stamps_s = np.round(np.arange(len(applied)) * 0.1, 6)
    wanted = response_poses(Plant(**BASES[name]), stamps_s, applied,
                            np.append(stamps_s, 6.0), SCENE.start)
    position, yaw = errors(poses, wanted[1:])
    assert position < POSITION_M and yaw < YAW_RAD, (position, yaw)


@pytest.mark.parametrize('late_s', [0.045, 0.13])
def test_readings_are_as_old_as_the_profile_says(worlds, late_s):
    steps = round(late_s * 240.0)
    env = make_env(quiet(), plant=point(lag_s=0.1, odom_delay_s=late_s, scan_delay_s=late_s))
    simulation = env.simulation
    simulation._task = type('Fixed', (), {'make_scene': lambda self, rng: SCENE})()
    env.reset(seed=0)
    truth = [simulation.pose]
    watch = simulation._sensors.watch

    def look(done):
        truth.append(simulation.pose)
        watch(done)

    simulation._sensors.watch = look
    for action in commands(30):
        obs = env.step(action)[0]
        x, y, yaw = truth[max(0, len(truth) - 1 - steps)]
        bearing = math.atan2(SCENE.goal[1] - y, SCENE.goal[0] - x) - yaw
        assert obs[36] == pytest.approx(math.dist(SCENE.goal, (x, y)), abs=0.01)
        assert obs[37:39] == pytest.approx([math.sin(bearing), math.cos(bearing)], abs=0.01)
        there = simulation.world.ranges((x, y, yaw), np.arange(36) * math.radians(10.0), 8.0)
        assert obs[:36] == pytest.approx(np.minimum(there, 4.0), abs=1e-5)
    env.close()
