"""Actions as a network gives them: normalised numbers, or a number per choice of the contract."""

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.action import nearest_choice
from ilw_core.contract.file import Contract
from ilw_learner.networks.normalizer import Normalizer


class ActionCode(nn.Module):
    """
    Actions in contract units to codes of unit spread, and back within the limits.

    :param spread: of the actions; of a contract with named actions it is not used.
    """

    def __init__(self, contract: Contract, spread: Normalizer) -> None:
        super().__init__()
        action = contract.action
        self.discrete = len(action.discrete)
        self.width = self.discrete or action.dim
        """Numbers per action, K"""
        for name, value in (('mean', spread.mean), ('scale', spread.scale), ('low', action.low),
                            ('high', action.high), ('table', action.table)):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self.register_buffer('choices', torch.arange(self.discrete))

    def encode(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """
        Return ``(B, Ta, K)`` codes, 0 where no action is, and ``(B, Ta)`` where one is.

        :param actions: ``(B, Ta, Da)``; NaN is no action.
        """
        known = actions.isfinite().all(dim=-1)
        code = self.numbers(torch.where(known.unsqueeze(-1), actions, self.mean))
        return code * known.unsqueeze(-1), known

    def numbers(self, actions: Tensor) -> Tensor:
        """Return ``(B, Ta, K)`` codes for ``(B, Ta, Da)`` actions, none of which is missing."""
        if not self.discrete:
            return (actions - self.mean) / self.scale
        chosen = nearest_choice(actions, self.table, self.high - self.low)
        return 2.0 * (chosen.unsqueeze(-1) == self.choices).float() - 1.0

    def decode(self, code: Tensor) -> Tensor:
        """Return ``(B, Ta, Da)`` actions within the contract's limits for ``(B, Ta, K)`` codes."""
        if self.discrete:
            return self.table[code.argmax(dim=-1)]
        action = code * self.scale + self.mean
        return torch.minimum(torch.maximum(action, self.low), self.high)


def known_spread(actions: np.ndarray, contract: Contract) -> Normalizer:
    """Return the spread of ``(N, Ta, Da)`` actions, of which some are NaN: not there."""
    known = actions[np.isfinite(actions).all(axis=-1)]
    return Normalizer.of_actions(known, contract.action.low, contract.action.high)


def held_first(code: Tensor, most: int) -> Tensor:
    """Return which of ``(B, Ta, K)`` codes to go on from, ``(B, Ta, 1)``: the first 0 to most."""
    counts = torch.randint(0, most + 1, (len(code), 1), device=code.device)
    return (torch.arange(code.shape[1], device=code.device) < counts).unsqueeze(-1)


def masked_mean(loss: Tensor, known: Tensor, weights: Tensor | None = None) -> Tensor:
    """
    Return the mean of ``(B, Ta, K)`` losses over the actions that are there.

    :param known: ``(B, Ta)``; ``weights``: (B,) of the windows.
    """
    counts = known.float() if weights is None else known * weights.unsqueeze(1)
    return (loss.mean(dim=-1) * counts).sum() / known.sum().clamp(min=1)
