"""Every algorithm by name."""

from ilw_learner.policies.bc import BcConfig
from ilw_learner.policies.dqn import DqnConfig

Config = BcConfig | DqnConfig
ALGORITHMS: dict[str, type[Config]] = {
    'bc': BcConfig, 'dqn': DqnConfig, 'dqfd': DqnConfig}
"""Name in a training configuration -> its values"""
