"""The emulator as an environment: Gymnasium's rules, and time as it passes on the network."""

from dataclasses import replace
import warnings

from gymnasium.utils.env_checker import check_env
import numpy as np
import pytest

from ilw_core.errors import ContractError, IlwError
from ilw_emulator.env import make_env
from ilw_emulator.profile import load_emulator
from ilw_emulator.traits import Body, EmulatorProfile
from ilw_emulator.world import EmulatedWorld

ROOM = EmulatedWorld('room', (2.0, 2.0, 0.0), (3.5, 2.0), walls=(
    (2.8, -0.05, 0.0, 2.9, 0.05), (2.8, 5.65, 0.0, 2.9, 0.05),
    (-0.05, 2.8, 0.0, 0.05, 2.8), (5.65, 2.8, 0.0, 0.05, 2.8)), shortest_path_m=1.2)


def perfect(**traits):
    """Return a profile of perfect machines but for some traits: part__name=value."""
    given = {tuple(key.split('__')): (value, value) for key, value in traits.items()}
    return EmulatorProfile('perfect', Body(), given)


def room_env(contract, profile='typical', world=ROOM, **options):
    return make_env(contract, profile=profile, worlds=lambda seed: world, **options)


def straight(env, seed=0, speed=0.5):
    """Drive straight on; return every (info, terminated, truncated)."""
    _, info = env.reset(seed=seed)
    found = [(info, False, False)]
    while not any(found[-1][1:]):
        _, _, terminated, truncated, info = env.step(np.array([speed, 0.0], np.float32))
        found.append((info, terminated, truncated))
    return found


@pytest.mark.parametrize('profile', ['mild', 'nasty'])
def test_gymnasiums_checker_accepts_the_environment(contract, profile):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        warnings.filterwarnings('ignore', message='.*(normalized|symmetric).*')
        check_env(room_env(contract, profile), skip_render_check=True)


@pytest.mark.parametrize('profile', ['mild', 'typical', 'nasty'])
def test_the_same_seed_and_actions_give_the_same_bits_after_any_other_episode(clutter, profile):
    def drive(env, seed):
        rng = np.random.default_rng(0)
        seen = [env.reset(seed=seed)[0]]
        seen += [env.step(rng.uniform(-0.2, 0.2, 2).astype(np.float32))[0] for _ in range(30)]
        return np.array(seen).tobytes()

    env = room_env(clutter, profile)
    first = drive(env, 7)
    assert drive(env, 8) != first
    assert drive(env, 7) == first
    assert drive(room_env(clutter, profile), 7) == first


def test_one_machine_drives_every_episode_where_a_seed_is_given(clutter):
    one, each = room_env(clutter, seed=5), room_env(clutter)
    machines = {0: [], 1: []}
    for i, env in enumerate((one, each)):
        for episode in (1, 2):
            env.reset(seed=episode)
            machines[i].append(env.robot.traits)
    assert machines[0] == [load_emulator('typical').machine(5)] * 2
    assert machines[1] == [load_emulator('typical').machine(seed) for seed in (1, 2)]


def test_the_goal_is_reached_and_everything_about_the_way_is_told(clutter):
    found = straight(room_env(clutter, perfect()))
    info, terminated, truncated = found[-1]
    assert (terminated, truncated) == (True, False)
    assert (info['success'], info['stop_reason'], info['collision']) == (True, 'goal', '')
    assert info['path_length_m'] == pytest.approx(1.2, abs=0.06)
    assert info['shortest_path_m'] == 1.2
    # 0.05 s of lag; speeding up at 2 m/s2 costs 0.1 s; seen at the first tick after that.
    assert 2.4 + 0.05 + 0.1 <= info['time_s'] + 1e-3 <= 2.4 + 0.05 + 0.1 + 0.1
    assert found[0][0]['time_s'] == 0.0
    assert all(step['valid'].all() for step, *_ in found)


def test_a_wall_ends_the_episode_as_a_collision(clutter):
    env = room_env(clutter, perfect(), world=replace(ROOM, goal=(2.0, 5.0)))
    env.reset(seed=0)
    rewards, ended = [], False
    while not ended:
        _, reward, ended, _, info = env.step(np.array([0.5, 0.0], np.float32))
        rewards.append(reward)
    assert not info['success']
    assert (info['stop_reason'], info['collision']) == ('collision', 'wall')
    assert (sum(rewards), rewards[-1]) == (-1.0, -1.0)
    assert info['pose'][0] == pytest.approx(5.6 - 0.16, abs=0.01)


def test_standing_still_is_truncated_at_the_time_out(clutter):
    info, terminated, truncated = straight(
        room_env(replace(clutter, timeout_s=2.0), perfect()), speed=0.0)[-1]
    assert (terminated, truncated, info['stop_reason']) == (False, True, 'timeout')
    assert info['time_s'] == pytest.approx(2.0, abs=0.1)


def test_limits_of_the_contract_apply_as_the_arbiter_applies_them(clutter):
    env = room_env(clutter, perfect())
    env.reset(seed=0)
    info = env.step(np.array([0.5, 0.0], np.float32))[4]
    assert info['reasons'] == ('rate',)
    assert info['applied'][0] == pytest.approx(0.2)  # 2 m/s2 for one period
    info = env.step(np.array([0.5, 3.0], np.float32))[4]
    assert 'range' in info['reasons']
    assert info['applied'][1] == pytest.approx(0.8, abs=0.2)  # 8 rad/s2 for about one


def test_an_observation_tells_of_the_robot_as_it_was_when_the_sensors_looked(clutter):
    env = room_env(clutter, perfect(lidar__transit_s=0.03, lidar__age_s=0.04))
    env.reset(seed=0)
    for _ in range(8):
        obs, *_, info = env.step(np.array([0.4, 0.0], np.float32))
    ahead = 5.6 - info['pose'][0]
    assert obs[0] == pytest.approx(ahead + 0.4 * (0.03 + 0.04), abs=1e-4)


def test_a_scan_that_is_later_than_half_a_period_is_used_at_the_next_tick_and_then_is_old(clutter):
    early = room_env(clutter, perfect(lidar__transit_s=0.01))
    late = room_env(clutter, perfect(lidar__transit_s=0.12))
    old = []
    for env in (early, late):
        env.reset(seed=0)
        for _ in range(12):
            info = env.step(np.array([0.1, 0.0], np.float32))[4]
        assert info['valid'].all()
        env.step(np.array([0.1, 0.0], np.float32))
        old.append(env._seen.age_ns)
    assert old[0] < 30_000_000
    assert 100_000_000 <= old[1] <= 200_000_000


def test_sensors_that_fall_silent_make_what_they_told_invalid(clutter):
    env = room_env(clutter, perfect(lidar__loss_ratio=0.85))
    env.reset(seed=3)
    lost = []
    for _ in range(40):
        obs, *_, info = env.step(np.array([0.0, 0.0], np.float32))
        lidar, rest = info['valid'][:36], info['valid'][36:]
        assert lidar.all() or not lidar.any()
        assert rest.all()
        assert not obs[:36][~lidar].any()
        lost.append(not lidar.any())
    assert 10 < sum(lost) < 40


def test_a_clock_that_is_behind_costs_freshness_and_no_steps(clutter):
    """Ticks are on the machine's clock; the policy waits by its own and gives up too early."""
    ages = []
    for offset in (0.0, -0.08):
        env = room_env(clutter, perfect(clock__offset_s=offset))
        found = straight(env, speed=0.3)
        assert found[-1][0]['success']
        steps = np.diff([info['time_s'] for info, *_ in found])
        assert np.median(steps) == pytest.approx(0.1, abs=0.01)
        ages.append(env._seen.age_ns)
    assert ages[1] > ages[0] + 50_000_000


def test_worlds_come_from_a_folder_by_seed(clutter, tmp_path):
    (tmp_path / '4.yaml').write_text(replace(ROOM, name='four').text())
    env = make_env(clutter, profile='mild', worlds=tmp_path)
    env.reset(seed=4)
    assert env.robot.world.name == 'four'
    with pytest.raises(ContractError, match='There is no world file'):
        env.reset(seed=5)


def test_worlds_must_be_given_and_be_there(clutter, tmp_path):
    with pytest.raises(IlwError, match='emulator_worlds:make_env'):
        make_env(clutter)
    with pytest.raises(IlwError, match='must be a folder'):
        make_env(clutter, worlds=tmp_path / 'none')


def test_a_contract_that_observes_what_the_machine_has_not_is_refused(clutter):
    velocity = replace(clutter.sources[2], topic='imu')
    env = room_env(replace(clutter, sources=(*clutter.sources[:2], velocity)), perfect())
    with pytest.raises(ContractError, match='It has odom, joint_states, scan and goal'):
        env.reset(seed=0)
