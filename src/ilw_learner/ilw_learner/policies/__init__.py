"""Every algorithm by name."""

from ilw_learner.policies.bc import BcConfig
from ilw_learner.policies.dqn import DqnConfig
from ilw_learner.policies.qtable import QTableConfig

Config = BcConfig | DqnConfig | QTableConfig
ALGORITHMS: dict[str, type[Config]] = {
    'bc': BcConfig, 'dqn': DqnConfig, 'dqfd': DqnConfig, 'qtable': QTableConfig}
"""Name in a training configuration -> its values"""
