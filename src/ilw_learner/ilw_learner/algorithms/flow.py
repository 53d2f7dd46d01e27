"""
Flow matching over chunks of actions: noise is carried to actions along a learned velocity.

Y. Lipman et al., "Flow matching for generative modeling", ICLR 2023 (the straight paths of its
example II, equation 23 with sigma_min = 0), over chunks with a receding horizon as in C. Chi et
al., "Diffusion policy", RSS 2023. With ``frozen`` above 0 it learns to go on from actions that are
driven while it computes: K. Black et al., "Real-time execution of action chunking flow policies",
2025, here by being shown them in training, each at the end of its path, not by guidance.

Differences from the papers:

- A small transformer. It gives the end of a path, which with the place on it is the velocity (T.
  Li, K. He, "Back to basics: let denoising generative models denoise", 2025), and learns by its
  error there: narrow as it is, it would else spend itself on passing the noise through.
- It learns early times more often (the root of a time is uniform), where only the observation
  tells what to do, as K. Black et al., "pi0", 2024 do with a beta distribution.
- The noise is always the same, so that an observation has one answer: its centre by default, times
  ``spread`` otherwise.
- Named actions are learned as numbers of -1 and 1 per choice.
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

_TIME_RATIO = 20.0
"""Of the time along a path, 0 to 1: the sines of its embedding have periods of 0.3 to 31 of it"""


@dataclass(frozen=True)
class FlowConfig(ChunkConfig):
    """Hyper-parameters; ``config/train/flow.yaml`` has the reasons."""

    steps: int = 4
    """Euler steps from noise to actions"""
    spread: float = 0.0
    """Of the noise that it begins with when it acts; it learns with 1"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1 or self.spread < 0.0:
            raise ValueError('steps must be at least 1, spread at least 0.')


class FlowPolicy(ImitationPolicy):
    """
    Observations ``(B, To, Do)``, and images, to chunks ``(B, Ta, Da)``.

    :param obs: ``(N, To, Do)``; ``actions``: ``(N, Ta, Da)`` to learn from.
    """

    def __init__(self, contract: Contract, config: FlowConfig, obs: np.ndarray,
                 actions: np.ndarray) -> None:
        super().__init__()
        self.config, self.discrete = config, len(contract.action.discrete)
        self.frozen, self.cameras = config.frozen, len(contract.images)
        self.code = ActionCode(contract, known_spread(actions, contract))
        self.seen = tokens_for(contract, config, obs)
        self.encoder = nn.ModuleList(
            AttentionBlock(config.width, config.heads) for _ in range(config.encoder_layers))
        self.of_action = nn.Linear(self.code.width, config.width)
        self.of_time = nn.Linear(config.width, config.width)
        self.places = nn.Parameter(0.02 * torch.randn(1, config.horizon, config.width))
        self.decoder = nn.ModuleList(
            AttentionBlock(config.width, config.heads, looks=True)
            for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, self.code.width)
        times = torch.linspace(0.0, 1.0, config.steps + 1)
        self.register_buffer('times', waves(_TIME_RATIO * times, config.width))
        self.register_buffer(
            'start', config.spread * torch.randn(1, config.horizon, self.code.width))

    def act(self, obs: Tensor, *given: Tensor) -> Tensor:
        """
        Return ``(B, Ta, Da)`` within limits.

        :param given: the images, and where some actions are frozen ``(B, Ta, Da + 1)``: which,
            contract units, and 1 where they count.
        """
        tokens = self._tokens(obs, given[:self.cameras])
        if len(given) == self.cameras:
            return self.code.decode(self._carried(tokens))
        driven, held = given[-1][..., :-1], given[-1][..., -1:] > 0.5
        acted = self.code.decode(self._carried(tokens, self.code.numbers(driven), held))
        return torch.where(held, driven, acted)

    def loss(self, obs: Tensor, actions: Tensor, *images: Tensor,
             weights: Tensor | None = None) -> Tensor:
        """
        Return the mean squared error of the path's end over the actions that are there.

        While it does not train, the mean absolute error of what it would do: nothing is drawn.
        """
        code, known = self.code.encode(actions)
        tokens = self._tokens(obs, images, self.config.noise if self.training else 0.0)
        if not self.training:
            return masked_mean((self._carried(tokens) - code).abs(), known, weights)
        noise = torch.randn_like(code)
        time = torch.rand(len(code), 1, 1, device=code.device).square()
        if self.frozen:
            held = held_first(code, self.frozen)
            time = torch.where(held, torch.ones_like(time), time)
            known = known & ~held.squeeze(-1)
        path = torch.lerp(noise, code, time)
        felt = waves(_TIME_RATIO * time.squeeze(-1), self.config.width)
        off = self._end(path, felt, tokens) - code
        return masked_mean(off.square(), known, weights)

    def _tokens(self, obs: Tensor, images: tuple[Tensor, ...], noise: float = 0.0) -> Tensor:
        tokens: Tensor = self.seen(obs, images, noise)
        for block in self.encoder:
            tokens = block(tokens)
        return tokens

    def _carried(self, tokens: Tensor, kept: Tensor | None = None,
                 held: Tensor | None = None) -> Tensor:
        """Return ``(B, Ta, K)`` codes at the end of the path; those that are held stay as kept."""
        path = self.start
        for k in range(self.config.steps):
            now = self.times[k]
            if kept is not None and held is not None:
                path, now = torch.where(held, kept, path), torch.where(held, self.times[-1], now)
            ahead = self.config.steps - k  # an Euler step of (end - path) / (1 - time)
            path = path + (self._end(path, now, tokens) - path) / ahead
        return path

    def _end(self, path: Tensor, time: Tensor, tokens: Tensor) -> Tensor:
        """
        Return where a path ends, ``(B, Ta, K)``.

        :param path: ``(B, Ta, K)``; ``time``: waves of it, ``(..., E)``.
        """
        moved = self.of_action(path) + self.of_time(time) + self.places
        moved = moved + mean_token(tokens)
        for block in self.decoder:
            moved = block(moved, tokens)
        out: Tensor = self.out(self.norm(moved))
        return out


FLOW = Algorithm(FlowConfig, training_of(FlowPolicy), demonstrated=True, begins=True,
                 sees_images=True)
