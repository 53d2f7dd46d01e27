"""What a policy sees of the past is the same in training, in demonstrations and when it drives."""

import numpy as np
import torch

from ilw_core.episode import Episode, Outcome
from ilw_learner.data.demonstrations import to_transitions
from ilw_learner.rollout.vec_env import FrameStack, Steps


class Counting:
    """Two robots whose observation is the tick; the second one's episodes last two ticks."""

    count = 2

    def reset(self, seed):
        self._ticks = torch.tensor([0.0, 0.0])
        return self._ticks.unsqueeze(1).clone()

    def step(self, choices):
        self._ticks += 1.0
        after = self._ticks.unsqueeze(1).clone()
        terminated = torch.tensor([False, bool(self._ticks[1] == 2.0)])
        self._ticks[terminated] = 0.0
        none = torch.zeros(2, dtype=torch.bool)
        return Steps(self._ticks.unsqueeze(1).clone(), torch.zeros(2), terminated, none, after,
                     none)


def test_the_last_observations_stand_side_by_side_and_a_new_episode_begins_anew():
    robots = FrameStack(Counting(), 3)
    assert robots.reset(0).tolist() == [[0, 0, 0], [0, 0, 0]]
    first, second, third = (robots.step(torch.zeros(2)) for _ in range(3))
    assert first.obs.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert second.after.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert second.obs.tolist() == [[0, 1, 2], [0, 0, 0]]   # the second robot began anew
    assert third.after.tolist() == [[1, 2, 3], [0, 0, 1]]


def test_demonstrations_are_stacked_alike(maze):
    steps = 5
    obs = np.arange(steps + 1, dtype=np.float32)[:, None].repeat(maze.obs_dim, 1)
    seen = np.ones((steps + 1, maze.obs_dim), bool)
    seen[1, 0] = False
    episode = Episode(
        name='e', outcome=Outcome.SUCCESS, stop_reason='goal', contract_hash=maze.hash, obs=obs,
        obs_valid=seen, actions=np.zeros((steps, 2), np.float32),
        action_valid=np.ones(steps, bool),
        stamps_ns=np.arange(steps + 1, dtype=np.int64) * maze.period_ns)
    found = to_transitions([episode], maze, maze.action.table, lambda rows: rows, gamma=0.99,
                           history=2)
    # Steps 0, 1 and 2 would show, or lead to, an observation in which something is missing.
    assert found.obs[:, ::maze.obs_dim].tolist() == [[2, 3], [3, 4]]
    assert found.after[:, ::maze.obs_dim].tolist() == [[3, 4], [4, 5]]
