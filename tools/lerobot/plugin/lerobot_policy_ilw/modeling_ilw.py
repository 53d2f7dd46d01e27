"""A checkpoint of ILW as a policy of LeRobot: ILW's own runner for each environment of a batch."""

from pathlib import Path
from typing import Any

from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.pretrained import PreTrainedPolicy
from lerobot.utils.constants import OBS_STATE
import numpy as np
import torch
from torch import Tensor

from ilw_core.align import Observation
from ilw_data.lerobot.layout import IMAGES, shown_and_hidden
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.runtime.runner import PolicyRunner
from lerobot_policy_ilw.configuration_ilw import NO_TRAINING, IlwConfig

CHECKPOINT = 'checkpoint'
"""Folder beside ``config.json``"""


class IlwPolicy(PreTrainedPolicy):
    """
    Acts as ILW's evaluation does: it remembers what it saw, and drives chunks as its card says.

    :param folder: what ``./ilw lerobot checkpoint`` wrote [``config.pretrained_path``].
    :raises ValueError: there is none: weights that nobody trained are no policy of ILW.
    """

    config_class = IlwConfig
    name = 'ilw'

    def __init__(self, config: IlwConfig, folder: Path | None = None, **_: Any) -> None:
        super().__init__(config)
        if (folder := folder or config.pretrained_path) is None:
            raise ValueError('The policy ilw must have a folder of ./ilw lerobot checkpoint. Got '
                             'none. Name it: --policy.path=FOLDER.')
        path = Path(folder) / CHECKPOINT
        found = load_checkpoint(path)
        contract = found.doing(config.task).contract if config.task else found.contract
        self._first = PolicyRunner(path, contract)
        self._contract, self._shown = contract, shown_and_hidden(contract)[0]
        self._valid = np.isin(np.arange(contract.obs_dim), self._shown)
        self.reset()

    @classmethod
    def from_pretrained(cls, pretrained_name_or_path: str | Path, *,
                        config: IlwConfig | None = None, **_: Any) -> 'IlwPolicy':
        """Load a folder of this machine."""
        folder = Path(pretrained_name_or_path)
        return cls(config or PreTrainedConfig.from_pretrained(folder), folder).eval()

    def reset(self) -> None:
        """Forget what was seen and what is driven, as at the start of an episode."""
        self._runners: list[PolicyRunner] = []

    @torch.no_grad()
    def select_action(self, batch: dict[str, Tensor], **_: Any) -> Tensor:
        """Return the action of this tick, ``(B, Da)`` in the contract's units."""
        return self._answers(batch, PolicyRunner.drive)

    @torch.no_grad()
    def predict_action_chunk(self, batch: dict[str, Tensor], **_: Any) -> Tensor:
        """Return the actions from this tick on, ``(B, Ta, Da)`` in the contract's units."""
        return self._answers(batch, PolicyRunner.act)

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Any] | None]:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(NO_TRAINING)

    def get_optim_params(self) -> dict[str, Any]:
        """:raises NotImplementedError: always."""
        raise NotImplementedError(NO_TRAINING)

    def _answers(self, batch: dict[str, Tensor], ask: Any) -> Tensor:
        """:raises RuntimeError: the policy has no action for what is seen; says why."""
        seen = self._observations(batch)
        if not self._runners:
            self._runners = [self._first.doing(self.config.task) for _ in seen]
        if len(seen) != len(self._runners):
            raise ValueError(f'A batch must hold {len(self._runners)} environments, as the first '
                             f'since the reset. Got {len(seen)}. Call reset() between them.')
        answers = []
        for runner, each in zip(self._runners, seen, strict=True):
            runner.observe(each)
            action, why = ask(runner)
            if action is None:
                raise RuntimeError(f'The policy has no action for this observation: {why}.')
            answers.append(action)
        return torch.from_numpy(np.stack(answers).astype(np.float32)).to(self.config.device)

    def _observations(self, batch: dict[str, Tensor]) -> list[Observation]:
        """Return what each environment of a batch shows, as an export names it."""
        columns = {}
        for key, wanted in self.config.input_features.items():
            if key not in batch or tuple(batch[key].shape[1:]) != tuple(wanted.shape):
                got = tuple(batch[key].shape) if key in batch else 'nothing'
                raise ValueError(f'{key} must be (B, {", ".join(map(str, wanted.shape))}), as the '
                                 f'contract {self._contract.name} observes it. Got {got}.')
            columns[key] = batch[key].cpu().numpy()
        count = len(next(iter(columns.values())))
        values = np.zeros((count, self._contract.obs_dim), dtype=np.float32)
        if OBS_STATE in columns:
            values[:, self._shown] = columns[OBS_STATE]
        images = {
            source.name: np.round(columns[f'{IMAGES}{source.name}'] * 255.0).astype(
                np.uint8).transpose(0, 2, 3, 1)[..., :source.feature.shape[2]]
            for source in self._contract.images}
        return [Observation(0, values[i], self._valid, 0,
                            {name: each[i] for name, each in images.items()})
                for i in range(count)]
