"""
The chance that a policy reaches the goal from here, by a network.

Hoque et al. 2021 (arXiv 2109.08273), section IV-B: risk is 1 less that chance, Q.

Differences from the paper: the chance follows from what the policy sees alone, not from the action
too, as it is only asked about the action that it would do; it is learned by how the policy's own
drives ended (Monte Carlo, cross-entropy), not by temporal differences over what others drove.
"""

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_learner.checkpoint.export import traced, zeros
from ilw_learner.networks.image_encoder import ImageEncoder
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.training.options import training_math

_UNITS, _UPDATES, _BATCH = 64, 1000, 256
_NOISE = 0.1
"""On normalised inputs: a few dozen ends tell little about a place"""


class GoalChance(nn.Module):
    """``(B, To, Do)`` observations, and images of each camera, to ``(B, 1, 1)`` within [0, 1]."""

    def __init__(self, contract: Contract, spread: Normalizer, history: int) -> None:
        super().__init__()
        self._inputs, self._history = Inputs(contract, spread), history
        self._encoders = nn.ModuleList(ImageEncoder(source.feature.shape)
                                       for source in contract.images)
        seen = self._inputs.width + sum(int(each.width) for each in self._encoders)
        self._net = nn.Sequential(
            nn.Linear(history * seen, _UNITS), nn.ReLU(), nn.Linear(_UNITS, _UNITS), nn.ReLU(),
            nn.Linear(_UNITS, 1))

    def logits(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return ``(B,)``; the inputs are noisy while it trains."""
        normalised = self._inputs.normalise(obs)
        if self.training:
            normalised = normalised + _NOISE * torch.randn_like(normalised)
        parts = [self._inputs.expand(normalised).flatten(1)]
        parts += [encoder(each).reshape(-1, self._history * encoder.width)
                  for encoder, each in zip(self._encoders, images, strict=True)]
        found: Tensor = self._net(torch.cat(parts, dim=1))[:, 0]
        return found

    def forward(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return the chance."""
        return torch.sigmoid(self.logits(obs, *images)).reshape(-1, 1, 1)


@training_math()
def learn_chance(contract: Contract, obs: np.ndarray, images: dict[str, np.ndarray],
                 reached: np.ndarray, seed: int) -> bytes:
    """
    Return the graph of what was learned.

    :param obs: (N, To, Do); ``images``: name -> (N, To, H, W, C) uint8, in the contract's order.
    :param reached: (N,) whether the drive that it is of reached the goal.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spread = Normalizer.of_observations(obs, contract.obs_low, contract.obs_high)
        net = GoalChance(contract, spread, obs.shape[1]).train()
        optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.1)
        seen = [torch.as_tensor(each) for each in (obs, *images.values())]
        wanted = torch.as_tensor(reached, dtype=torch.float32)
        for _ in range(_UPDATES):
            rows = torch.randint(len(wanted), (min(_BATCH, len(wanted)),))
            loss = nn.functional.binary_cross_entropy_with_logits(
                net.logits(*(each[rows] for each in seen)), wanted[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return traced(net, zeros(contract, obs.shape[1]), ['observation', *images])
