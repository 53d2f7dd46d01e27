"""What LeRobot is told of a checkpoint of ILW: ``config.json`` of the policy ``ilw``."""

from dataclasses import dataclass, field

from lerobot.configs.policies import PreTrainedConfig

NO_TRAINING = 'A checkpoint of ILW is only driven by LeRobot. Train it with ./ilw train.'


@PreTrainedConfig.register_subclass('ilw')
@dataclass
class IlwConfig(PreTrainedConfig):
    """See ``./ilw lerobot checkpoint``, which writes it."""

    task: str = ''
    """Which of the checkpoint's tasks it does, where it learned several"""
    fps: float = 0.0
    """Rate that actions are for"""
    state_names: list[str] = field(default_factory=list)
    """What the numbers of ``observation.state`` are, in order"""
    action_names: list[str] = field(default_factory=list)
    """What the numbers of ``action`` are, in order and in the contract's units"""

    @property
    def observation_delta_indices(self) -> None:
        """Older observations are remembered by the policy."""

    @property
    def action_delta_indices(self) -> None:
        """Of training only."""

    @property
    def reward_delta_indices(self) -> None:
        """Of training only."""

    def validate_features(self) -> None:
        """They are those of the checkpoint."""

    def get_optimizer_preset(self) -> None:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(NO_TRAINING)

    def get_scheduler_preset(self) -> None:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(NO_TRAINING)
