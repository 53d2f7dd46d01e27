"""imitation's AIRL on CartPole, set up as in its tutorial: airl_imitation.py DATA STEPS SEED."""

import sys
import tempfile

from cart import ENV, mean_return
from clocked import report
from imitation.algorithms.adversarial.airl import AIRL
from imitation.data.types import Transitions
from imitation.rewards.reward_nets import BasicShapedRewardNet
from imitation.util import logger
from imitation.util.networks import RunningNorm
from imitation.util.util import make_vec_env
import numpy as np
from stable_baselines3 import PPO
import torch

data = np.load(sys.argv[1])
steps, seed = int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(seed)
venv = make_vec_env(ENV, rng=np.random.default_rng(seed), n_envs=8)
shown = Transitions(data['obs'], data['choices'], np.array([{}] * len(data['obs'])),
                    next_obs=data['after'], dones=data['ended'])
driver = PPO('MlpPolicy', venv, batch_size=64, ent_coef=0.0, learning_rate=0.0005, gamma=0.95,
             clip_range=0.1, vf_coef=0.1, n_epochs=5, seed=seed, device='cpu')
net = BasicShapedRewardNet(venv.observation_space, venv.action_space,
                           normalize_input_layer=RunningNorm)
with tempfile.TemporaryDirectory() as folder:
    learner = AIRL(demonstrations=shown, demo_batch_size=2048, gen_replay_buffer_capacity=512,
                   n_disc_updates_per_round=16, venv=venv, gen_algo=driver, reward_net=net,
                   custom_logger=logger.configure(folder, []), allow_variable_horizon=True)
    report(lambda: learner.train(steps),
           lambda _: {'mean_return': mean_return(
               lambda obs: driver.predict(obs, deterministic=True)[0])})
