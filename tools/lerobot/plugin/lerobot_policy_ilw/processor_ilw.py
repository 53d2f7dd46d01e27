"""What LeRobot does before and after the policy ``ilw``: its graph scales."""

from typing import Any

from lerobot.processor import (
    AddBatchDimensionProcessorStep,
    DeviceProcessorStep,
    PolicyProcessorPipeline,
    RenameObservationsProcessorStep,
)
from lerobot.processor.converters import (
    policy_action_to_transition,
    transition_to_policy_action,
)
from lerobot.utils.constants import POLICY_POSTPROCESSOR_DEFAULT_NAME as AFTER
from lerobot.utils.constants import POLICY_PREPROCESSOR_DEFAULT_NAME as BEFORE

from lerobot_policy_ilw.configuration_ilw import IlwConfig


def make_ilw_pre_post_processors(
        config: IlwConfig, dataset_stats: Any = None) -> tuple[Any, Any]:
    """Return both pipelines; statistics of a data set are not used."""
    before = PolicyProcessorPipeline(name=BEFORE, steps=[
        RenameObservationsProcessorStep(rename_map={}), AddBatchDimensionProcessorStep(),
        DeviceProcessorStep(device=config.device)])
    after = PolicyProcessorPipeline(
        name=AFTER, steps=[DeviceProcessorStep(device='cpu')],
        to_transition=policy_action_to_transition, to_output=transition_to_policy_action)
    return before, after
