"""
Behaviour cloning: supervised learning of what the expert did.

D. A. Pomerleau, "ALVINN: An autonomous land vehicle in a neural network", NeurIPS 1988.

Differences from the paper: one multilayer perceptron for any observation; continuous actions by
Huber regression on normalised values, discrete ones by cross-entropy over the contract's choices.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract import Contract
from ilw_learner.normalizer import Normalizer
from ilw_learner.policies.inputs import Inputs


@dataclass(frozen=True)
class BcConfig:
    """Hyper-parameters; ``config/train/bc.yaml`` has the reasons."""

    hidden: int = 256
    """Units per layer"""
    layers: int = 2
    """Hidden layers"""
    history: int = 1
    """Observations the policy sees, To"""
    horizon: int = 1
    """Actions it gives at once, Ta"""
    fourier: int = 0
    """Frequencies added for each length (``*_m``); sharpens functions of a position. 0: none"""
    near_m: float = 0.0
    """Lengths d are also seen as 1 / (d / near_m + 1): what is close matters most. 0: not"""
    smoothing: float = 0.0
    """Probability taken from the label and shared by all choices (discrete actions only)"""
    huber: float = 1.0
    """Errors above this many spreads count linearly, so that few wrong labels pull less"""
    dropout: float = 0.0
    """Share of hidden units left out in training"""
    updates: int = 6000
    """Gradient steps"""
    batch: int = 256
    """Windows per step"""
    learning_rate: float = 1e-3
    """At the start; falls to zero along a cosine"""
    weight_decay: float = 1e-4
    """Decoupled, as in AdamW"""
    noise: float = 0.02
    """Standard deviation added to normalised inputs"""
    mirror: bool = False
    """Add the left-right reflection of every window"""
    average: float = 0.998
    """Decay of the weight average that is kept as the policy"""
    held_out_ratio: float = 0.1
    """Share of episodes never trained on"""
    candidates: int = 4
    """Checkpoints scored along the way"""
    eval_episodes: int = 30
    """Simulated episodes to score each one"""

    def __post_init__(self) -> None:
        if min(self.hidden, self.layers, self.history, self.horizon, self.updates, self.batch,
               self.candidates, self.eval_episodes) < 1:
            raise ValueError('hidden, layers, history, horizon, updates, batch, candidates and '
                             'eval_episodes must be at least 1.')
        if not (0.0 <= self.held_out_ratio < 1.0 and 0.0 <= self.average < 1.0
                and 0.0 <= self.dropout < 1.0 and self.learning_rate > 0.0):
            raise ValueError('held_out_ratio, average and dropout must be within [0, 1), '
                             'learning_rate above 0.')


class BehaviourCloning(nn.Module):
    """
    Observation windows in, action chunks out, both in the contract's units.

    :param generator_seed: the initial weights follow from it and from nothing else.
    """

    def __init__(self, contract: Contract, config: BcConfig, inputs: Normalizer,
                 actions: Normalizer, generator_seed: int = 0) -> None:
        super().__init__()
        self.config = config
        action = contract.action
        self.discrete, self.action_dim = len(action.discrete), action.dim
        self.inputs = Inputs(contract, inputs, fourier=config.fourier, near_m=config.near_m)
        for name, value in (
            ('act_mean', actions.mean), ('act_scale', actions.scale), ('act_low', action.low),
            ('act_high', action.high), ('table', action.table),
        ):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        outputs = config.horizon * (self.discrete or self.action_dim)
        sizes = [config.history * self.inputs.width] + [config.hidden] * config.layers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator_seed)
            blocks: list[nn.Module] = []
            for a, b in pairwise(sizes):
                blocks += [nn.Linear(a, b), nn.ReLU()]
                if config.dropout:
                    blocks.append(nn.Dropout(config.dropout))
            self.net = nn.Sequential(*blocks, nn.Linear(sizes[-1], outputs))

    def normalise(self, obs: Tensor) -> Tensor:
        """Return ``(B, To, Do)`` observations with zero mean and unit spread."""
        return self.inputs.normalise(obs)

    def head(self, normalised: Tensor) -> Tensor:
        """Return ``(B, Ta, K)`` logits or ``(B, Ta, Da)`` normalised actions."""
        out = self.net(self.inputs.expand(normalised).flatten(1))
        return out.reshape(out.shape[0], self.config.horizon, -1)  # (B, Ta, K or Da)

    def forward(self, obs: Tensor) -> Tensor:
        """Return the actions for ``(B, To, Do)`` observations, ``(B, Ta, Da)``, within limits."""
        out = self.head(self.normalise(obs))
        if self.discrete:
            return self.table[out.argmax(dim=-1)]
        action = out * self.act_scale + self.act_mean
        return torch.minimum(torch.maximum(action, self.act_low), self.act_high)

    def targets(self, actions: Tensor) -> Tensor:
        """Return what the head should give: ``(N, Ta)`` choices or ``(N, Ta, Da)`` numbers."""
        if not self.discrete:
            return (actions - self.act_mean) / self.act_scale
        span = self.act_high - self.act_low
        gap = (actions.unsqueeze(-2) - self.table) / span  # (N, Ta, K, Da)
        return gap.square().sum(-1).argmin(-1)

    def loss(self, normalised: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss over a batch, a scalar tensor."""
        out = self.head(normalised)
        if self.discrete:
            return nn.functional.cross_entropy(out.flatten(0, 1), targets.flatten(),
                                               label_smoothing=self.config.smoothing)
        return nn.functional.smooth_l1_loss(out, targets, beta=self.config.huber)
