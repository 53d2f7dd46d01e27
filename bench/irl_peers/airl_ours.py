"""AIRL as ILW does it, on CartPole: airl_ours.py STEPS.npz STEPS SEED."""

from dataclasses import replace
import sys

from cart import ENV, mean_return
from clocked import report
import numpy as np
from several import ROBOTS, Robots
import torch

from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore
from ilw_learner.rewards.adversarial.airl import AirlConfig, TwoSides, set_against_each_other
from ilw_learner.rewards.adversarial.discriminator import SeenSteps
from ilw_learner.rewards.step_features import StepTensors, of_arrays
from ilw_learner.training.config import load_config


def features(steps: StepTensors) -> torch.Tensor:
    """Return that the pole stands, and the squares of what is seen."""
    return torch.cat([(~steps.collided).float().unsqueeze(1), steps.after ** 2], dim=1)


def learn() -> TwoSides:
    """Recover the reward, and the driver that learns from it."""
    _, dqn = load_config(config_file('train', 'dqn'), ENV)
    dqn = replace(dqn, steps=steps, robots=ROBOTS, train_every=1, updates_per_round=1, batch=128,
                  average=0.99, learning_rate=0.001)
    return set_against_each_other(
        AirlConfig(), dqn, Robots(ROBOTS), lambda obs: obs, 2, features, (),
        SeenSteps(of_arrays(data['obs'], data['after'], np.zeros_like(data['ended']),
                            data['terminated']), torch.from_numpy(data['choices'])),
        seed=seed, judge=lambda net: DrivingScore(0.0, 0.0, 1))


def told(found: TwoSides) -> dict:
    """Return how well it drives."""
    best = found.driver.dqn.best
    return {'mean_return': mean_return(lambda obs: best(torch.from_numpy(obs)).numpy()),
            'weights': found.weights.tolist(), 'told_apart': found.told_apart}


data = np.load(sys.argv[1])
steps, seed = int(sys.argv[2]), int(sys.argv[3])
report(learn, told)
