"""From demonstrations to a reward: the maze's figures, and a folder of episodes to a file."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_learner.rewards.binned_maze import binned_world, paying_ends, recover_in_bins, ways_of
from ilw_learner.rewards.drives import drive_degraded
from ilw_learner.rewards.in_model import returns_of, wander
from ilw_learner.rewards.maximum_causal_entropy import best_values
from ilw_sim.batch.binned_model import make_model

PARTS = Path(__file__).resolve().parents[2] / 'bench' / 'irl_parts'
HOLD = 5


@pytest.fixture(scope='module')
def model():
    from ilw_core.contract.file import load_contract
    from ilw_core.storage.locate import config_file

    maze = load_contract(config_file('tasks', 'maze'))
    return make_model(paying_ends(maze), bins=(28, 28, 12), hold=HOLD)


@pytest.mark.long
@pytest.mark.parametrize('seed', [0, 1])
def test_sixty_demonstrations_of_the_maze_give_its_return_back(maze, model, monkeypatch, seed):
    monkeypatch.syspath_prepend(str(PARTS))
    from known_maze import figures

    found = figures(maze, model, HOLD, seed)
    assert found.regained >= 0.97
    assert found.rank >= 0.9


def test_ends_are_states_of_their_own(maze, model):
    binned = binned_world(maze, model, HOLD)
    goal, collided = binned.goal, binned.goal + 1
    after, ended = binned.world.after, model.ended
    paid = model.reward[ended]
    np.testing.assert_array_equal(after[:goal][ended], np.where(paid > 0.0, goal, collided))
    assert (paid > 0.0).any() and (paid < 0.0).any()
    np.testing.assert_array_equal(after[:goal][~ended], model.after[~ended])
    assert (after[goal] == goal).all() and (after[collided] == collided).all()
    assert binned.world.horizon == 120  # 60 s of half seconds
    np.testing.assert_array_equal(binned.features[goal, :3], [1, 0, 0])
    np.testing.assert_array_equal(binned.features[collided, :3], [0, 1, 120])
    assert (binned.features[:goal, 3:].sum(1) == 1.0).all()


def driving(contract, poses, outcome=Outcome.SUCCESS, stop_reason='goal'):
    """Return an episode that is at one (x, y, yaw) per held action, and where they were held."""
    x, y, yaw = np.repeat(np.array(poses, np.float32), HOLD, axis=0).T
    obs = np.stack([x, y, np.sin(yaw), np.cos(yaw)], axis=1)
    return Episode('e', obs, np.ones(obs.shape, bool),
                   np.zeros((len(obs) - 1, contract.action.dim), np.float32),
                   np.ones(len(obs) - 1, bool), np.arange(len(obs)) * contract.period_ns, outcome,
                   stop_reason, contract.hash)


def test_an_episode_is_the_bins_it_was_in_and_how_it_ended(maze, model):
    binned = binned_world(maze, model, HOLD)
    poses = [(0.7, 0.7, 0.0), (0.9, 0.7, 0.0), (0.9, 0.7, np.pi / 6)]
    bins = [(3 * 28 + 3) * 12, (4 * 28 + 3) * 12, (4 * 28 + 3) * 12 + 1]
    assert model.free[bins].all()
    good, bad, late = ways_of([
        driving(maze, poses), driving(maze, poses, Outcome.FAILURE, 'collision'),
        driving(maze, poses, Outcome.FAILURE, 'timeout')], maze, binned)
    assert good.tolist() == [*bins, binned.goal]
    assert bad.tolist() == [*bins, binned.goal + 1]
    assert late.tolist() == bins


def test_where_the_model_s_robot_does_not_fit_the_nearest_place_counts(maze, model):
    binned = binned_world(maze, model, HOLD)
    (way,) = ways_of([driving(maze, [(0.01, 0.7, 0.0)], Outcome.FAILURE, 'timeout')], maze, binned)
    ix, iy, iyaw = np.unravel_index(way[0], model.shape)
    assert model.free[way[0]] and (iy, iyaw) == (3, 0) and ix <= 2


def test_a_detour_is_recovered_as_a_place_that_was_avoided():
    """A floor of 9 x 9 places, one heading: they walk around its middle to the goal."""
    side = 9
    x, y = np.unravel_index(np.arange(side * side), (side, side))
    last = side - 1
    after = np.stack([np.minimum(x + 1, last) * side + y, x * side + np.minimum(y + 1, last),
                      x * side + np.maximum(y - 1, 0)], axis=1)
    ended = np.stack([(x == last) & (y == 4), x < 0, x < 0], axis=1)
    model = SimpleNamespace(
        shape=(side, side, 1), origin=np.zeros(2), size=np.ones(2), after=after, ended=ended,
        reward=np.where(ended, 1.0, 0.0), free=np.ones(side * side, bool))
    contract = SimpleNamespace(timeout_s=20.0, rate_hz=1.0)
    binned = binned_world(contract, model, 1)
    around = [(0, 4), (1, 4), (2, 4), (2, 5), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6), (6, 5),
              (6, 4), (7, 4), (8, 4)]
    ways = [np.array([*(px * side + (py if up else last - py) for px, py in around),
                      binned.goal]) for up in (True, False)]
    _, found = recover_in_bins(contract, binned, ways)
    places = found.weights[3:].reshape(side, side)
    assert places[4, 4] < -0.1 < 0.1 < places[4, 6]
    reward = binned.features @ found.weights
    straight = np.array([*(px * side + 4 for px in range(side)), binned.goal])
    detour, direct = returns_of([ways[0], straight], reward)
    assert detour > direct
    assert best_values(binned.world, reward)[4] >= detour - 1e-9  # sums in another order


def test_worse_driving_earns_less(maze, model):
    binned = binned_world(maze, model, HOLD)
    reward = binned.features @ np.concatenate([[1.0, 0.0, -0.1], np.zeros(784)])
    rng, start = np.random.default_rng(0), int(np.flatnonzero(model.free)[0])
    best, half = (returns_of([wander(binned.world, reward, start, ratio, rng)
                              for _ in range(10)], reward) for ratio in (0.0, 0.5))
    assert np.ptp(best) < 1e-9 and half.mean() < best.mean()
    assert best[0] == pytest.approx(best_values(binned.world, reward)[start])


def test_degraded_drives_are_summed_as_recordings_are(clutter):
    speed = clutter.action.high[0]

    def ahead(obs, valid):
        return np.array([speed, 0.0])

    seen = []
    drives = drive_degraded(clutter, 'ilw_sim.batch.batch_env:make_batch', [ahead] * 3,
                            [0.0, 0.5, 1.0], [100_000, 100_001], ['goal', 'collision', 'step',
                                                                   'progress_m'],
                            np.random.default_rng(0), on_world=seen.append)
    assert drives.sums.shape == (2, 3, 4) and seen == [1, 2]
    goal, collision, step, _ = np.moveaxis(drives.sums, 2, 0)
    np.testing.assert_array_equal(goal == 1.0, drives.success)
    assert ((goal + collision == 1.0) | (step == 400)).all()


def test_a_discount_counts_the_first_step_whole_and_later_ones_less(clutter):
    def stands(obs, valid):
        return clutter.action.rest

    (sums,), (discounted,) = (drive_degraded(
        clutter, 'ilw_sim.batch.batch_env:make_batch', [stands], [0.0], [100_000], ['step'],
        np.random.default_rng(0), **more).sums for more in ({}, {'discount': 0.99}))
    assert sums == 400.0
    assert discounted == pytest.approx((1.0 - 0.99 ** 400) / 0.01)


@pytest.mark.slow
def test_dqn_learns_to_arrive_from_the_reward_of_noisy_drives_alone(clutter, monkeypatch,
                                                                    tmp_path):
    from dataclasses import replace

    from ilw_core.storage.locate import config_file
    from ilw_learner.rewards.drives import DegradedDrives
    from ilw_learner.rewards.noisy_drives import recover_from_drives
    from ilw_learner.rewards.reward_file import save_reward
    from ilw_learner.rewards.step_features import features_of
    from ilw_learner.training.config import load_config
    from ilw_learner.training.options import TrainOptions
    from ilw_learner.training.train import train

    monkeypatch.syspath_prepend(str(PARTS))
    from known_driver import driven_sums

    names, shares = list(features_of(clutter)), [0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0]
    runs = [driven_sums(clutter, range(100_000, 100_030), names, share, 0.99, seed)
            for seed, share in enumerate(shares)]
    sums, success = (np.stack(each, axis=1) for each in zip(*runs, strict=True))
    reward, _ = recover_from_drives(
        clutter, DegradedDrives(sums, success, np.array(shares)), names,
        0.99, np.random.default_rng(0))
    _, config = load_config(config_file('train', 'dqn'), 'clutter')
    summary = train(TrainOptions(
        contract=clutter, algorithm='dqn', demos=tmp_path, out=tmp_path / 'run', env_spec=None,
        config=replace(config, steps=300_000, candidates=4),
        reward=save_reward(tmp_path / 'r.yaml', reward)), lambda now: True)
    assert summary.details['success_simulated'] >= 0.85
