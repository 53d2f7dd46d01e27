"""Every algorithm by name: a new one is a file in this folder and a line here."""

from ilw_learner.algorithms.act import ACT
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.bc import BC
from ilw_learner.algorithms.dqfd import DQFD
from ilw_learner.algorithms.dqn import DQN
from ilw_learner.algorithms.flow import FLOW
from ilw_learner.algorithms.qtable import QTABLE

ALGORITHMS: dict[str, Algorithm] = {
    'bc': BC, 'act': ACT, 'flow': FLOW, 'dqn': DQN, 'dqfd': DQFD, 'qtable': QTABLE}
"""Name in a training configuration -> the algorithm"""
