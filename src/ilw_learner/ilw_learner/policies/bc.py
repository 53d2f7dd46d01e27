"""
Behaviour cloning: supervised learning of what the expert did.

D. A. Pomerleau, "ALVINN: An autonomous land vehicle in a neural network", NeurIPS 1988.

Differences from the paper: one multilayer perceptron for any observation; continuous actions by
Huber regression on normalised values, discrete ones by cross-entropy over the contract's choices.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_learner.data.normalizer import Normalizer
from ilw_learner.policies import cpu_kernels
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
                and self.learning_rate > 0.0 and self.huber > 0.0):
            raise ValueError('held_out_ratio and average must be within [0, 1), learning_rate '
                             'and huber above 0.')


class BehaviourCloning(nn.Module):
    """
    Observation windows in, action chunks out, both in the contract's units.

    :param net: ``(B, To * I)`` inputs to ``(B, Ta * K)`` outputs; see ``cloning_sizes``.
    """

    def __init__(self, contract: Contract, config: BcConfig, inputs: Normalizer,
                 actions: Normalizer, net: nn.Module) -> None:
        super().__init__()
        self.config = config
        action = contract.action
        self.discrete = len(action.discrete)
        self.inputs = Inputs(contract, inputs, fourier=config.fourier, near_m=config.near_m)
        for name, value in (
            ('act_mean', actions.mean), ('act_scale', actions.scale), ('act_low', action.low),
            ('act_high', action.high), ('table', action.table),
        ):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self.net = net

    def forward(self, obs: Tensor) -> Tensor:
        """Return the actions for ``(B, To, Do)`` observations, ``(B, Ta, Da)``, within limits."""
        out = self.net(self.inputs(obs).flatten(1))
        out = out.reshape(out.shape[0], self.config.horizon, -1)  # (B, Ta, K or Da)
        if self.discrete:
            return self.table[out.argmax(dim=-1)]
        action = out * self.act_scale + self.act_mean
        return torch.minimum(torch.maximum(action, self.act_low), self.act_high)

    def targets(self, actions: Tensor) -> Tensor:
        """Return what the net should give: ``(N, Ta)`` choices or ``(N, Ta * Da)`` numbers."""
        if not self.discrete:
            return ((actions - self.act_mean) / self.act_scale).flatten(1)
        span = self.act_high - self.act_low
        gap = (actions.unsqueeze(-2) - self.table) / span  # (N, Ta, K, Da)
        return gap.square().sum(-1).argmin(-1)

    def loss(self, out: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of ``(B, Ta * K)`` outputs, a scalar tensor."""
        if self.discrete:
            return nn.functional.cross_entropy(
                out.reshape(-1, self.discrete), targets.flatten(),
                label_smoothing=self.config.smoothing)
        return nn.functional.smooth_l1_loss(out, targets, beta=self.config.huber)

    def slope(self, out: Tensor, targets: Tensor) -> Tensor:
        """Return the derivative of ``loss`` by the outputs, ``(B, Ta * K)``."""
        if not self.discrete:
            huber = self.config.huber
            if not out.is_cuda:
                slope = torch.empty_like(out)
                cpu_kernels.huber_slope(out.numpy(), targets.numpy(), np.float32(huber),
                                        slope.numpy())
                return slope
            return (out - targets).clamp_(-huber, huber).mul_(1.0 / (huber * out.numel()))
        smoothing, logits = self.config.smoothing, out.reshape(-1, self.discrete)
        slope = logits.softmax(1).sub_(smoothing / self.discrete)
        rows = torch.arange(len(slope), device=out.device)
        slope[rows, targets.flatten()] -= 1.0 - smoothing
        return slope.mul_(1.0 / len(slope)).reshape(out.shape)


def cloning_sizes(contract: Contract, config: BcConfig, inputs: Inputs) -> list[int]:
    """Return the units of input, hidden layers and output."""
    outputs = config.horizon * (len(contract.action.discrete) or contract.action.dim)
    return [config.history * inputs.width, *[config.hidden] * config.layers, outputs]
