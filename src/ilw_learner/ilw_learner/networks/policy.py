"""What drives: a module from observations to actions, deployed without what trained it."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Policy(nn.Module, ABC):
    """
    Observations in, a chunk of actions out, both in the contract's units; what is deployed.

    Where the contract has images, ``act`` and ``loss`` take those of each camera as one more
    argument, ``(B, To, H, W, C)`` uint8, in the order of the contract.

    A subclass gives ``act``; buffers and parameters are its state. ``act`` is traced to ONNX, so
    it must be the same sequence of tensor operations whatever the numbers.
    """

    history: int = 1
    """Observations it sees, To"""
    horizon: int = 1
    """Actions it gives at once, Ta"""
    frozen: int = 0
    """Most actions that it can be told to begin with; with some, ``act`` takes one more argument,
    ``(B, Ta, Da + 1)``: the actions, and 1 where one counts"""
    discrete: int = 0
    """Choices between which equal values may fall either way; 0: it gives numbers"""

    @abstractmethod
    def act(self, obs: Tensor) -> Tensor:
        """Return ``(B, Ta, Da)`` actions for ``(B, To, Do)`` observations, the newest last."""

    def forward(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Act: what ``torch`` calls a module for."""
        return self.act(obs, *images)

    def reset(self) -> None:
        """Forget the episode so far; one that remembers nothing has nothing to forget."""


class ImitationPolicy(Policy):
    """A policy that learns from windows of demonstrations, by the gradient of its ``loss``."""

    @abstractmethod
    def loss(self, obs: Tensor, actions: Tensor) -> Tensor:
        """
        Return how far it is from what was done, a scalar tensor that autograd follows.

        One that also takes ``weights``, a keyword, can learn steps that count differently: it
        returns the mean over the windows of their loss times their weight.

        :param obs: ``(B, To, Do)``.
        :param actions: ``(B, Ta, Da)`` the expert's, contract units.
        """
