"""
ACT: a transformer gives a chunk of actions at once, and learns them by their absolute error.

T. Z. Zhao, V. Kumar, S. Levine, C. Finn, "Learning fine-grained bimanual manipulation with
low-cost hardware", RSS 2023 (section IV, algorithms 1 and 2).

Differences from the paper: a small network (64 numbers per token, not 512), so that it learns on
two cores; an image is one token (``image_encoder.py``), not one for each cell of a ResNet; the
encoder of the CVAE, which exists in training only, is off by default (``latent: 0``); named
actions are learned as numbers of -1 and 1 per choice; it can be told the first actions, which are
driven while it decides, and gives the rest. What is past an episode's end is no target, as in the
authors' code.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.chunks.action_code import ActionCode, held_first, known_spread, masked_mean
from ilw_learner.chunks.config import ChunkConfig
from ilw_learner.chunks.training import tokens_for, training_of
from ilw_learner.chunks.transformer import AttentionBlock, mean_token, waves
from ilw_learner.networks.policy import ImitationPolicy


@dataclass(frozen=True)
class ActConfig(ChunkConfig):
    """Hyper-parameters; ``config/train/act.yaml`` has the reasons."""

    latent: int = 0
    """Numbers of the CVAE's style variable z; 0: no CVAE"""
    kl_weight: float = 10.0
    """Of z's distance from a normal distribution, in the loss"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.latent < 0 or self.kl_weight < 0.0:
            raise ValueError('latent and kl_weight must be at least 0.')


class StyleEncoder(nn.Module):
    """
    The encoder of the CVAE: what was done, to the mean and logarithmic variance of z.

    :param codes: numbers per action.
    """

    def __init__(self, config: ActConfig, codes: int) -> None:
        super().__init__()
        self.of_action = nn.Linear(codes + 1, config.width)
        self.summary = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        self.register_buffer('places', waves(torch.arange(config.horizon), config.width))
        self.block = AttentionBlock(config.width, config.heads)
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, 2 * config.latent)

    def forward(self, tokens: Tensor, code: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``(B, Z)`` each, for the observation's tokens and ``(B, Ta, K)`` codes."""
        done = self.of_action(torch.cat([code, known.unsqueeze(-1).float()], -1)) + self.places
        first = self.summary.expand(len(tokens), 1, -1)
        seen = self.block(torch.cat([first, tokens, done], dim=1))
        mean, log_variance = self.out(self.norm(seen[:, 0])).chunk(2, dim=-1)
        return mean, log_variance


class ActPolicy(ImitationPolicy):
    """
    Observations ``(B, To, Do)``, and images, to chunks ``(B, Ta, Da)``.

    :param obs: ``(N, To, Do)``; ``actions``: ``(N, Ta, Da)`` to learn from.
    """

    def __init__(self, contract: Contract, config: ActConfig, obs: np.ndarray,
                 actions: np.ndarray) -> None:
        super().__init__()
        self.config, self.discrete = config, len(contract.action.discrete)
        self.frozen, self.cameras = config.frozen, len(contract.images)
        self.code = ActionCode(contract, known_spread(actions, contract))
        self.seen = tokens_for(contract, config, obs)
        self.encoder = nn.ModuleList(
            AttentionBlock(config.width, config.heads) for _ in range(config.encoder_layers))
        self.queries = nn.Parameter(0.02 * torch.randn(1, config.horizon, config.width))
        self.decoder = nn.ModuleList(
            AttentionBlock(config.width, config.heads, looks=True)
            for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, self.code.width)
        if config.frozen:
            self.of_driven = nn.Linear(self.code.width + 1, config.width, bias=False)
        if config.latent:
            self.style = StyleEncoder(config, self.code.width)
            self.of_style = nn.Linear(config.latent, config.width, bias=False)

    def act(self, obs: Tensor, *given: Tensor) -> Tensor:
        """
        Return ``(B, Ta, Da)`` within limits: with z at its mean, 0.

        :param given: the images, and where some actions are frozen ``(B, Ta, Da + 1)``: which,
            contract units, and 1 where they count.
        """
        tokens = self.seen(obs, given[:self.cameras])
        if len(given) == self.cameras:
            return self.code.decode(self._decoded(tokens))
        driven, held = given[-1][..., :-1], given[-1][..., -1:] > 0.5
        told = self._told(self.code.numbers(driven), held)
        return torch.where(held, driven, self.code.decode(self._decoded(tokens, told=told)))

    def loss(self, obs: Tensor, actions: Tensor, *images: Tensor,
             weights: Tensor | None = None) -> Tensor:
        """Return the mean absolute error over the actions that are there, and that of z."""
        code, known = self.code.encode(actions)
        tokens = self.seen(obs, images, self.config.noise if self.training else 0.0)
        told = None
        if self.frozen and self.training:
            held = held_first(code, self.frozen)
            told, known = self._told(code, held), known & ~held.squeeze(-1)
        if not (self.config.latent and self.training):
            return masked_mean((self._decoded(tokens, told=told) - code).abs(), known, weights)
        mean, log_variance = self.style(tokens, code, known)
        style = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        out = self._decoded(tokens, self.of_style(style), told)
        away = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(-1)  # (B,)
        away = away if weights is None else away * weights
        return (masked_mean((out - code).abs(), known, weights)
                + self.config.kl_weight * away.mean())

    def _told(self, code: Tensor, held: Tensor) -> Tensor:
        """Return ``(B, Ta, E)`` for ``(B, Ta, K)`` codes, of those that are held alone."""
        counts = held.float()
        told: Tensor = self.of_driven(torch.cat([code * counts, counts], -1))
        return told

    def _decoded(self, tokens: Tensor, style: Tensor | None = None,
                 told: Tensor | None = None) -> Tensor:
        """
        Return ``(B, Ta, K)`` codes for ``(B, N, E)`` tokens.

        :param style: ``(B, E)``; ``told``: ``(B, Ta, E)`` of the actions to go on from.
        """
        if style is not None:
            tokens = tokens + style.unsqueeze(1)
        for block in self.encoder:
            tokens = block(tokens)
        wanted = self.queries + mean_token(tokens)
        wanted = wanted if told is None else wanted + told
        for block in self.decoder:
            wanted = block(wanted, tokens)
        out: Tensor = self.out(self.norm(wanted))
        return out


ACT = Algorithm(ActConfig, training_of(ActPolicy), demonstrated=True, begins=True,
                sees_images=True)
