"""What a network sees of an observation: normalised, with lengths shown in more than one way."""

from collections.abc import Sequence
import math

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import ContractError
from ilw_learner.networks.normalizer import Normalizer


class Inputs(nn.Module):
    """
    Observations to network inputs; no parameters that learn.

    :param fourier: frequencies added for each length (names in ``_m``); 0 for none.
    :param near_m: lengths d are also seen as 1 / (d / near_m + 1); 0 for not.
    :param without: entries of the contract that it does not see: always at their mean. So are
        those that only judge.
    """

    def __init__(self, contract: Contract, spread: Normalizer, *, fourier: int = 0,
                 near_m: float = 0.0, without: Sequence[str] = ()) -> None:
        super().__init__()
        self.without = tuple(dict.fromkeys((*without, *contract.hidden)))
        if self.without:
            self.register_buffer('seen', torch.as_tensor(_seen(contract, self.without)))
        self.near_m, self.fourier = near_m, fourier
        for name, value in (('mean', spread.mean), ('scale', spread.scale),
                            ('octaves', 2.0 ** np.arange(fourier) * math.pi / 2.0)):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        lengths = [i for i, name in enumerate(contract.obs_names) if name.endswith('_m')]
        self.register_buffer('lengths', torch.as_tensor(lengths, dtype=torch.int64))
        far = [contract.obs_names[i] for i in lengths]
        self.names = (*contract.obs_names,
                      *(f'{wave} {k} of {name}' for wave in ('sin', 'cos') for name in far
                        for k in range(fourier)),
                      *(f'near {near_m:g} m of {name}' for name in far if near_m))
        """(I,) what each input of an observation is"""
        self.width = len(self.names)

    def normalise(self, obs: Tensor) -> Tensor:
        """Return ``(..., Do)`` observations with zero mean and unit spread."""
        if self.without:
            obs = torch.where(self.seen, obs, self.mean)
        return (obs - self.mean) / self.scale

    def expand(self, normalised: Tensor) -> Tensor:
        """Return ``(..., I)`` inputs for ``(..., Do)`` normalised observations."""
        if not self.fourier and not self.near_m:
            return normalised
        parts, length = [normalised], normalised[..., self.lengths]  # (..., L)
        if self.fourier:
            # Half a spread per unit keeps the lowest frequency within one period of the data.
            phase = 0.5 * length.unsqueeze(-1) * self.octaves  # (..., L, F)
            parts += [phase.sin().flatten(-2), phase.cos().flatten(-2)]
        if self.near_m:
            metres = (length * self.scale[self.lengths] + self.mean[self.lengths]).relu()
            parts.append(4.0 / (metres / self.near_m + 1.0))
        return torch.cat(parts, dim=-1)

    def forward(self, obs: Tensor) -> Tensor:
        """Return ``(..., I)`` inputs for ``(..., Do)`` observations in contract units."""
        return self.expand(self.normalise(obs))


def _seen(contract: Contract, without: Sequence[str]) -> np.ndarray:
    """Return which numbers of an observation are seen, ``(Do,)`` bool."""
    names = [source.name for source in contract.sources if not source.feature.is_image]
    unknown = [name for name in without if name not in names]
    if unknown or {*names} <= {*without}:
        raise ContractError(f'without must name some entries of the observation, not all: '
                            f'{", ".join(names)}. Got {shown(", ".join(without))}.')
    return np.array([source.name not in without for source in contract.sources
                     for _ in source.feature.names], dtype=bool)
