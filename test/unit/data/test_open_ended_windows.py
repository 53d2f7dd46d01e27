"""Windows that reach past the end of their episode: what nobody did is NaN, and no target."""

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_core.errors import EpisodeError
from ilw_data.episode.dataset import build_dataset


def episode(maze, steps=5, missing=()):
    obs = np.repeat(np.arange(steps + 1, dtype=np.float32)[:, None], maze.obs_dim, axis=1)
    valid = np.ones(steps, dtype=bool)
    valid[list(missing)] = False
    return Episode('one', obs, np.ones_like(obs, dtype=bool),
                   np.repeat(np.arange(steps, dtype=np.float32)[:, None], 2, axis=1), valid,
                   np.arange(steps + 1) * maze.period_ns, Outcome.SUCCESS, 'goal', maze.hash)


def targets(data):
    return [[None if np.isnan(v) else int(v) for v in row[:, 0]] for row in data.actions]


def test_every_tick_begins_a_window_and_nobody_acts_past_the_end(maze):
    data = build_dataset([episode(maze)], maze, horizon=3, open_ended=True)
    assert targets(data) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, None], [4, None, None]]
    assert data.tick.tolist() == [0, 1, 2, 3, 4]
    closed = build_dataset([episode(maze)], maze, horizon=3)
    np.testing.assert_array_equal(closed.actions, data.actions[:3])
    np.testing.assert_array_equal(closed.obs, data.obs[:3])


def test_an_action_that_is_missing_is_no_target_and_begins_no_window(maze):
    data = build_dataset([episode(maze, missing=[2])], maze, horizon=3, open_ended=True)
    assert targets(data) == [[0, 1, None], [1, None, 3], [3, 4, None], [4, None, None]]
    assert data.masked == 1
    assert np.isnan(data.previous[2]).all(), 'before tick 3 no command came'


def test_a_step_that_counts_nothing_is_no_target_and_the_first_says_how_much_a_window_counts(maze):
    counts = np.array([1, 2, 0, 1, 3], np.float32)
    data = build_dataset([episode(maze)], maze, horizon=3, open_ended=True, weights=[counts])
    assert targets(data) == [[0, 1, None], [1, None, 3], [3, 4, None], [4, None, None]]
    assert data.weights.tolist() == [1, 2, 1, 3]


def test_an_episode_shorter_than_a_chunk_is_used(maze):
    data = build_dataset([episode(maze, steps=2)], maze, history=2, horizon=9, open_ended=True)
    assert targets(data) == [[1] + [None] * 8]
    with pytest.raises(EpisodeError):
        build_dataset([episode(maze, steps=2)], maze, horizon=9)
