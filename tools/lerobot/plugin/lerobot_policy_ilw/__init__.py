"""Checkpoints of ILW as policies of LeRobot 0.4.4, for its evaluation: a plugin of LeRobot."""

from lerobot_policy_ilw.configuration_ilw import IlwConfig as IlwConfig
