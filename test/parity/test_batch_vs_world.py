"""
The batched simulator drives, sees and judges as PyBullet does, within the bounds below.

The same worlds, starts and commands go through both, without noise. The bounds are tight enough
to notice a wheel radius 3 % wrong and a lidar 3 cm or 2 degrees off, which the last tests show.
"""

from dataclasses import replace
import math

import numpy as np
import pytest

pytest.importorskip('pybullet')
pytest.importorskip('numba')

from ilw_core.base.plant import PlantProfile
from ilw_core.contract.file import load_contract
from ilw_core.limits import limit
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import YAW, X
from ilw_sim.batch.worlds import inner_shapes, make_scenes
from ilw_sim.env import make_env
from ilw_sim.tasks.scene import Box, Scene, room_walls

STEPS = 60                # 6 s, up to 2.5 m
POSITION_M = 0.008        # largest error on the way; 0.0033 on 2026-11-24
YAW_RAD = 0.015           # 0.0095
LIDAR_M = 0.001           # of a beam seen from PyBullet's pose; 1 % may graze an edge
SEEDS = range(6)


def contract_of(name, **scene):
    """Return a contract without noise and veering."""
    quiet = {'lidar_noise_m': 0.0, 'odom_scale_noise_ratio': 0.0, 'odom_slip_noise_ratio': 0.0,
             'veer_chance': 0.0}
    contract = load_contract(config_file('tasks', name))
    return replace(contract, scene=contract.scene | quiet | scene)


def commands(seed, steps=STEPS):
    """Return random commands, each held for half a second."""
    rng = np.random.default_rng(1000 + seed)
    held = rng.uniform([0.0, -1.5], [0.5, 1.5], (-(-steps // 5), 2))
    return np.repeat(held, 5, axis=0)[:steps].astype(np.float32)


def drive_world(env, scene, actions):
    """Return poses (T, 3), observations (T, Do), rewards and stop reasons, to the end."""
    simulation = env.simulation
    simulation._task = type('Fixed', (), {'make_scene': lambda self, rng: scene})()
    env.reset(seed=0)
    rows = []
    for action in actions:
        obs, reward, terminated, truncated, info = env.step(action)
        rows.append((info['pose'], obs, reward, info['stop_reason'], info['applied']))
        if terminated or truncated:
            break
    poses, observations, rewards, reasons, applied = zip(*rows, strict=True)
    return np.array(poses), np.array(observations), rewards, reasons, np.array(applied)


def drive_batch(contract, scenes, actions, plant=None):
    """Return, per robot, what ``drive_world`` returns."""
    env = BatchEnv(contract, scenes=scenes, noise=False, plant=plant)
    env.reset(seed=0)
    rows = [[] for _ in scenes]
    running = np.ones(len(scenes), bool)
    for step in range(actions.shape[1]):
        _, reward, terminated, truncated, info = env.step(actions[:, step])
        for i in np.flatnonzero(running):
            reason = 'goal' if info['success'][i] else 'collision' if terminated[i] else (
                'timeout' if truncated[i] else '')
            ended = terminated[i] or truncated[i]
            pose = np.full(3, np.nan) if ended else env.arrays.state[i, X:YAW + 1].copy()
            rows[i].append((pose, info['final_obs'][i].copy(), float(reward[i]), reason,
                            info['applied'][i].copy()))
            running[i] = not ended
    out = []
    for row in rows:
        poses, observations, rewards, reasons, applied = zip(*row, strict=True)
        out.append((np.array(poses), np.array(observations), rewards, reasons,
                    np.array(applied)))
    return out


def errors(worlds, batches):
    """Return the largest error of position [m] and yaw [rad] while both drive."""
    position, yaw = 0.0, 0.0
    for world, batch in zip(worlds, batches, strict=True):
        n = min(len(world[0]), len(batch[0])) - 1
        gap = world[0][:n] - batch[0][:n]
        position = max(position, float(np.hypot(gap[:, 0], gap[:, 1]).max()))
        turned = np.abs((gap[:, 2] + math.pi) % (2 * math.pi) - math.pi)
        yaw = max(yaw, float(turned.max()))
    return position, yaw


@pytest.fixture(scope='module')
def clutter():
    contract = contract_of('clutter')
    scenes = make_scenes(contract, SEEDS)
    actions = np.array([commands(seed) for seed in SEEDS])
    env = make_env(contract)
    worlds = [drive_world(env, scene, a) for scene, a in zip(scenes, actions, strict=True)]
    env.close()
    return contract, scenes, actions, worlds


@pytest.fixture(scope='module')
def seen(clutter):
    """Lidar of PyBullet, and of the batch put where PyBullet's robot was."""
    contract, scenes, _, worlds = clutter
    poses = [(scene, pose) for scene, world in zip(scenes, worlds, strict=True)
             for pose in world[0][:-1:5]]
    truth = np.array([obs[:36] for world in worlds for obs in world[1][:-1:5]])
    return contract, poses, truth


def batch_lidar(contract, poses, ahead_m=0.0, turned_rad=0.0):
    placed = [replace(scene, start=(x + ahead_m * math.cos(yaw), y + ahead_m * math.sin(yaw),
                                    yaw + turned_rad)) for scene, (x, y, yaw) in poses]
    return BatchEnv(contract, scenes=placed, noise=False).reset(seed=0)[0][:, :36]


@pytest.mark.long
def test_the_paths_agree(clutter):
    contract, scenes, actions, worlds = clutter
    position, yaw = errors(worlds, drive_batch(contract, scenes, actions))
    assert position < POSITION_M and yaw < YAW_RAD, (position, yaw)


def test_a_wheel_radius_3_percent_wrong_would_be_noticed(clutter):
    contract, scenes, actions, worlds = clutter
    wrong = PlantProfile('wrong', {'gain': (1.03, 1.03), 'turn_gain': (1.03, 1.03)})
    position, yaw = errors(worlds, drive_batch(contract, scenes, actions, wrong))
    assert position > 2 * POSITION_M and yaw > 2 * YAW_RAD


def test_the_lidars_agree(seen):
    contract, poses, truth = seen
    gap = np.abs(batch_lidar(contract, poses) - truth)
    assert (truth < 4.0).sum() > 500
    assert np.mean(gap < LIDAR_M) > 0.99


@pytest.mark.parametrize('wrong', [{'ahead_m': 0.03}, {'turned_rad': math.radians(2.0)}])
def test_a_shifted_or_turned_lidar_would_be_noticed(seen, wrong):
    contract, poses, truth = seen
    gap = np.abs(batch_lidar(contract, poses, **wrong) - truth)
    assert np.mean(gap < LIDAR_M) < 0.7  # beams that meet nothing agree at any pose


def test_goal_and_odometry_agree(clutter):
    contract, scenes, actions, worlds = clutter
    for world, batch in zip(worlds, drive_batch(contract, scenes, actions), strict=True):
        n = min(len(world[1]), len(batch[1])) - 1
        gap = np.abs(world[1][:n, 36:] - batch[1][:n, 36:])
        assert gap[:, :3].max() < 0.02   # distance [m], sine and cosine of the bearing
        assert np.median(gap[:, 3:]) < 0.01 and gap[:, 3:].max() < 0.15, gap[:, 3:].max(0)


@pytest.mark.parametrize('goal, reason, value', [((7.0, 4.0), 'goal', 1.0),
                                                 ((1.0, 1.0), 'collision', -1.0)])
def test_driving_into_the_goal_or_a_wall_ends_alike(goal, reason, value):
    contract = contract_of('clutter')
    wall = Box('wall', 7.6, 4.0, 0.3, (0.1, 2.0))
    scene = Scene((8.0, 8.0), (wall,), (5.0, 4.0, 0.1), goal, 1.0)
    actions = np.tile(np.float32([0.5, 0.0]), (80, 1))
    env = make_env(contract)
    world = drive_world(env, scene, actions)
    env.close()
    batch = drive_batch(contract, [scene], actions[None])[0]
    assert world[3][-1] == batch[3][-1] == reason
    assert world[2][-1] == batch[2][-1] == value
    assert abs(len(world[2]) - len(batch[2])) <= 1


def test_standing_still_times_out_at_the_same_step():
    contract = replace(contract_of('clutter'), timeout_s=9.0)
    scenes = make_scenes(contract, [0])
    actions = np.zeros((100, 2), np.float32)
    env = make_env(contract)
    world = drive_world(env, scenes[0], actions)
    env.close()
    batch = drive_batch(contract, scenes, actions[None])[0]
    assert world[2:4] == batch[2:4] and batch[3][-1] == 'timeout' and len(batch[3]) == 90


@pytest.mark.parametrize('name', ['clutter', 'maze'])
def test_limits_are_those_of_the_arbiter_bit_for_bit(name):
    contract = contract_of(name)
    spec, scenes = contract.action, make_scenes(contract, [1])
    env = BatchEnv(contract, scenes=scenes, noise=False)
    env.reset(seed=0)
    rng = np.random.default_rng(3)
    previous = spec.stop
    for _ in range(200):
        wanted = (rng.integers(len(spec.table), size=1) if spec.discrete
                  else rng.uniform(-2, 2, (1, 2)).astype(np.float32))
        plain = spec.table[wanted[0]] if spec.discrete else wanted[0].astype(np.float64)
        expected, _ = limit(spec, plain, previous, 1.0 / contract.rate_hz)
        _, _, terminated, truncated, info = env.step(wanted)
        assert info['applied'][0].tobytes() == expected.tobytes()
        previous = spec.stop if terminated[0] or truncated[0] else expected


def test_a_beam_along_a_wall_sees_the_wall_ahead():
    contract = contract_of('clutter')
    scene = Scene((4.0, 3.0), room_walls((4.0, 3.0)), (1.0, 1.0, 0.0), (3.0, 2.0), 1.0)
    env = BatchEnv(contract, scenes=[scene], noise=False)
    obs, _ = env.reset(seed=0)
    first = next(i for i, name in enumerate(contract.obs_names) if name.endswith('.0_m'))
    seen = {side: float(obs[0, first + sector])
            for side, sector in (('ahead', 0), ('left', 9), ('behind', 18), ('right', 27))}
    wanted = {'ahead': 3.0, 'left': 2.0, 'behind': 1.0, 'right': 1.0}
    assert seen == pytest.approx(wanted, abs=0.06)


def test_only_four_walls_that_enclose_a_room_are_its_bounds():
    walls, inner = room_walls((4.0, 3.0)), Box('box', 2.0, 1.0, 0.0, (0.2, 0.2))
    bounds, left = inner_shapes((inner, *walls))
    assert bounds == pytest.approx((0.0, 4.0, 0.0, 3.0))
    assert left == (inner,)
    assert inner_shapes((inner, *walls[:3]))[1] == (inner, *walls[:3])
    short = replace(walls[0], half=(0.5, walls[0].half[1]))
    assert inner_shapes((inner, short, *walls[1:]))[1] == (inner, short, *walls[1:])


# -- the other tasks of the family, and ends by rules

@pytest.mark.parametrize('name', [
    'clutter_hard', 'corridor', 'dock', 'follow_wall', 'track'])
def test_paths_lidars_and_ends_agree(name):
    contract = contract_of(name)
    scenes = make_scenes(contract, range(3))
    actions = np.array([commands(seed, 40) for seed in range(3)])
    env = make_env(contract)
    worlds = [drive_world(env, *each) for each in zip(scenes, actions, strict=True)]
    env.close()
    batches = drive_batch(contract, scenes, actions)
    position, yaw = errors(worlds, batches)
    assert position < POSITION_M and yaw < YAW_RAD, (position, yaw)
    for world, batch in zip(worlds, batches, strict=True):
        assert world[3][-1] == batch[3][-1] and abs(len(world[3]) - len(batch[3])) <= 1
    poses = [(scene, pose) for scene, world in zip(scenes, worlds, strict=True)
             for pose in world[0][:-1:5]]
    truth = np.array([obs[:36] for world in worlds for obs in world[1][:-1:5]])
    gap = np.abs(batch_lidar(contract, poses) - truth)
    assert (truth < 4.0).sum() > 100 and np.mean(gap < LIDAR_M) > 0.98


def both(contract, scene, actions):
    """Return (reward, steps) at the end in PyBullet and in the batch, and why in PyBullet."""
    env = make_env(contract)
    world = drive_world(env, scene, actions)
    env.close()
    batch = drive_batch(contract, [scene], actions[None])[0]
    return *((float(found[2][-1]), len(found[2])) for found in (world, batch)), world[3][-1]


BAY = (Box('wall', 3.05, 2.0, 0.0, (0.05, 0.45)), Box('wall', 2.65, 2.4, 0.0, (0.35, 0.05)),
       Box('wall', 2.65, 1.6, 0.0, (0.35, 0.05)))


@pytest.mark.parametrize(('yaw', 'forward', 'reason'), [
    (0.0, 0.3, 'rule'),       # drives 0.3 m into the bay, and stands
    (math.pi, 0.0, ''),       # stands in it, but looks out
    (0.0, 0.0, '')])          # stands in front of it
def test_who_stands_in_the_bay_and_faces_its_end_has_docked(yaw, forward, reason):
    start = (2.35 if forward or not yaw else 2.65, 2.0, yaw)
    scene = Scene((4.0, 4.0), BAY, start, (2.84, 2.0), 1.0)
    actions = np.zeros((40, 2), np.float32)
    actions[:10, 0] = forward
    world, batch, why = both(contract_of('dock'), scene, actions)
    assert world[0] == batch[0] == (1.0 if reason else 0.0) and why == reason
    assert abs(world[1] - batch[1]) <= 1 and (not reason) == (world[1] == len(actions))


@pytest.mark.parametrize('wall_y', [-1.2, -0.25])
def test_who_leaves_the_distance_to_the_wall_for_a_second_has_failed(wall_y):
    wall = Box('wall', 2.0, wall_y - 0.05, 0.0, (6.0, 0.05))
    scene = Scene((4.0, 4.0), (wall,), (0.0, 0.0, 0.0), (5.0, 0.0), 1.0)
    actions = np.tile(np.float32([0.3, 0.0]), (40, 1))
    world, batch, why = both(contract_of('follow_wall'), scene, actions)
    assert world == batch == (-1.0, 10) and why == 'rule'  # met from the first observation on


def test_an_own_end_goes_before_a_rule():
    contract = replace(contract_of('follow_wall', way_m=1.0), timeout_s=1.0, goal_radius_m=0.6)
    wall = Box('wall', 2.0, -1.25, 0.0, (6.0, 0.05))
    scene = Scene((4.0, 4.0), (wall,), (0.0, 0.0, 0.0), (5.0, 0.0), 1.0)
    world, batch, why = both(contract, scene, np.zeros((20, 2), np.float32))
    assert world == batch == (0.0, 10) and why == 'timeout'
