"""imitation's DAgger on CartPole, set up as in its tutorial: dagger_imitation.py STEPS SEED."""

import sys
import tempfile

from cart import ENV, expert, mean_return
from clocked import report
from imitation.algorithms.bc import BC
from imitation.algorithms.dagger import SimpleDAggerTrainer
from imitation.policies.base import NonTrainablePolicy
from imitation.util import logger
from imitation.util.util import make_vec_env
import numpy as np
import torch


class Expert(NonTrainablePolicy):
    """Says what the one who balances would do."""

    def _choose_action(self, obs: np.ndarray) -> np.ndarray:
        return expert(obs[None])[0]


steps, seed = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
venv = make_vec_env(ENV, rng=rng, n_envs=8)
with tempfile.TemporaryDirectory() as folder:
    told = logger.configure(folder, [])
    bc = BC(observation_space=venv.observation_space, action_space=venv.action_space, rng=rng,
            custom_logger=told, device='cpu')
    trainer = SimpleDAggerTrainer(
        venv=venv, scratch_dir=folder, rng=rng, bc_trainer=bc, custom_logger=told,
        expert_policy=Expert(venv.observation_space, venv.action_space))
    report(lambda: trainer.train(steps, bc_train_kwargs={'progress_bar': False}),
           lambda _: {'mean_return': mean_return(
               lambda obs: trainer.policy.predict(obs, deterministic=True)[0])})
