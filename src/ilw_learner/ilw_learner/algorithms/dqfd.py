"""
Q-learning with a network that begins with demonstrations.

T. Hester et al., "Deep Q-learning from demonstrations", AAAI 2018. The network, its update and the
differences from the paper are those of ``dqn.py``; here demonstrations are learned first, stay in
the buffer, and a demonstrated choice is preferred by a margin.
"""

from functools import partial

from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.dqn import train_on_task
from ilw_learner.algorithms.q_learning.q_values import DqnConfig

DQFD = Algorithm(DqnConfig, partial(train_on_task, demonstrated=True), demonstrated=True,
                 begins=True, rewarded=True)
