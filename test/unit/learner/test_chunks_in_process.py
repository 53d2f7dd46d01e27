"""Evaluation drives chunks as the policy node does, a slower computer included."""

import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_learner.rollout.evaluate import acting
from ilw_learner.runtime.chunk_executor import ChunkExecutor, Execution
from ilw_learner.runtime.runner import PolicyRunner


class Counting(PolicyRunner):
    """Gives chunks of six that name the observation they follow from."""

    def __init__(self, contract, execution, slower_s=0.0):
        super().__init__('idle', contract, slower_s=slower_s)
        self.chunks, self.frozen = ChunkExecutor(execution, contract.period_ns), []

    def think(self, frozen=None):
        self.frozen.append(len(frozen))
        return self._seen[0, -1, 0] * 100.0 + np.repeat(np.arange(6.0)[:, None], 2, axis=1), ''


def driven(runner, maze, ticks):
    runner.reset()
    act, found = acting(runner), []
    for t in range(ticks):
        action = act(np.full(maze.obs_dim, t, np.float32), np.ones(maze.obs_dim, bool))
        found.append(None if action is None else float(action[0]))
    return found


def test_a_chunk_is_driven_as_far_as_its_checkpoint_says(maze):
    runner = Counting(maze, Execution(execute=3))
    assert driven(runner, maze, 5) == [0, 1, 2, 300, 301]
    assert driven(runner, maze, 2) == [0, 1], 'an episode does not drive what is left of the last'


def test_with_slower_inference_the_running_chunk_goes_on_without_a_pause(maze):
    found = driven(Counting(maze, Execution(execute=2), slower_s=0.3), maze, 40)
    assert found[:8] == [None, None, None, 3, 4, 5, 303, 304]
    assert None not in found[3:]


def test_inference_within_half_a_period_is_that_of_the_tick_itself(maze):
    assert driven(Counting(maze, Execution(execute=2), slower_s=0.05), maze, 3) == [0, 1, 200]


def test_a_prefix_is_as_long_as_inference_takes(maze):
    runner = Counting(maze, Execution(execute=2, join='prefix', frozen=4), slower_s=0.2)
    driven(runner, maze, 9)
    assert runner.frozen == [0, 2, 2, 2, 2]


def test_a_missing_observation_stops_what_is_left_once_the_next_chunk_is_due(maze):
    runner = Counting(maze, Execution(execute=2))
    driven(runner, maze, 2)
    valid = np.ones(maze.obs_dim, bool)
    valid[1] = False
    runner.observe(Observation(0, np.zeros(maze.obs_dim, np.float32), valid, 0))
    action, why = runner.drive()
    assert action is None and why.startswith('missing: ')


def test_the_first_chunk_is_waited_for_and_said_to_be_computed(maze):
    runner = Counting(maze, Execution(execute=2), slower_s=0.3)
    runner.observe(Observation(0, np.zeros(maze.obs_dim, np.float32),
                               np.ones(maze.obs_dim, bool), 0))
    assert runner.drive() == (None, 'the first actions are computed')


@pytest.mark.parametrize('execution', [Execution(), Execution(execute=1, join='ensemble')])
def test_what_gives_one_action_is_driven_as_before(maze, execution):
    runner = PolicyRunner('random', maze, seed=3)
    runner.chunks = ChunkExecutor(execution, maze.period_ns)
    expected = PolicyRunner('random', maze, seed=3)
    act = acting(runner)
    for _ in range(5):
        expected.observe(Observation(0, np.zeros(maze.obs_dim, np.float32),
                                     np.ones(maze.obs_dim, bool), 0))
        got = act(np.zeros(maze.obs_dim, np.float32), np.ones(maze.obs_dim, bool))
        np.testing.assert_array_equal(got, expected.act()[0][0])
