"""
DAgger of ILW's parts on CartPole: dagger_ours.py STEPS SEED.

The loop is of this file, as ``./ilw correct`` asks a person, and only now and then; the network,
its gradient and its optimiser are those of ``bc``. As in the paper, the expert drives in the first
round, and the policy from then on. Network, batch, rate, steps per round and passes over the data
are those of imitation's DAgger.
"""

import sys

from cart import expert, mean_return
from clocked import report
import numpy as np
from several import Robots
import torch

from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.training.options import training_math

ROUND, PASSES, BATCH, RATE, ROBOTS = 500, 4, 32, 1e-3, 8


@training_math()
def learn() -> FusedMlp:
    """Ask at every step, learn after each round."""
    rng = torch.Generator().manual_seed(seed)
    network = FusedMlp([4, 32, 32, 2], rng, torch.device('cpu'))
    optimiser = AveragedAdam(network, learning_rate=RATE)
    robots = Robots(ROBOTS)
    obs = robots.reset(seed)
    seen, said = torch.empty(0, 4), torch.empty(0, dtype=torch.int64)
    while len(seen) < steps:
        learned = len(seen) > 0
        rows, answers = [], []
        for _ in range(-(-ROUND // ROBOTS)):
            answer = torch.from_numpy(expert(obs.numpy()))
            rows.append(obs)
            answers.append(answer)
            obs = robots.step(network.forward(obs).argmax(1) if learned else answer).obs
        seen, said = torch.cat([seen, *rows]), torch.cat([said, *answers])
        for _ in range(PASSES):
            order = torch.randperm(len(seen), generator=rng)
            for batch in order.split(BATCH):
                inputs = seen[batch]
                chances = network.forward(inputs).softmax(1)
                chances[torch.arange(len(batch)), said[batch]] -= 1.0
                network.backward(inputs, chances / len(batch))
                optimiser.step()
    return network


steps, seed = int(sys.argv[1]), int(sys.argv[2])
report(learn, lambda network: {'mean_return': mean_return(
    lambda obs: network.forward(torch.from_numpy(np.asarray(obs))).argmax(1).numpy())})
