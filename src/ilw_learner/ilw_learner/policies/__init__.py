"""Every algorithm by name."""

from ilw_learner.policies.bc import BcConfig
from ilw_learner.policies.dqn import DqnConfig

ALGORITHMS: dict[str, type[BcConfig] | type[DqnConfig]] = {
    'bc': BcConfig, 'dqn': DqnConfig, 'dqfd': DqnConfig}
"""Name in a training configuration -> its values"""
