"""Every algorithm by name: a new one is a file in this folder and a line here."""

from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.bc import BC
from ilw_learner.algorithms.dqfd import DQFD
from ilw_learner.algorithms.dqn import DQN
from ilw_learner.algorithms.qtable import QTABLE

ALGORITHMS: dict[str, Algorithm] = {'bc': BC, 'dqn': DQN, 'dqfd': DQFD, 'qtable': QTABLE}
"""Name in a training configuration -> the algorithm"""
