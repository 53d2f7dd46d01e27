"""Every algorithm by name."""

from ilw_learner.policies.bc import BcConfig, BehaviourCloning

POLICIES = {'bc': (BehaviourCloning, BcConfig)}
"""Name in a training configuration -> (policy, its configuration)"""
