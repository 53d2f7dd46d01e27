"""What behaviour cloning learns: its values, the policy, and the loss by the policy's outputs."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.action import nearest_choice
from ilw_core.contract.file import Contract
from ilw_learner.networks import fused_kernels
from ilw_learner.networks.carried_over import NamedEnds
from ilw_learner.networks.encoders import encoders_for
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training.imitation import ImitationConfig


@dataclass(frozen=True)
class BcConfig(ImitationConfig):
    """Hyper-parameters; ``config/train/bc.yaml`` has the reasons."""

    hidden: int = 256
    """Units per layer"""
    layers: int = 2
    """Hidden layers"""
    fourier: int = 0
    """Frequencies added for each length (``*_m``); sharpens functions of a position. 0: none"""
    near_m: float = 0.0
    """Lengths d are also seen as 1 / (d / near_m + 1): what is close matters most. 0: not"""
    smoothing: float = 0.0
    """Probability taken from the label and shared by all choices (discrete actions only)"""
    huber: float = 1.0
    """Errors above this many spreads count linearly, so that few wrong labels pull less"""
    noise: float = 0.05
    """Standard deviation added to normalised inputs"""
    without: str = ''
    """Entries of the observation that it does not see, separated by commas"""
    hint: float = 0.0
    """How much it counts to tell, from the images alone, what the contract hides"""
    fused: bool = True
    """The gradient by hand, in fused passes: the same numbers as autograd's in less time.
    With images it is autograd's anyhow"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.hidden, self.layers) < 1 or self.huber <= 0.0:
            raise ValueError('hidden and layers must be at least 1, huber above 0.')
        if self.hint < 0.0:
            raise ValueError('hint must be at least 0.')


class BehaviourCloning(ImitationPolicy):
    """
    One multilayer perceptron for any observation, behind an encoder for each camera.

    :param inputs: spread of the observations; ``actions``: of the actions.
    :param net: ``(B, To * I)`` inputs, and what the encoders make of the images, to
        ``(B, Ta * K)`` outputs; see ``cloning_sizes``.
    """

    def __init__(self, contract: Contract, config: BcConfig, inputs: Normalizer,
                 actions: Normalizer, net: nn.Module) -> None:
        super().__init__()
        self.config = config
        action = contract.action
        self.history, self.horizon = config.history, config.horizon
        self.discrete = len(action.discrete)
        self.inputs = Inputs(contract, inputs, fourier=config.fourier, near_m=config.near_m,
                             without=[name for name in config.without.split(',') if name])
        for name, value in (
            ('act_mean', actions.mean), ('act_scale', actions.scale), ('act_low', action.low),
            ('act_high', action.high), ('table', action.table),
        ):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self.net = net
        self.gives = tuple(action.discrete or action.names)
        self.cameras = tuple(source.name for source in contract.images)
        self.encoders = encoders_for(contract, config.encoder, shift_px=config.shift_px,
                                     colour=config.colour)
        hidden = [i for i, name in enumerate(contract.entry_names) if name in contract.hidden]
        self._hinted = torch.as_tensor(hidden) if (
            config.hint and self.encoders and hidden) else None
        self.hint = None if self._hinted is None else nn.Linear(
            sum(int(each.width) for each in self.encoders) * self.history, len(hidden))

    @property
    def ends(self) -> NamedEnds:
        """What goes into ``net`` and comes out of it."""
        ages = range(self.history - 1, -1, -1)
        seen = [f'{name}, {age} before' for age in ages for name in self.inputs.names]
        seen += [f'{camera}[{k}], {age} before' for camera, encoder in zip(
            self.cameras, self.encoders, strict=True) for age in ages
            for k in range(int(encoder.width))]
        return NamedEnds(tuple(seen), tuple(
            f'{name}, {ahead} ahead' for ahead in range(self.horizon) for name in self.gives))

    def act(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return the actions for ``(B, To, Do)`` observations, ``(B, Ta, Da)``, within limits."""
        out = self.outputs(obs, *images)
        out = out.reshape(out.shape[0], self.horizon, -1)  # (B, Ta, K or Da)
        if self.discrete:
            return self.table[out.argmax(dim=-1)]
        action = out * self.act_scale + self.act_mean
        return torch.minimum(torch.maximum(action, self.act_low), self.act_high)

    def outputs(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return what the loss compares with ``targets``, ``(B, Ta * K)``."""
        out: Tensor = self.net(self._joined(self.inputs(obs), images))
        return out

    def curvature(self, out: Tensor) -> Tensor:
        """
        Return ``(J, Ta * K)`` vectors whose outer products add up to the loss's curvature.

        :param out: ``(Ta * K,)`` outputs for one observation.
        """
        if not self.discrete:  # that of the Huber loss where errors are small
            return torch.eye(len(out), device=out.device) * (self.config.huber * len(out)) ** -0.5
        chance = out.reshape(self.horizon, -1).softmax(1)  # (Ta, K)
        away = torch.eye(self.discrete, device=out.device) - chance.unsqueeze(1)  # (Ta, K, K)
        away = away * (chance / self.horizon).sqrt().unsqueeze(2)
        return torch.block_diag(*away)

    def _joined(self, inputs: Tensor, images: tuple[Tensor, ...]) -> Tensor:
        """Return ``(B, ...)`` of ``(B, To, I)`` inputs and ``(B, To, H, W, C)`` images."""
        if not images:
            return inputs.flatten(1)
        parts = self._encoded(images)
        if self.inputs.width:  # else there are images only
            parts.insert(0, inputs.flatten(1))
        return torch.cat(parts, dim=1)

    def _encoded(self, images: tuple[Tensor, ...]) -> list[Tensor]:
        """Return what each encoder makes of ``(B, To, H, W, C)`` images, ``(B, To * E)``."""
        return [encoder(each).reshape(-1, self.history * encoder.width)
                for encoder, each in zip(self.encoders, images, strict=True)]

    def loss(self, obs: Tensor, actions: Tensor, *images: Tensor,
             weights: Tensor | None = None) -> Tensor:
        """
        Return the mean loss, times the weights (B,); inputs are noisy while it trains.

        Then what the contract hides is to be told from the images, too, if ``hint`` says so (an
        auxiliary task, as the object's pose in Levine et al. 2016, section 5.2).
        """
        normalised = self.inputs.normalise(obs)
        if self.training and self.config.noise:
            normalised = normalised + self.config.noise * torch.randn_like(normalised)
        inputs = self.inputs.expand(normalised).flatten(1)
        encoded = self._encoded(images)
        out = self.net(torch.cat([inputs, *encoded], dim=1) if encoded else inputs)
        loss = self.output_loss(out, self.targets(actions), weights)
        if self.hint is None or not self.training:
            return loss
        told = (obs - self.inputs.mean) / self.inputs.scale
        off = self.hint(torch.cat(encoded, dim=1)) - told[:, -1, self._hinted]
        return loss + self.config.hint * off.square().mean()

    def targets(self, actions: Tensor) -> Tensor:
        """Return what the net should give: ``(N, Ta)`` choices or ``(N, Ta * Da)`` numbers."""
        if not self.discrete:
            return ((actions - self.act_mean) / self.act_scale).flatten(1)
        chosen: Tensor = nearest_choice(actions, self.table, self.act_high - self.act_low)
        return chosen

    def output_loss(self, out: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of ``(B, Ta * K)`` outputs, times the weights (B,), a scalar."""
        kind = 'mean' if weights is None else 'none'
        loss = nn.functional.cross_entropy(
            out.reshape(-1, self.discrete), targets.flatten(), reduction=kind,
            label_smoothing=self.config.smoothing,
        ) if self.discrete else nn.functional.smooth_l1_loss(
            out, targets, beta=self.config.huber, reduction=kind)
        return loss if weights is None else (loss.view(len(weights), -1) * weights[:, None]).mean()

    def slope(self, out: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the derivative of ``output_loss`` by the outputs, ``(B, Ta * K)``."""
        slope = self._slope(out, targets)
        return slope if weights is None else slope.mul_(weights[:, None])

    def _slope(self, out: Tensor, targets: Tensor) -> Tensor:
        if not self.discrete:
            huber = self.config.huber
            if not out.is_cuda:
                slope = torch.empty_like(out)
                fused_kernels.huber_slope(out.numpy(), targets.numpy(), np.float32(huber),
                                        slope.numpy())
                return slope
            return (out - targets).clamp_(-huber, huber).mul_(1.0 / (huber * out.numel()))
        smoothing, logits = self.config.smoothing, out.reshape(-1, self.discrete)
        slope = logits.softmax(1).sub_(smoothing / self.discrete)
        rows = torch.arange(len(slope), device=out.device)
        slope[rows, targets.flatten()] -= 1.0 - smoothing
        return slope.mul_(1.0 / len(slope)).reshape(out.shape)


def cloning_sizes(contract: Contract, config: BcConfig, inputs: Inputs,
                  encoded: int = 0) -> list[int]:
    """
    Return the units of input, hidden layers and output.

    :param encoded: numbers that the encoders make of the images of one observation.
    """
    outputs = config.horizon * (len(contract.action.discrete) or contract.action.dim)
    return [config.history * (inputs.width + encoded), *[config.hidden] * config.layers, outputs]
