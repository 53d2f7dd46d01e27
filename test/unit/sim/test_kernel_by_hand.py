"""One tick of the batched simulator with numbers worked out by hand, each rule alone."""

from dataclasses import replace
import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('numba')

from ilw_core.align import encode
from ilw_core.base.plant import Plant, PlantProfile
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.batch import kernel
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import (
    CLEAR,
    LEFT,
    NOISE,
    ODOM_X,
    ODOM_Y,
    ODOM_YAW,
    RIGHT,
    SCALE_L,
    SCALE_R,
    SPEED,
    STEP,
    TICK,
    TURN,
    VEER_TICKS,
    VEER_TURN,
    WORLD,
    YAW,
    X,
    Y,
)
from ilw_sim.sensing.readings import odometry, pose_stamped
from ilw_sim.tasks.scene import Box, Cylinder, Scene

CONTRACTS = {name: load_contract(config_file('tasks', name)) for name in ('clutter', 'maze')}
WALLS = tuple(Box('wall', x, y, 0.0, half) for x, y, half in (
    (-4.0, 0.0, (0.1, 4.2)), (4.0, 0.0, (0.1, 4.2)), (0.0, -4.0, (4.2, 0.1)),
    (0.0, 4.0, (4.2, 0.1))))


def scene(start=(0.5, -0.7, 0.9), goal=(2.0, 1.5), things=()):
    return Scene((8.0, 8.0), (*WALLS, *things), start, goal, math.nan)


def env(task='clutter', scenes=None, *, noise=False, plant=None, robots=None, **changes):
    contract = replace(CONTRACTS[task], **changes)
    made = BatchEnv(contract, scenes=scenes or [scene()], noise=noise, plant=plant, robots=robots)
    made.reset()
    return made


def act(made, *actions):
    """Step with one (forward, turn) per robot."""
    return made.step(np.array(actions, np.float32))


# -- commands

@pytest.mark.parametrize(('asked', 'applied'), [
    ((0.5, 0.0), [(0.2, 0.0), (0.4, 0.0), (0.5, 0.0)]),
    ((9.0, -9.0), [(0.2, -0.8), (0.4, -1.5), (0.5, -1.5)]),
    ((0.1, 0.3), [(0.1, 0.3), (0.1, 0.3), (0.1, 0.3)]),
    ((-0.4, 1.0), [(0.0, 0.8), (0.0, 1.0), (0.0, 1.0)])])
def test_a_command_is_limited_in_range_and_rate_from_the_stop_action_on(asked, applied):
    made = env()
    for wanted in applied:
        found = act(made, asked)[4]['applied'][0]
        assert found == pytest.approx(wanted, abs=1e-6)
    found = act(made, (0.0, 0.0))[4]['applied'][0]
    assert found == pytest.approx([max(0.0, applied[-1][0] - 0.2),
                                   math.copysign(max(0.0, abs(applied[-1][1]) - 0.8),
                                                 applied[-1][1])], abs=1e-6)


def test_a_discrete_action_is_its_row_of_the_table():
    contract = CONTRACTS['maze']
    for index, row in enumerate(contract.action.table):
        made = env('maze')
        for _ in range(12):
            found = made.step(np.array([index]))[4]['applied'][0]
        assert found == pytest.approx(row, abs=1e-6)


def test_another_stop_action_is_where_an_episode_begins():
    action = replace(CONTRACTS['clutter'].action, stop=np.array([0.3, -0.5]))
    made = env(action=action)
    assert act(made, (0.5, 1.5))[4]['applied'][0] == pytest.approx([0.5, 0.3], abs=1e-6)


# -- what is seen

def place(made, i=0, *, pose=(0.5, -0.7, 0.9), odom=None, motion=(0.0, 0.0)):
    s = made.arrays.state[i]
    s[[X, Y, YAW]] = pose
    s[[ODOM_X, ODOM_Y, ODOM_YAW]] = odom or pose
    s[[SPEED, TURN]] = motion
    s[[LEFT, RIGHT]] = 0.0
    s[CLEAR] = 0.0


@pytest.mark.parametrize('task', ['clutter', 'maze'])
@pytest.mark.parametrize('pose', [(0.5, -0.7, 0.9), (-1.3, 0.4, -2.6), (2.1, 1.45, 3.1)])
@pytest.mark.parametrize('goal', [(2.0, 1.5), (-2.4, -0.3)])
def test_an_observation_is_what_the_codecs_make_of_the_messages(task, pose, goal):
    contract = CONTRACTS[task]
    made = env(task, [scene(goal=goal)], goal_radius_m=0.01)
    odom = (pose[0] + 0.05, pose[1] - 0.03, pose[2] + 0.02)
    place(made, pose=pose, odom=odom)
    if contract.action.discrete:
        obs = made.step(np.array([list(contract.action.discrete).index('stop')]))[0][0]
    else:
        obs = act(made, (0.0, 0.0))[0][0]
    told = odometry(0, 'odom', odom, (0.0, 0.0))
    expected = encode(contract, {'velocity': told, 'pose': told,
                                 'goal': pose_stamped(0, 'map', (*goal, 0.0))})
    known = np.isfinite(expected)
    assert known.sum() >= 4
    assert obs[known] == pytest.approx(expected[known], abs=1e-5)


def test_a_goal_that_is_far_or_right_here_has_a_distance_and_a_direction():
    contract = CONTRACTS['clutter']
    names = list(contract.obs_names)
    at = names.index('goal.distance_m')
    made = env(scenes=[scene(goal=(900.0, -0.7))])
    assert made.arrays.obs[0, at] == 12.0
    made = env(scenes=[scene(start=(0.5, -0.7, 0.9), goal=(0.5, -0.7))])
    assert made.arrays.obs[0, at:at + 3] == pytest.approx([0.0, -math.sin(0.9), math.cos(0.9)],
                                                          abs=1e-6)


def test_sectors_see_the_nearest_thing_and_nothing_beyond_reach():
    things = Cylinder(0.2, 0.5, 0.15), Box('box', -1.0, 2.0, 0.0, (0.3, 0.2))
    made = env(scenes=[scene(start=(-1.0, 0.5, 0.0), things=things)])
    sectors = made.arrays.obs[0, :36]
    assert sectors[0] == pytest.approx(1.05, abs=1e-3)       # the cylinder ahead
    assert sectors[9] == pytest.approx(1.3, abs=1e-3)        # the box on the left
    assert sectors[18] == pytest.approx(2.9, abs=1e-3)       # the wall behind
    assert sectors[27] == pytest.approx(4.0, abs=1e-3), 'the wall on the right is 4.4 m away'
    assert made.arrays.state[0, CLEAR] == pytest.approx(1.05 - made._params.robot_radius_m,
                                                        abs=1e-3)


def test_a_thing_nearer_than_the_lidar_measures_is_at_its_shortest_range():
    made = env(scenes=[scene(start=(0.0, 0.0, 0.0), things=(Cylinder(0.1, 0.0, 0.05),))])
    assert made.arrays.obs[0, 0] == pytest.approx(0.1, abs=1e-6)


def test_noise_is_as_large_as_the_scene_says():
    contract = CONTRACTS['clutter']
    made = env(scenes=[scene(start=(0.0, 0.0, 0.0))] * 400, noise=True, scene={
        **contract.scene, 'lidar_noise_m': 0.05, 'veer_chance': 0.0,
        'odom_scale_noise_ratio': 0.02})
    ahead = made.arrays.obs[:, 0]
    assert ahead.mean() == pytest.approx(3.9, abs=0.02)
    assert made.arrays.state[:, NOISE] == pytest.approx(np.full(400, 0.05), abs=1e-6)
    seen = ahead[ahead < 4.0]
    assert np.std(ahead) == pytest.approx(0.05, abs=0.012) and len(seen) > 300
    for column in (SCALE_L, SCALE_R):
        scales = made.arrays.state[:, column]
        assert scales.mean() == pytest.approx(1.0, abs=0.004)
        assert scales.std() == pytest.approx(0.02, abs=0.004)
    both = made.arrays.state[:, [SCALE_L, SCALE_R]].T
    assert abs(np.corrcoef(both)[0, 1]) < 0.2, 'each wheel its own'
    assert np.abs(np.corrcoef(made.arrays.obs[:, :2].T)[0, 1]) < 0.2, 'each beam its own'


# -- how an episode ends

def near_goal(way, **more):
    return scene(start=(0.0, 0.0, 0.0), goal=(way, 0.0), **more)


@pytest.mark.parametrize(('way', 'goal'), [(0.2999, True), (0.3101, False), (0.2, True)])
def test_within_the_goal_radius_it_is_a_success(way, goal):
    made = env(scenes=[near_goal(way)])
    _, reward, terminated, truncated, info = act(made, (0.0, 0.0))
    assert (terminated[0], info['success'][0], truncated[0]) == (goal, goal, False)
    assert reward[0] == (1.0 if goal else 0.0)


@pytest.mark.parametrize(('reward', 'things', 'way', 'got'), [
    ({'goal': 2.5, 'collision': -3.0, 'step': -0.125}, (), 0.1, 2.375),
    ({'goal': 2.5, 'collision': -3.0, 'step': -0.125}, (), 2.0, -0.125),
    ({'goal': 2.5, 'collision': -3.0, 'step': -0.125}, (Cylinder(0.2, 0.0, 0.1),), 2.0, -3.125),
    ({'goal': 2.5, 'collision': -3.0, 'step': -0.125}, (Cylinder(0.2, 0.0, 0.1),), 0.1, -3.125)])
def test_a_step_pays_what_the_contract_says_and_a_collision_is_no_success(reward, things, way,
                                                                          got):
    made = env(scenes=[near_goal(way, things=things)], reward=reward)
    _, given, terminated, truncated, info = act(made, (0.1, 0.0))
    assert given[0] == pytest.approx(got)
    assert terminated[0] == (got != -0.125) and not truncated[0]
    assert info['success'][0] == (got > 0.0)


@pytest.mark.parametrize('timeout_s', [0.3, 0.5])
def test_time_is_up_after_as_many_ticks_as_the_time_limit_holds(timeout_s):
    made = env(scenes=[near_goal(2.0)], timeout_s=timeout_s)
    ticks = round(10 * timeout_s)
    for tick in range(1, ticks + 1):
        _, reward, terminated, truncated, info = act(made, (0.0, 0.0))
        assert (truncated[0], terminated[0], info['step'][0]) == (tick == ticks, False, tick)
        assert reward[0] == 0.0
    assert act(made, (0.0, 0.0))[4]['step'][0] == 1


def test_a_goal_reached_in_the_last_tick_is_a_success_and_no_time_out():
    made = env(scenes=[near_goal(0.1)], timeout_s=0.1)
    _, _, terminated, truncated, info = act(made, (0.0, 0.0))
    assert (terminated[0], truncated[0], info['success'][0]) == (True, False, True)


def test_a_new_episode_begins_at_rest_at_the_start_with_nothing_of_the_one_before():
    start = (1.0, -0.5, 2.2)
    made = env(scenes=[scene(start=start, goal=(-3.0, -3.0))], timeout_s=0.5)
    first = made.arrays.obs[0].copy()
    for _ in range(5):
        obs, _, _, truncated, info = act(made, (0.5, 1.2))
    assert truncated[0]
    s, c = made.arrays.state[0], made.arrays.counts[0]
    assert s[[X, Y, YAW]] == pytest.approx(start) == s[[ODOM_X, ODOM_Y, ODOM_YAW]]
    assert not s[[LEFT, RIGHT, SPEED, TURN, VEER_TURN]].any()
    assert (c[STEP], c[VEER_TICKS], c[TICK]) == (0, 0, 6)
    assert made.arrays.previous[0].tolist() == [0.0, 0.0]
    assert obs[0] == pytest.approx(first, abs=1e-6)
    assert np.abs(info['final_obs'][0] - first).max() > 0.1
    assert s[[SCALE_L, SCALE_R]].tolist() == [1.0, 1.0]


def test_while_it_goes_on_the_last_observation_is_the_observation():
    made = env()
    for _ in range(3):
        obs, _, _, _, info = act(made, (0.3, 0.4))
        assert np.array_equal(obs, info['final_obs'])


def test_in_order_each_robot_stays_in_its_world_and_else_it_draws_one():
    worlds = [scene(start=(0.2 * k, 0.0, 0.1 * k)) for k in range(5)]
    made = env(scenes=worlds)
    assert made.arrays.counts[:, WORLD].tolist() == [0, 1, 2, 3, 4]
    drawn = env(scenes=worlds, robots=500)
    counts = np.bincount(drawn.arrays.counts[:, WORLD], minlength=5)
    assert counts.min() > 60 and len(counts) == 5
    for world in range(5):
        rows = drawn.arrays.counts[:, WORLD] == world
        assert np.allclose(drawn.arrays.state[rows, X], 0.2 * world)


# -- veering

def veering(chance, **more):
    contract = CONTRACTS['clutter']
    return env(scenes=[scene(start=(0.0, 0.0, 0.3), goal=(3.5, 3.5))] * 300, noise=True, scene={
        **contract.scene, 'veer_chance': chance, 'veer_turn_radps': 1.2, 'veer_s': [0.3, 0.6],
        'odom_slip_noise_ratio': 0.0, **more})


def test_veering_turns_a_robot_that_drives_for_as_long_as_it_lasts_and_never_one_that_stands():
    made = veering(1.0)
    act(made, *[(0.0, 0.0)] * 300)
    ticks = made.arrays.counts[:, VEER_TICKS].copy()
    assert set(ticks.tolist()) == {2, 3, 4, 5}, '3 to 6 ticks, one of which is over'
    assert not made.arrays.state[:, TURN].any()
    turns = made.arrays.state[:, VEER_TURN]
    assert np.abs(turns).max() <= 1.2 and turns.min() < -0.8 and turns.max() > 0.8
    act(made, *[(0.2, 0.0)] * 300)
    assert np.array_equal(made.arrays.counts[:, VEER_TICKS], ticks - 1)
    turning = made.arrays.state[:, TURN]
    assert np.corrcoef(turning, turns)[0, 1] > 0.99


@pytest.mark.parametrize('chance', [0.0, 0.3])
def test_veering_begins_as_often_as_its_chance_says(chance):
    made = veering(chance)
    act(made, *[(0.2, 0.0)] * 300)
    assert np.mean(made.arrays.counts[:, VEER_TICKS] > 0) == pytest.approx(chance, abs=0.09)


# -- what a plant tells late

@pytest.mark.parametrize(('field', 'part'), [('scan_delay_s', 'scan'), ('odom_delay_s', 'odom')])
@pytest.mark.parametrize('ticks', [1, 3])
def test_what_a_plant_tells_is_as_old_as_its_delay(field, part, ticks):
    usual = Plant(lag_s=0.0, turn_lag_s=0.0)
    delayed = PlantProfile('late', {field: (0.1 * ticks, 0.1 * ticks)})
    fresh = PlantProfile('fresh', {})
    assert usual.delay_s == 0.0
    rows = {}
    for name, plant in (('late', delayed), ('fresh', fresh)):
        made = env(scenes=[scene(start=(-3.0, 0.0, 0.0), goal=(3.0, 3.0))], plant=plant)
        rows[name] = [act(made, (0.4, 0.1))[0][0].copy() for _ in range(10)]
    names = list(CONTRACTS['clutter'].obs_names)
    columns = slice(0, 36) if part == 'scan' else slice(names.index('goal.distance_m'),
                                                        len(names))
    late, new = np.array(rows['late'])[:, columns], np.array(rows['fresh'])[:, columns]
    assert late[ticks + 2:] == pytest.approx(new[2:len(new) - ticks], abs=2e-3)
    assert np.abs(late[4:] - new[4:]).max() > 0.02


def test_the_row_of_the_past_is_counted_from_the_newest_tick_round_the_ring():
    r = SimpleNamespace(past=np.zeros((1, 4, 8)), counts=np.zeros((1, 4), np.int32))
    for step, ticks, row in ((1, 0, 0), (4, 0, 3), (5, 0, 0), (5, 3, 1), (6, 2, 3), (0, 0, 3),
                             (0, 3, 0), (9, 1, 3)):
        r.counts[0, STEP] = step
        assert getattr(kernel._ago, 'py_func', kernel._ago)(0, ticks, r) == row


def test_every_robot_is_stepped_and_reset_whatever_the_number():
    for count in (1, 63, 64, 65, 130):
        made = env(scenes=[scene()] * count)
        assert np.all(made.arrays.counts[:, TICK] == 1)
        act(made, *[(0.2, 0.3)] * count)
        assert np.all(made.arrays.counts[:, TICK] == 2)
        assert np.allclose(made.arrays.state[:, X], made.arrays.state[0, X])
        assert made.arrays.state[0, X] > 0.5


def test_a_lidar_that_is_not_observed_first_is_seen_where_it_stands():
    contract = CONTRACTS['clutter']
    last = replace(contract, sources=(*contract.sources[1:], contract.sources[0]))
    first, moved = (BatchEnv(each, scenes=[scene()], noise=False).reset()[0][0].copy()
                    for each in (contract, last))
    assert np.array_equal(moved, np.concatenate([first[36:], first[:36]]))
    assert first[:36].min() > 0.0
