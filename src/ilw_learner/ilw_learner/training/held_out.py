"""How far a policy is from demonstrations that it did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
import torch
from torch import Tensor

from ilw_core.contract.file import Contract
from ilw_data.episode.dataset import Dataset
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks.policy import ImitationPolicy

_PART = 64
"""Windows with images that are judged at once"""


@dataclass(frozen=True)
class HeldOutError:
    """
    The error on held-out windows, beside that of repeating the last command.

    A checkpoint's card and ``training.json`` have it under these names. Errors are by action
    value, in its own unit, over the windows that have a last command; NaN when there are none.
    """

    loss: float
    """The algorithm's own; infinite when nothing was held out"""
    windows: int
    mae: dict[str, float]
    """Mean absolute error"""
    rmse: dict[str, float]
    """Root mean square error"""
    mae_last_command: dict[str, float]
    rmse_last_command: dict[str, float]

    def lines(self, contract: Contract) -> list[str]:
        """Return it for a person, a line per action value."""
        if not self.windows:
            return ['No held-out error: it takes two episodes or more.']
        return [f'{name} [{unit}], held-out: mean error {self.mae[name]:.4f} (repeating the last '
                f'command {self.mae_last_command[name]:.4f}), root mean square '
                f'{self.rmse[name]:.4f} ({self.rmse_last_command[name]:.4f})'
                for name, unit in zip(contract.action.names, contract.action.units, strict=True)]


def held_out_error(policy: ImitationPolicy, data: Dataset, names: Sequence[str]) -> HeldOutError:
    """
    Return how far a policy is from windows that were held out.

    :param data: those windows; may be none.
    :param names: of the action's ``Da`` values.
    """
    known = np.isfinite(data.previous).all(axis=1)
    if not known.any():
        nothing = dict.fromkeys(names, math.nan)
        return HeldOutError(math.inf, 0, nothing, nothing, nothing, nothing)
    obs, actions = torch.as_tensor(data.obs), torch.as_tensor(data.actions)
    with torch.no_grad():
        if data.frames is None:
            loss, acted = float(policy.loss(obs, actions)), policy(obs)
        else:
            loss, acted = _by_parts(policy, obs, actions, WindowImages(
                data.images, data.frames, torch.device('cpu')))
    off = (acted - actions)[:, 0].numpy()[known]
    last = (data.previous - data.actions[:, 0])[known]

    def named(values: np.ndarray) -> dict[str, float]:
        return {n: float(v) for n, v in zip(names, values, strict=True)}

    return HeldOutError(
        loss=loss, windows=len(data.obs),
        mae=named(np.abs(off).mean(axis=0)),
        rmse=named(np.sqrt(np.square(off).mean(axis=0))),
        mae_last_command=named(np.abs(last).mean(axis=0)),
        rmse_last_command=named(np.sqrt(np.square(last).mean(axis=0))))


def _by_parts(policy: ImitationPolicy, obs: Tensor, actions: Tensor,
              images: WindowImages) -> tuple[float, Tensor]:
    """Return mean loss and actions (N, Ta, Da); images take too much memory all at once."""
    total, acted = 0.0, []
    for rows in torch.arange(len(obs)).split(_PART):
        seen = images.of(rows)
        total += float(policy.loss(obs[rows], actions[rows], *seen)) * len(rows)
        acted.append(policy(obs[rows], *seen))
    return total / len(obs), torch.cat(acted)
