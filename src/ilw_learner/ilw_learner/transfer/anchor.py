"""
Hold each weight to where it was, the more the more an old task depends on it.

J. Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017 (arXiv
1612.00796), equation 3: elastic weight consolidation. Differences from the paper: one penalty
around the newest weights, whose Fisher matrix is measured anew on the demonstrations of all tasks
before, instead of one penalty for each of them.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ilw_data.episode.dataset import Dataset
from ilw_learner.data.window_images import images_of
from ilw_learner.networks.fisher import diagonal_fisher
from ilw_learner.networks.network import Parameters

_WINDOWS = 1000
"""Observations that the Fisher matrix is measured on; drawn from the old ones"""


@dataclass(frozen=True)
class Anchor:
    """A quadratic penalty: half of ``strength`` times what the old loss rises, to second order."""

    weights: Tensor
    """(P,) what it holds to"""
    fisher: Tensor
    """(P,) how much the old task depends on each"""
    strength: float

    def pull(self, parameters: Parameters) -> None:
        """Add the gradient of the penalty to that of a network, in place."""
        away = parameters.flat - self.weights
        parameters.grad.add_(away.mul_(self.fisher), alpha=self.strength)

    def penalty(self, parameters: Parameters) -> float:
        """Return the penalty; waits for the device."""
        away = parameters.flat - self.weights
        return 0.5 * self.strength * float((self.fisher * away.square()).sum())


class _Begun(Protocol):
    """A training that has made no update yet; see ``imitation.Step``."""

    parameters: Parameters

    def policy(self, flat: Tensor) -> Any: ...

    def flatten(self, policy: Any) -> Tensor: ...


def anchored(step: _Begun, old: Dataset, strength: float, rng: torch.Generator) -> Anchor:
    """
    Return what holds a training to the weights that it begins with.

    :param old: windows of the tasks before, in the numbers of the new contract; of their actions
        nothing is needed.
    :param rng: draws the windows that are looked at, on the CPU.
    """
    weights = step.parameters.flat.clone()
    policy = step.policy(weights)
    rows = torch.randperm(len(old.obs), generator=rng)[:_WINDOWS]
    seen = [torch.from_numpy(old.obs)[rows]]
    if (images := images_of([old], torch.device('cpu'))) is not None:
        seen += images.of(rows)
    fisher = diagonal_fisher(policy, *seen)
    with torch.no_grad():
        for name, value in policy.named_parameters():
            value.copy_(fisher[name])
    return Anchor(weights, step.flatten(policy), strength)
