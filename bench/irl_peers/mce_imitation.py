"""imitation's MCEIRL, as its tutorial sets it up: mce_imitation.py MAZE.npz ITERATIONS."""

import sys
import tempfile

from clocked import report
from imitation.algorithms.mce_irl import MCEIRL
from imitation.data.types import Trajectory
from imitation.rewards import reward_nets
from imitation.util import logger
import numpy as np
from seals import base_envs
import torch

data = np.load(sys.argv[1])
after, ways = data['after'], data['ways']
states, actions = after.shape
moves = np.zeros((states, actions, states))
moves[np.arange(states)[:, None], np.arange(actions), after] = 1.0
starts = np.bincount(ways[:, 0], minlength=states) / len(ways)
env = base_envs.TabularModelPOMDP(
    transition_matrix=moves, observation_matrix=data['features'].astype(np.float32),
    reward_matrix=np.zeros(states), horizon=ways.shape[1] - 1, initial_state_dist=starts)
torch.manual_seed(0)
net = reward_nets.BasicRewardNet(
    env.observation_space, env.action_space, use_action=False, use_next_state=False,
    use_done=False, hid_sizes=[])
shown = [Trajectory(obs=way, acts=np.zeros(len(way) - 1, int), infos=None, terminal=True)
         for way in ways]
with tempfile.TemporaryDirectory() as folder:
    learner = MCEIRL(shown, env, net, rng=np.random.default_rng(0), log_interval=None,
                     optimizer_kwargs={'lr': 0.01}, custom_logger=logger.configure(folder, []))

    def told(visits: np.ndarray) -> dict:
        """Return the reward of each state, and the mismatch as imitation counts it."""
        with torch.no_grad():
            reward = net(torch.tensor(env.observation_matrix), None, None, None).flatten()
        return {'reward': reward.tolist(),
                'own_mismatch': float(np.abs(visits - learner.demo_state_om).max())}

    report(lambda: learner.train(max_iter=int(sys.argv[2])), told)
