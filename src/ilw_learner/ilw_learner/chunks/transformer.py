"""
Transformer blocks that read an observation and write a chunk of actions, a token for each.

A. Vaswani et al., "Attention is all you need", NeurIPS 2017; the decoder's layout is that of DETR
(N. Carion et al., ECCV 2020), which ACT builds on.

Differences from the papers: the layer norm comes before each block, which trains without a long
warm-up; no dropout, as these networks are small.
"""

from collections.abc import Sequence
import math

import torch
from torch import Tensor, nn

from ilw_learner.networks.inputs import Inputs


class Attention(nn.Module):
    """Queries look at tokens, with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads, self._part = heads, width // heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """Return ``(B, Q, E)`` for ``(B, Q, E)`` queries and ``(B, N, E)`` tokens."""
        query, key, value = (self._split(layer(each)) for layer, each in (
            (self.query, queries), (self.key, tokens), (self.value, tokens)))
        seen = (query @ key.transpose(2, 3) / math.sqrt(self._part)).softmax(-1) @ value
        found: Tensor = self.out(seen.transpose(1, 2).flatten(2))  # (B, Q, E)
        return found

    def _split(self, tokens: Tensor) -> Tensor:
        """Return ``(B, heads, N, E / heads)``."""
        return tokens.reshape(-1, tokens.shape[1], self._heads, self._part).transpose(1, 2)


class AttentionBlock(nn.Module):
    """
    Self-attention, attention to others if there are some, and a perceptron; each is added.

    :param looks: whether there are others.
    """

    def __init__(self, width: int, heads: int, *, looks: bool = False) -> None:
        super().__init__()
        self.own, self.norm = Attention(width, heads), nn.LayerNorm(width)
        self.others = Attention(width, heads) if looks else None
        self.between, self.last = nn.LayerNorm(width), nn.LayerNorm(width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(),
                                        nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor, others: Tensor | None = None) -> Tensor:
        """Return ``(B, N, E)`` for ``(B, N, E)`` tokens, which look at ``(B, M, E)`` others."""
        normed = self.norm(tokens)
        tokens = tokens + self.own(normed, normed)
        if self.others is not None:
            tokens = tokens + self.others(self.between(tokens), others)
        return tokens + self.perceptron(self.last(tokens))


class ObservationTokens(nn.Module):
    """
    A token for the numbers of each observation, and one for each of its images.

    :param inputs: what the network sees of the numbers.
    :param history: observations, To.
    :param hidden: units between the numbers and their token.
    :param encoders: one for each camera.
    """

    def __init__(self, inputs: Inputs, history: int, width: int, hidden: int,
                 encoders: nn.ModuleList) -> None:
        super().__init__()
        self.inputs = inputs
        self.numbers = nn.Sequential(
            nn.Linear(inputs.width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, width)) if inputs.width else None
        self.encoders = encoders
        self.of_image = nn.ModuleList(nn.Linear(int(each.width), width) for each in self.encoders)
        self._history = history
        self.count = history * (len(self.encoders) + bool(inputs.width))
        """Tokens, N"""
        self.places = nn.Parameter(0.02 * torch.randn(1, self.count, width))

    def forward(self, obs: Tensor, images: Sequence[Tensor], noise: float = 0.0) -> Tensor:
        """
        Return ``(B, N, E)`` tokens for ``(B, To, Do)`` numbers and ``(B, To, H, W, C)`` images.

        :param noise: standard deviation of what is added to the normalised numbers.
        """
        tokens = []
        if self.numbers is not None:
            seen = self.inputs.normalise(obs)
            if noise:
                seen = seen + noise * torch.randn_like(seen)
            tokens.append(self.numbers(self.inputs.expand(seen)))
        for encoder, layer, each in zip(self.encoders, self.of_image, images, strict=True):
            tokens.append(layer(encoder(each)).reshape(-1, self._history, self.places.shape[2]))
        return torch.cat(tokens, dim=1) + self.places


def mean_token(tokens: Tensor) -> Tensor:
    """Return the mean ``(B, 1, E)`` of ``(B, N, E)`` tokens."""
    return tokens.sum(dim=1, keepdim=True) / tokens.shape[1]


def waves(places: Tensor, width: int, longest: float = 100.0) -> Tensor:
    """
    Return sines and cosines of places, ``(..., width)`` for ``(...)``.

    :param longest: wavelength of the slowest; the fastest has 2 pi.
    """
    ratios = longest ** -torch.linspace(0.0, 1.0, width // 2, device=places.device)
    phase = places.unsqueeze(-1) * ratios
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
