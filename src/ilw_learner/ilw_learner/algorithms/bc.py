"""
Behaviour cloning: supervised learning of what the expert did.

D. A. Pomerleau, "ALVINN: An autonomous land vehicle in a neural network", NeurIPS 1988.

Differences from the paper: one multilayer perceptron for any observation, with an encoder of
convolutions before it for each camera; continuous actions by
Huber regression on normalised values, discrete ones by cross-entropy over the contract's choices.
"""

from collections.abc import Callable
import copy
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
import torch
from torch import Tensor, nn

from ilw_core.contract.action import nearest_choice
from ilw_core.contract.by_name import same_observed
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks import fused_kernels
from ilw_learner.networks.carried_over import (
    NamedEnds,
    carried_spread,
    carry_over,
    perceptron_of,
    what_is_carried,
)
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.image_encoder import ImageEncoder
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.network import Parameters
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training.from_demonstrations import imitate
from ilw_learner.training.imitation import AutogradStep, ImitationConfig, MakeStep, Step
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.own_random import OwnRandom
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


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
    fused: bool = True
    """The gradient by hand, in fused passes: the same numbers as autograd's in less time.
    With images it is autograd's anyhow"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.hidden, self.layers) < 1 or self.huber <= 0.0:
            raise ValueError('hidden and layers must be at least 1, huber above 0.')


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
        self.encoders = nn.ModuleList(
            ImageEncoder(source.feature.shape) for source in contract.images)

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
        parts = [encoder(each).reshape(-1, self.history * encoder.width)
                 for encoder, each in zip(self.encoders, images, strict=True)]
        if self.inputs.width:  # else there are images only
            parts.insert(0, inputs.flatten(1))
        return torch.cat(parts, dim=1)

    def loss(self, obs: Tensor, actions: Tensor, *images: Tensor,
             weights: Tensor | None = None) -> Tensor:
        """Return the mean loss, times the weights (B,); inputs are noisy while it trains."""
        normalised = self.inputs.normalise(obs)
        if self.training and self.config.noise:
            normalised = normalised + self.config.noise * torch.randn_like(normalised)
        out = self.net(self._joined(self.inputs.expand(normalised), images))
        return self.output_loss(out, self.targets(actions), weights)

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


class FusedStep:
    """
    The gradient of ``BehaviourCloning`` by hand, for a perceptron whose parameters are one vector.

    :param obs: ``(N, To, Do)``; ``actions``: ``(N, Ta, Da)``; contract units.
    :param rng: of the noise on the inputs.
    :param weights: (N,) of the windows; ``None``: all alike.
    """

    def __init__(self, policy: BehaviourCloning, network: FusedMlp, obs: np.ndarray,
                 actions: np.ndarray, device: torch.device, rng: torch.Generator,
                 weights: np.ndarray | None = None) -> None:
        self._policy, self.network, self._rng = policy.to(device), network, rng
        self.parameters: Parameters = network
        self._obs = policy.inputs.normalise(torch.as_tensor(obs, device=device))
        if not policy.config.noise:  # nothing changes from one pass to the next
            self._obs = policy.inputs.expand(self._obs).flatten(1)
        self._obs = self._obs.contiguous()
        self._targets = policy.targets(torch.as_tensor(actions, device=device))
        self._weights = None if weights is None else torch.as_tensor(weights, device=device)
        self._newest = self._obs[:0], self._targets[:0], self._weights
        """Outputs, what was wanted, and how much that counts"""

    def update(self, rows: Tensor) -> None:
        """Fill the gradient, all on the device."""
        policy = self._policy
        inputs, targets = self._obs.index_select(0, rows), self._targets.index_select(0, rows)
        if policy.config.noise:
            noise = torch.randn(inputs.shape, generator=self._rng, device=inputs.device)
            inputs = policy.inputs.expand(inputs.add_(noise, alpha=policy.config.noise))
            inputs = inputs.flatten(1)
        out = self.network.forward(inputs)
        weights = None if self._weights is None else self._weights.index_select(0, rows)
        self.network.backward(inputs, policy.slope(out, targets, weights))
        self._newest = out, targets, weights

    def loss(self) -> float:
        """Return the loss of the newest batch."""
        return float(self._policy.output_loss(*self._newest))

    def policy(self, flat: Tensor) -> BehaviourCloning:
        """Return the policy with other parameters."""
        policy = copy.deepcopy(self._policy).cpu()
        policy.net = self.network.module(flat)
        return policy.eval()

    def flatten(self, policy: BehaviourCloning) -> Tensor:
        """Return the parameters of a policy as ``parameters.flat`` has them."""
        made = FusedMlp(self.network.sizes, torch.Generator(), self.network.flat.device)
        made.take(policy.net)
        return made.flat

    def state(self) -> dict[str, Tensor]:
        """Return nothing: the noise is drawn with the trainer's generator."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``."""


class Learned:
    """
    What a checkpoint of ``bc`` has learned, to begin with.

    :raises CheckpointError: it is of another algorithm, or not what ``bc`` writes.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        contract, card = checkpoint.contract, checkpoint.card
        if card.get('algorithm') != 'bc':
            raise CheckpointError(f'{checkpoint.path} must be a checkpoint of bc to begin with. '
                                  f'Got {shown(card.get("algorithm"))}.')
        try:
            self._weights = from_safetensors(checkpoint.weights())
            net = perceptron_of({
                name.removeprefix('net.'): values for name, values in self._weights.items()
                if name.startswith('net.')})
            layers = [each for each in net if isinstance(each, nn.Linear)]
            if card['network']['layers'] != len(layers) - 1:
                raise ValueError(f'{len(layers)} layers')
            config = BcConfig(
                hidden=card['network']['hidden'], layers=len(layers) - 1,
                fourier=len(self._weights['inputs.octaves']), history=checkpoint.history,
                horizon=checkpoint.horizon, near_m=float(card['network']['near_m']),
                without=str(card['network'].get('without', '')))
            self._policy = BehaviourCloning(
                contract, config, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                Normalizer.of_bounds(contract.action.low, contract.action.high), nn.Identity())
            self._policy.net = net
            encoded = sum(int(each.width) for each in self._policy.encoders)
            sizes = cloning_sizes(contract, config, self._policy.inputs, encoded)
            given = [layers[0].in_features, *(each.out_features for each in layers)]
            if given != sizes:
                raise ValueError(f'{given} units, not {sizes}')
            self._policy.load_state_dict(self._weights)
        except (LookupError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f'{checkpoint.path} holds other weights than bc has for its '
                                  f'contract and values. Train it again.') from error
        self.contract = contract

    def spread(self, fitted: Normalizer, contract: Contract) -> Normalizer:
        """Return the spread of observations to go on with."""
        return carried_spread(fitted, contract.obs_names, self._weights, 'inputs.',
                              self._obs_names(contract))

    def action_spread(self, fitted: Normalizer, contract: Contract) -> Normalizer:
        """Return the spread of actions to go on with."""
        return carried_spread(fitted, contract.action.names, self._weights, 'act_',
                              self.contract.action.names)

    def give(self, policy: BehaviourCloning, network: FusedMlp, contract: Contract) -> None:
        """Let a policy that is not trained yet, and its network, begin with it."""
        net = network.module()
        carry_over(net, policy.ends, self._policy.net.state_dict(), self._policy.ends.without(
            self._only_called_alike(contract)))
        network.take(net)
        known = dict(zip(self._policy.cameras, self._policy.encoders, strict=True))
        for camera, encoder in zip(policy.cameras, policy.encoders, strict=True):
            if camera in known:  # convolutions fit images of any size of as many channels
                own = {name: values for name, values in known[camera].state_dict().items()
                       if name in dict(encoder.named_parameters())
                       and values.shape == encoder.get_parameter(name).shape}
                encoder.load_state_dict(own, strict=False)

    def told(self, policy: BehaviourCloning, contract: Contract) -> str:
        """Return what of it goes on in a policy, for a person."""
        parts = [what_is_carried(contract.obs_names, self._obs_names(contract), 'observations')]
        made = self._policy.inputs.names[self.contract.obs_dim:]
        if lost := sum(name not in policy.inputs.names for name in made):
            parts.append(f'{lost} of {len(made)} inputs made of lengths end, so it begins a '
                         f'little worse: set fourier and near_m alike in config/train')
        if policy.cameras or self._policy.cameras:
            parts.append(what_is_carried(policy.cameras, self._policy.cameras, 'cameras'))
        kind = 'choices' if policy.discrete else 'actions'
        parts.append(what_is_carried(policy.gives, self._policy.gives, kind))
        return f'Begins with {self.contract.name}: {". ".join(parts)}.'

    def _only_called_alike(self, contract: Contract) -> set[str]:
        """Return names that both contracts have, of things that are not the same."""
        return {name for name, place in zip(contract.obs_names,
                                            same_observed(contract, self.contract), strict=True)
                if place < 0}

    def _obs_names(self, contract: Contract) -> tuple[str, ...]:
        """Return its (Do,) names; empty where a contract means something else by one."""
        other = self._only_called_alike(contract)
        return tuple('' if name in other else name for name in self.contract.obs_names)


def cloning_step(contract: Contract, config: BcConfig, seed: int, begin: Learned | None = None,
                 say: Callable[[str], None] = lambda text: None) -> MakeStep:
    """
    Return what makes the policy of some windows, and the way to its gradient.

    :param say: told what of ``begin`` goes on.
    """

    def make(obs: np.ndarray, actions: np.ndarray, device: torch.device,
             rng: torch.Generator, images: WindowImages | None = None,
             weights: np.ndarray | None = None) -> Step:
        random = OwnRandom(seed, device)
        seen, given = Normalizer.fit(obs), Normalizer.fit(actions)
        if begin is not None:
            seen, given = begin.spread(seen, contract), begin.action_spread(given, contract)
        with random:
            policy = BehaviourCloning(contract, config, seen, given, nn.Identity())
        encoded = sum(int(each.width) for each in policy.encoders)
        network = FusedMlp(cloning_sizes(contract, config, policy.inputs, encoded),
                           torch.Generator().manual_seed(seed), device)
        if begin is not None:
            begin.give(policy, network, contract)
            say(begin.told(policy, contract))
        if config.fused and images is None:
            return FusedStep(policy, network, obs, actions, device, rng, weights)
        policy.net = network.module()
        return AutogradStep(policy, obs, actions, device, random, images, weights)

    return make


def train(options: TrainOptions, on_progress: Callable[[Progress], bool]) -> TrainSummary:
    """Train by behaviour cloning, from a folder of episodes to a checkpoint."""
    assert isinstance(options.config, BcConfig)
    begin = None if options.begin is None else Learned(options.begin)
    return imitate(options, on_progress, cloning_step(
        options.contract, options.config, options.seed, begin, options.say))


BC = Algorithm(BcConfig, train, demonstrated=True, begins=True, sees_images=True)
