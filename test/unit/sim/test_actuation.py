"""How a base answers: closed forms, what each episode draws, noise of odometry."""

import json
import math

import numpy as np
import pytest

from ilw_core.base.plant import Plant, PlantProfile, load_plant
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file
from ilw_sim.env import make_env
from ilw_sim.physics.actuation import ActuatedBase, Past, find_plant, has_ramp

STEPS, STEP_S = 24, 0.1 / 24
SMALL = load_plant(config_file('plants', 'small_base'))


def answers(plant, commands):
    """Return the twist of every physics step, (24 N, 2), for a command per tick."""
    base = ActuatedBase(plant, STEP_S, STEPS, (0.0, 0.0))
    return np.array([twist for command in commands for twist in base.answer(*command)])


def point(**numbers):
    return PlantProfile('point', {key: (value, value) for key, value in numbers.items()})


@pytest.mark.parametrize('delay_s, steps', [(0.0, 0), (0.05, 12), (0.1, 24), (0.2375, 57)])
def test_a_command_takes_effect_after_the_delay(delay_s, steps):
    forward = answers(Plant(delay_s=delay_s), [(0.3, 0.0)] * 5)[:, 0]
    assert np.argmax(forward > 0.0) == steps
    assert np.all(forward[steps:] == 0.3)


def test_speeds_follow_along_exponentials():
    twists = answers(Plant(lag_s=0.1, turn_lag_s=0.2), [(0.4, 1.0)] * 10)
    travelled = np.cumsum(twists, axis=0) * STEP_S
    for axis, (target, lag_s) in enumerate(((0.4, 0.1), (1.0, 0.2))):
        for steps in (1, 10, 24, 100, 240):
            t = steps * STEP_S
            exact = target * (t - lag_s * (1.0 - math.exp(-t / lag_s)))
            assert travelled[steps - 1, axis] == pytest.approx(exact, abs=1e-9)


def test_a_setpoint_ramps_no_faster_than_the_acceleration():
    forward = answers(Plant(acceleration_mps2=0.5), [(0.2, 0.0)] * 10)[:, 0]
    assert np.diff(forward).max() <= 0.5 * STEP_S + 1e-12
    assert forward.sum() * STEP_S == pytest.approx(0.2 * 1.0 - 0.5 * 0.2 * 0.4, abs=1e-4)


def test_dead_zones_gains_and_pull():
    plant = Plant(gain=0.9, turn_gain=0.8, pull_radpm=0.5, dead_zone_mps=0.1,
                  turn_dead_zone_radps=0.2)
    ends = [answers(plant, [command])[-1] for command in (
        (0.09, 0.19), (0.1, 0.2), (-0.4, 0.0), (0.0, -1.0))]
    assert ends[0].tolist() == [0.0, 0.0]
    assert ends[1] == pytest.approx([0.09, 0.16 + 0.045])
    assert ends[2] == pytest.approx([-0.36, -0.18])
    assert ends[3] == pytest.approx([0.0, -0.8])


@pytest.mark.parametrize('late', [0, 1, 23, 24, 30, 60])
def test_what_is_told_was_true_so_many_steps_before(late):
    past = Past(late * STEP_S, STEP_S, STEPS, 0)
    now = 0
    for tick in range(1, 6):
        for done in range(1, STEPS + 1):
            now += 1
            if done == past.at:
                past.keep(now)
        assert past.read() == max(0, tick * STEPS - late)


def test_each_episode_draws_its_own_base_and_the_same_seed_the_same(clutter):
    env = make_env(clutter, plant='small_base')
    drawn = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        drawn.append(env.simulation.plant)
    env.close()
    assert drawn[0] == drawn[2] != drawn[1]
    for key, (low, high) in SMALL.intervals.items():
        assert all(low <= getattr(plant, key) <= high for plant in drawn)


def test_a_seed_makes_the_same_world_with_and_without_a_plant(clutter):
    scenes = []
    for plant in (None, 'small_base'):
        env = make_env(clutter, plant=plant)
        env.reset(seed=5)
        scenes.append(env.simulation.scene)
        env.close()
    assert scenes[0] == scenes[1]


def test_a_state_is_reached_again_on_the_same_plant_only(clutter):
    env, other = make_env(clutter, plant='small_base'), make_env(clutter)
    env.reset(seed=4)
    for _ in range(12):
        env.step(np.float32([0.4, 0.5]))
    state, pose = json.loads(json.dumps(env.simulation.state())), env.simulation.pose
    env.reset(seed=9)
    env.simulation.set_state(state)
    assert env.simulation.pose == pose
    with pytest.raises(ContractError, match='another plant'):
        other.simulation.set_state(state)
    env.close()
    other.close()


def test_lidar_noise_is_the_scenes_unless_the_profile_names_it(clutter):
    for plant, expected in ((point(lag_s=0.1), 0.005), (point(lidar_noise_m=0.0), 0.0)):
        env = make_env(clutter, plant=plant)
        env.reset(seed=0)
        assert env.simulation._sensors._options.lidar_noise_m == expected
        env.close()


@pytest.mark.long
def test_odometry_is_as_noisy_as_the_profile_says_in_both_simulators(clutter):
    from ilw_sim.batch.batch_env import BatchEnv
    from ilw_sim.batch.worlds import make_scenes

    plant = point(odom_noise_mps=0.05, odom_noise_radps=0.2)
    env = make_env(clutter, plant=plant)
    env.reset(seed=0)
    alone = np.array([env.step(np.zeros(2, np.float32))[0][-2:] for _ in range(300)])
    env.close()
    batch = BatchEnv(clutter, scenes=make_scenes(clutter, [0]) * 300, plant=plant)
    batch.reset(seed=0)
    many = batch.step(np.zeros((300, 2), np.float32))[0][:, -2:]
    for speeds in (alone, many):
        assert speeds.std(0) == pytest.approx([0.05, 0.2], rel=0.15)
        assert np.abs(speeds.mean(0)).max() < 0.04


def test_a_profile_that_names_an_acceleration_replaces_the_simulators():
    assert has_ramp(point(turn_acceleration_radps2=3.0))
    assert not has_ramp(SMALL) and not has_ramp(None)


def test_a_plant_is_named_by_name_path_or_not_at_all(tmp_path):
    assert find_plant('small_base') == SMALL == find_plant(SMALL)
    (tmp_path / 'own.yaml').write_text('plant: own\nlag_s: 0.1\n')
    assert find_plant(tmp_path / 'own.yaml').intervals == {'lag_s': (0.1, 0.1)}
    assert find_plant(None) is None and find_plant('') is None
    with pytest.raises(IlwError, match='small_base'):
        find_plant('small_bass')
