"""The environment: Gymnasium's rules, determinism, sensors against geometry, how episodes end."""

from dataclasses import replace
import json
import math
import warnings

from gymnasium.utils.env_checker import check_env
import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_sim.driver.expert import Expert
from ilw_sim.env import make_env
from ilw_sim.sensing.readings import wrap
from ilw_sim.simulation import Simulation
from ilw_sim.tasks.grid import grid_from_occupancy
from ilw_sim.tasks.scene import Scene, room_walls


@pytest.fixture
def env(contract):
    made = make_env(contract)
    yield made
    made.close()


class EmptyRoom:
    """A task of one empty square room, to put sensors and collisions to numbers."""

    def make_scene(self, rng):
        return Scene((4.0, 4.0), room_walls((4.0, 4.0)), (1.0, 2.0, 0.0), (1.0, 3.5), 1.2)


def empty_room(clutter, **scene):
    quiet = {'lidar_noise_m': 0.0, 'odom_slip_noise_ratio': 0.0, 'odom_scale_noise_ratio': 0.0,
             'veer_chance': 0.0}
    simulation = Simulation(replace(clutter, scene=clutter.scene | quiet | scene))
    simulation._task = EmptyRoom()
    return simulation


def actions_of(env, count, seed=0):
    rng = np.random.default_rng(seed)
    spec = env.contract.action
    if spec.discrete:
        return list(rng.integers(len(spec.discrete), size=count))
    return list(rng.uniform(spec.low, spec.high, (count, spec.dim)).astype(np.float32))


def drive(env, seed, count=40):
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(a)[0] for a in actions_of(env, count)]
    return np.array(observations)


def test_gymnasiums_checker_accepts_the_environment(env):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warnings.filterwarnings('ignore', message='.*(normalized|symmetric).*')
        check_env(env, skip_render_check=True)


def test_the_same_seed_and_actions_give_the_same_bits_after_any_other_episode(env):
    first = drive(env, 7)
    drive(env, 8)
    assert drive(env, 7).tobytes() == first.tobytes()
    fresh = make_env(env.contract)
    assert drive(fresh, 7).tobytes() == first.tobytes()
    fresh.close()


def test_a_state_read_is_reached_again_bit_for_bit(env):
    drive(env, 3, 25)
    state = json.loads(json.dumps(env.simulation.state()))
    after = [env.step(a)[0] for a in actions_of(env, 10, seed=1)]
    drive(env, 4, 5)
    env.simulation.set_state(state)
    env._limiter.jump(np.array(state['actions'][-1]))
    again = [env.step(a)[0] for a in actions_of(env, 10, seed=1)]
    assert np.array(again).tobytes() == np.array(after).tobytes()


def test_a_state_of_another_contract_is_refused(env):
    env.reset(seed=1)
    with pytest.raises(ContractError, match='contract'):
        env.simulation.set_state(env.simulation.state() | {'contract_hash': 'other'})


def test_limits_of_the_contract_apply(clutter):
    env = make_env(clutter)
    env.reset(seed=0)
    _, _, _, _, info = env.step(np.array([0.5, 0.0], np.float32))
    assert info['reasons'] == ('rate',)
    assert info['applied'][0] == pytest.approx(0.2)  # 2 m/s2 for 0.1 s
    env.close()


@pytest.mark.parametrize('rays', [36, 360])
def test_the_lidar_sees_the_walls_where_they_are(clutter, rays):
    simulation = empty_room(clutter, lidar_rays=rays)
    scan = simulation.reset(0).readings.scan
    quarter = rays // 4
    assert scan.angle_increment * rays == pytest.approx(2 * math.pi, rel=1e-6)
    np.testing.assert_allclose(scan.ranges[[0, quarter, 2 * quarter, 3 * quarter]],
                               [3.0, 2.0, 1.0, 2.0], atol=0.005)
    assert scan.ranges[rays // 12] == pytest.approx(3.0 / math.cos(math.pi / 6), abs=0.01)
    simulation.close()


def test_odometry_without_noise_follows_the_truth(clutter):
    simulation = empty_room(clutter)
    simulation.reset(0)
    for i in range(60):
        simulation.step(np.array([0.2, 1.2 * math.sin(i / 5)]))
    truth, odom = simulation.pose, simulation.odom_pose
    assert simulation.tick.contact is None
    assert math.dist(truth[:2], odom[:2]) < 0.02
    assert abs(wrap(truth[2] - odom[2])) < 0.02
    assert simulation.tick.path_length_m == pytest.approx(1.2, abs=0.05)
    simulation.close()


def test_a_robot_told_to_stand_stands_even_where_the_ground_veers(clutter):
    simulation = empty_room(clutter, veer_chance=1.0, veer_turn_radps=2.0)
    simulation.reset(0)
    for _ in range(20):
        simulation.step(np.zeros(2))
    assert simulation.tick.path_length_m < 1e-3
    assert abs(simulation.pose[2]) < 1e-3
    simulation.close()


def test_hitting_the_wall_ends_the_episode_as_a_failure(clutter):
    simulation = empty_room(clutter)
    tick = simulation.reset(0)
    while not tick.ended:
        tick = simulation.step(np.array([0.5, 0.0]))
    assert tick.verdict.stop_reason == 'collision'
    assert (tick.verdict.reward, tick.verdict.success) == (-1.0, False)
    assert tick.contact.body == 'wall'
    assert tick.contact.force_n > 0.0
    assert tick.contact.point[0] == pytest.approx(4.0, abs=0.01)
    assert simulation.pose[0] == pytest.approx(4.0 - 0.16, abs=0.02)
    simulation.close()


def test_standing_still_is_truncated_at_the_time_out(env):
    env.contract = env.simulation.contract = replace(env.contract, timeout_s=1.0)
    env.reset(seed=0)
    stand = 0 if env.contract.action.discrete else np.zeros(2, np.float32)
    for _ in range(10):
        _, reward, terminated, truncated, info = env.step(stand)
    assert (terminated, truncated, reward) == (False, True, 0.0)
    assert (info['stop_reason'], info['time_s']) == ('timeout', pytest.approx(1.0))


def driven_by_an_expert(env, seed, imperfection):
    """Return the info at the end of an episode that the expert drives."""
    _, info = env.reset(seed=seed)
    chart = env.simulation.map_reading(0)
    cells = chart.data.reshape(chart.info.height, chart.info.width) > 50
    origin = (chart.info.origin.position.x, chart.info.origin.position.y)
    expert = Expert(env.contract, np.random.default_rng(seed), imperfection)
    expert.plan(grid_from_occupancy(cells, chart.info.resolution, origin),
                env.simulation.scene.goal)
    ended = False
    while not ended:
        action = expert.drive(info['pose'])
        if env.contract.action.discrete:
            action = int(env.contract.action.nearest(action[None])[0])
        _, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    return info


def test_the_expert_reaches_the_goal_with_and_without_mistakes(env):
    for seed, imperfection in ((1, 0.0), (2, 0.0), (3, 1.0)):
        info = driven_by_an_expert(env, seed, imperfection)
        assert info['success'], (seed, info)
        assert 0.9 < info['path_length_m'] / info['shortest_path_m'] < 2.0


@pytest.mark.long
@pytest.mark.parametrize(('name', 'ends_by'), [
    ('clutter_hard', 'goal'), ('corridor', 'goal'), ('dock', 'rule'), ('follow_wall', 'goal'),
    ('track', 'goal')])
def test_the_expert_does_each_task_of_the_family(name, ends_by):
    made = make_env(name)
    for seed, imperfection in ((1, 0.0), (2, 1.0)):
        info = driven_by_an_expert(made, seed, imperfection)
        assert (info['success'], info['stop_reason']) == (True, ends_by), (seed, info)
    made.close()
