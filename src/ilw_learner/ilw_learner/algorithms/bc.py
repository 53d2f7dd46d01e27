"""
Behaviour cloning: supervised learning of what the expert did.

D. A. Pomerleau, "ALVINN: An autonomous land vehicle in a neural network", NeurIPS 1988.

Differences from the paper: one multilayer perceptron for any observation, with an encoder of
convolutions before it for each camera; continuous actions by
Huber regression on normalised values, discrete ones by cross-entropy over the contract's choices.
"""

from collections.abc import Callable
import copy

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.bc_begin import Learned
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.network import Parameters
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.training.from_demonstrations import imitate
from ilw_learner.training.imitation import AutogradStep, MakeStep, Step
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.own_random import OwnRandom
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


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
        seen = Normalizer.of_observations(obs, contract.obs_low, contract.obs_high)
        given = Normalizer.of_actions(actions, contract.action.low, contract.action.high)
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
        options.seen, options.config, options.seed, begin, options.say))


BC = Algorithm(BcConfig, train, demonstrated=True, begins=True, many_tasks=True, sees_images=True)
