"""Saved maps and users' robots are the same in PyBullet and in the batch."""

from dataclasses import replace
import math

import numpy as np
import pytest

pytest.importorskip('pybullet')
pytest.importorskip('numba')

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import YAW, X
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import Box, Scene, room_walls

QUIET = {'lidar_noise_m': 0.0, 'odom_scale_noise_ratio': 0.0, 'odom_slip_noise_ratio': 0.0,
         'veer_chance': 0.0}
POSITION_M, YAW_RAD = 0.01, 0.015   # largest in 4 s; 0.0019 and 0.0044 on 2026-11-24
BASE = '''<robot name="cart"><link name="base_footprint"/>
<joint name="up" type="fixed"><parent link="base_footprint"/><child link="base_link"/>
  <origin xyz="0 0 0.1"/></joint>
<link name="base_link"><collision><geometry><box size="0.5 0.36 0.2"/></geometry></collision>
</link>
<link name="l"><collision><geometry><cylinder radius="0.08" length="0.04"/></geometry></collision>
</link><link name="r"><collision><geometry><cylinder radius="0.08" length="0.04"/></geometry>
</collision></link>
<joint name="left" type="continuous"><parent link="base_link"/><child link="l"/>
  <origin xyz="0 0.2 -0.02" rpy="-1.5708 0 0"/><limit velocity="12" effort="1"/></joint>
<joint name="right" type="continuous"><parent link="base_link"/><child link="r"/>
  <origin xyz="0 -0.2 -0.02" rpy="-1.5708 0 0"/><limit velocity="12" effort="1"/></joint>
</robot>'''


def quiet(name, **scene):
    contract = load_contract(config_file('tasks', name))
    return replace(contract, scene=contract.scene | QUIET | scene)


@pytest.fixture(scope='module')
def cart(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cart')
    (folder / 'cart.urdf').write_text(BASE)
    contract = quiet('clutter', robot='cart.urdf', clearance_m=0.5)
    return replace(contract, folder=folder)


def drive(contract, scene, ticks=40, seed=0):
    """Return the poses (T, 3) of both and the observations (T, Do) of PyBullet, to an end."""
    held = np.random.default_rng(seed).uniform([0.0, -1.5], [0.4, 1.5], (ticks // 5, 2))
    env = make_env(contract)
    env.simulation._task = type('Fixed', (), {'make_scene': lambda self, rng: scene})()
    batch = BatchEnv(contract, scenes=[scene], noise=False)
    env.reset(seed=0)
    batch.reset(seed=0)
    rows = []
    for action in np.repeat(held, 5, axis=0).astype(np.float32):
        obs, _, terminated, _, info = env.step(action)
        _, _, ended, _, _ = batch.step(action[None])
        if terminated or ended[0]:
            break
        rows.append((info['pose'], batch.arrays.state[0, X:YAW + 1].copy(), obs))
    env.close()
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def check(world, batch):
    turned = np.abs((world[:, 2] - batch[:, 2] + math.pi) % (2.0 * math.pi) - math.pi)
    assert np.hypot(*(world - batch)[:, :2].T).max() < POSITION_M
    assert turned.max() < YAW_RAD


def test_a_saved_map_looks_and_drives_alike():
    contract, seen = quiet('office'), 0
    for seed, scene in enumerate(make_scenes(contract, range(5))):
        world, batch, obs = drive(contract, scene, seed=seed)
        check(world, batch)
        placed = [replace(scene, start=tuple(pose)) for pose in world[::4]]
        lidar = BatchEnv(contract, scenes=placed, noise=False).reset(seed=0)[0][:, :36]
        assert np.mean(np.abs(lidar - obs[::4, :36]) < 0.001) > 0.99
        seen += int((lidar < 3.9).sum())
    assert seen > 400


def test_a_users_robot_drives_alike(cart):
    scene = Scene((20.0, 20.0), room_walls((20.0, 20.0)), (10.0, 10.0, 0.4), (19.0, 19.0), 1.0)
    world, batch, _ = drive(cart, scene)
    assert len(world) == 40
    check(world, batch)


def test_a_users_robot_is_as_large_in_both(cart):
    """It is 0.31 m from the axle's middle to a corner: it stops so far in front of a wall."""
    scene = Scene((8.0, 8.0), (Box('wall', 7.0, 4.0, 0.0, (0.1, 3.0)),), (5.5, 4.0, 0.0),
                  (7.9, 7.9), 1.0)
    env = make_env(cart)
    env.simulation._task = type('Fixed', (), {'make_scene': lambda self, rng: scene})()
    batch = BatchEnv(cart, scenes=[scene], noise=False)
    env.reset(seed=0)
    batch.reset(seed=0)
    hits, last = [], {}
    for tick in range(40):
        if last.get('stop_reason', '') == '':
            _, _, terminated, _, last = env.step(np.float32([0.4, 0.0]))
            hits += [tick] * terminated
        hits += [tick] * int(batch.step(np.float32([[0.4, 0.0]]))[2][0])
    env.close()
    assert last['stop_reason'] == 'collision'
    assert last['pose'][0] == pytest.approx(6.9 - math.hypot(0.25, 0.18), abs=0.03)
    assert len(hits) == 2 and abs(hits[0] - hits[1]) <= 1
