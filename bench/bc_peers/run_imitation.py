"""
imitation's BC: run_imitation.py DATA.npz UPDATES [--batches].

With its normal policy and loss (log-likelihood and entropy); no value network, which it would
only evaluate. Its usual data loader collates sample by sample; ``--batches`` hands it whole
batches instead, which it takes too.
"""

import sys
import tempfile

from common import BATCH, HIDDEN, RATE, arguments, report
import gymnasium
from imitation.algorithms.bc import BC
from imitation.data.types import Transitions
from imitation.util import logger
import numpy as np
from stable_baselines3.common.policies import ActorCriticPolicy
import torch


class Batches:
    """Every epoch, the samples in a new order, a batch at a time."""

    def __init__(self, obs: np.ndarray, actions: np.ndarray) -> None:
        """Keep the samples."""
        self.obs, self.actions = torch.from_numpy(obs), torch.from_numpy(actions)

    def __iter__(self):
        """Yield an epoch's batches."""
        order = torch.randperm(len(self.obs))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            take = order[at:at + BATCH]
            yield {'obs': self.obs[take], 'acts': self.actions[take]}


data, updates = arguments()
torch.manual_seed(0)
obs, actions = data['obs'], data['actions']
spaces = {
    'observation_space': gymnasium.spaces.Box(-np.inf, np.inf, obs.shape[1:], np.float32),
    'action_space': gymnasium.spaces.Box(-1, 1, actions.shape[1:], np.float32)}
policy = ActorCriticPolicy(
    **spaces, lr_schedule=lambda _: RATE, net_arch={'pi': list(HIDDEN), 'vf': []},
    activation_fn=torch.nn.ReLU)
if '--batches' in sys.argv:
    demonstrations = Batches(obs, actions)
else:
    demonstrations = Transitions(obs, actions, np.array([{}] * len(obs)), next_obs=obs,
                                 dones=np.zeros(len(obs), bool))  # its collating asks for both
with tempfile.TemporaryDirectory() as folder:
    algorithm = BC(**spaces, rng=np.random.default_rng(0), policy=policy, batch_size=BATCH,
                   demonstrations=demonstrations, optimizer_kwargs={'lr': RATE}, device='cpu',
                   custom_logger=logger.configure(folder, []))
    report(data, updates,
           lambda: algorithm.train(n_batches=updates, log_interval=updates, progress_bar=False),
           lambda held: policy.predict(held, deterministic=True)[0])
