"""A person's rewards reach the steps they were for; episodes become transitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ilw_core.episode import Episode, Outcome
from ilw_data.episode.credit import credit
from ilw_data.episode.dataset import load_episode
from ilw_learner.algorithms.q_learning.q_values import DqnConfig
from ilw_learner.data.demonstrations import task_rewards, to_transitions
from ilw_learner.data.mirror import mirrored

P = 100_000_000
CONFIG = DqnConfig(n_step=2, gamma=0.5)


def episode(contract, steps=4, stop_reason='goal', **changes):
    obs = np.zeros((steps + 1, contract.obs_dim), dtype=np.float32)
    obs[:, 0] = np.arange(steps + 1)
    made = Episode(
        name='one', obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
        actions=np.tile(contract.action.table[1], (steps, 1)).astype(np.float32),
        action_valid=np.ones(steps, dtype=bool), stamps_ns=np.arange(steps + 1) * P,
        outcome=Outcome.SUCCESS, stop_reason=stop_reason, contract_hash=contract.hash)
    return replace(made, **changes)


def transitions(contract, episodes, config=CONFIG, potential=None):
    return to_transitions(
        episodes, contract, contract.action.table, lambda x: x, gamma=config.gamma,
        n_step=config.n_step, history=config.history, potential=potential, shaping=config.shaping)


def test_a_press_is_shared_by_the_steps_shortly_before_it():
    ticks = np.arange(20) * P
    earned = credit(ticks, [(15 * P, 1.0), (15 * P, -0.5)])
    assert np.flatnonzero(earned).tolist() == [7, 8, 9, 10, 11, 12, 13]
    assert earned.sum() == pytest.approx(0.5)
    assert credit(ticks, [(1, 1.0)]).sum() == 0.0


def test_a_persons_rewards_come_out_of_the_bag(maze, bags, tmp_path):
    bags.write(tmp_path / 'one', ticks=20, praise=[(12, 1.0)])
    earned = load_episode(tmp_path / 'one', maze, cache=tmp_path / 'cache').person_rewards
    assert np.flatnonzero(earned).tolist() == [4, 5, 6, 7, 8, 9, 10]
    assert earned.sum() == pytest.approx(1.0)
    again = load_episode(tmp_path / 'one', maze, cache=tmp_path / 'cache').person_rewards
    assert np.array_equal(again, earned)


def test_the_contracts_reward_comes_with_the_end(maze):
    assert task_rewards(episode(maze), maze).tolist() == [0, 0, 0, 1]
    assert task_rewards(episode(maze, stop_reason='collision'), maze)[-1] == -1
    assert task_rewards(episode(maze, stop_reason='timeout'), maze)[-1] == 0
    praised = episode(maze, person_rewards=np.array([0, 0.5, 0, 0], dtype=np.float32))
    assert task_rewards(praised, maze).tolist() == [0, 0.5, 0, 1]


def test_steps_become_transitions_over_n_steps_until_the_end(maze):
    made = transitions(maze, [episode(maze)])
    assert made.obs[:, 0].tolist() == [0, 1, 2, 3]
    assert made.after[:, 0].tolist() == [2, 3, 4, 4]
    assert made.reward.tolist() == [0, 0, 0.5, 1]
    assert made.discount.tolist() == [0.25, 0.25, 0, 0]
    assert made.action.tolist() == [1, 1, 1, 1]
    ruled = transitions(maze, [episode(maze, stop_reason='rule')])
    assert ruled.discount.tolist() == made.discount.tolist()  # the end by a rule is an end, too


def test_an_episode_that_was_cut_off_has_a_future(maze):
    made = transitions(maze, [episode(maze, stop_reason='timeout')])
    assert made.discount.tolist() == [0.25, 0.25, 0.25, 0.5]


def test_a_reflected_episode_turns_the_other_way_and_reflects_back(clutter):
    rng = np.random.default_rng(0)
    obs = rng.random((5, clutter.obs_dim), dtype=np.float32)
    one = Episode(
        name='one', obs=obs, obs_valid=obs > 0.1, actions=rng.random((4, 2), dtype=np.float32),
        action_valid=np.ones(4, dtype=bool), stamps_ns=np.arange(5) * P,
        outcome=Outcome.SUCCESS, stop_reason='goal', contract_hash=clutter.hash)
    other = mirrored(one, clutter)
    assert np.array_equal(other.actions, one.actions * [1, -1])
    assert np.array_equal(other.obs[:, 1], one.obs[:, 35])
    again = mirrored(other, clutter)
    assert np.array_equal(again.obs, one.obs)
    assert np.array_equal(again.obs_valid, one.obs_valid)


def test_what_was_not_seen_or_not_commanded_is_left_out(maze):
    valid = np.ones((5, maze.obs_dim), dtype=bool)
    valid[3, 1] = False
    made = transitions(maze, [episode(maze, obs_valid=valid)])
    assert made.obs[:, 0].tolist() == [0, 1]
    assert made.after[:, 0].tolist() == [2, 2]
    assert made.discount.tolist() == [0.25, 0.5]
    quiet = np.array([True, False, True, True])
    assert transitions(maze, [episode(maze, action_valid=quiet)]).obs[:, 0].tolist() == [0, 2, 3]


def test_a_potential_changes_rewards_but_telescopes_to_nothing_for_the_policy(maze):
    config = replace(CONFIG, n_step=1, shaping=0.3)
    plain, shaped = (transitions(maze, [episode(maze)], c, potential=0)
                     for c in (replace(config, shaping=0.0), config))
    extra = shaped.reward - plain.reward
    discounted = (extra * torch.tensor([0.5 ** t for t in range(4)])).sum()
    assert float(discounted) == pytest.approx(0.0, abs=1e-6)  # where it began
