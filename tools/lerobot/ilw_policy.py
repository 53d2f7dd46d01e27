"""
A checkpoint of ILW as a folder that LeRobot loads a policy from.

``side.py`` calls it, in the environment of LeRobot 0.4.4.
"""

import os
from pathlib import Path
import tempfile
from typing import Any

from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.factory import get_policy_class, make_pre_post_processors
from lerobot.utils.constants import ACTION, OBS_STATE
from lerobot_policy_ilw import IlwConfig


def completed(root: Path, shapes: dict[str, list[int]], config: dict[str, Any]) -> tuple:
    """
    Write what LeRobot reads beside the checkpoint; return policy and processors as it loads them.

    :param shapes: of each feature, without the batch; ``action`` among them.
    """
    tempfile.tempdir = os.environ['HF_HOME']  # LeRobot leaves copies of its configuration there
    kinds = {OBS_STATE: FeatureType.STATE, ACTION: FeatureType.ACTION}
    features = {key: PolicyFeature(kinds.get(key, FeatureType.VISUAL), tuple(shape))
                for key, shape in shapes.items()}
    told = IlwConfig(output_features={ACTION: features.pop(ACTION)}, input_features=features,
                     device='cpu', push_to_hub=False, **config)
    told.save_pretrained(root)
    for each in make_pre_post_processors(told):
        each.save_pretrained(root)
    policy = get_policy_class('ilw').from_pretrained(root)
    return policy, *make_pre_post_processors(policy.config, str(root))
