"""
Adam on a network whose parameters are one vector, with an average of the weights it passes.

I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019 (AdamW); the
average after B. T. Polyak and A. B. Juditsky 1992, exponential here.
"""

import math

import torch
from torch import Tensor

from ilw_learner.networks import fused_kernels
from ilw_learner.networks.network import Parameters

_AVERAGE_EVERY = 4
"""Steps between; the same average in a quarter of the passes over memory"""


class AveragedAdam:
    """
    One optimiser of one network.

    :param average: decay of the average per step; 0: the average is the weights themselves.
    :param clip_norm: longest gradient; 0: any.
    """

    def __init__(self, network: Parameters, *, learning_rate: float, weight_decay: float = 0.0,
                 average: float = 0.0, clip_norm: float = 0.0) -> None:
        self.rate, self.steps = learning_rate, 0
        self._network, self._decay = network, weight_decay
        self._average_decay, self._clip_norm = average, clip_norm
        flat = network.flat
        self._first, self._second = torch.zeros_like(flat), torch.zeros_like(flat)
        self._average = flat.clone() if average else flat
        self._arrays = None if flat.is_cuda else [v.numpy() for v in (
            flat, network.grad, self._first, self._second, self._average)]
        self._now = (0.0, 0.0, 0.0, 0.0)
        """Rate, root, keep and share of this step, as in ``fused_kernels.adam``"""
        self._on_device = torch.zeros(4, device=flat.device)

    @property
    def average(self) -> Tensor:
        """Parameters to act with, (P,); not a copy."""
        return self._average

    def step(self) -> None:
        """Follow ``network.grad`` by one step."""
        self.prepare()
        self.apply()

    def prepare(self) -> None:
        """Count a step and give the device what is its own in it: the schedule lives here."""
        self.steps += 1
        share = 0.0
        if self._average_decay and self.steps % _AVERAGE_EVERY == 0:
            # Early on the average is over few steps, or it would keep the untrained weights.
            decay = min(self._average_decay, self.steps / (self.steps + 9.0))
            share = 1.0 - decay ** _AVERAGE_EVERY
        self._now = (self.rate / (1.0 - 0.9 ** self.steps),
                     1.0 / math.sqrt(1.0 - 0.999 ** self.steps),
                     1.0 - self.rate * self._decay, share)
        if self._arrays is None:  # a small copy like this one does not wait for the device
            self._on_device.copy_(torch.tensor(self._now), non_blocking=True)

    def apply(self) -> None:
        """Make the step that was prepared; on a GPU the same operations whatever its numbers."""
        grad = self._network.grad
        if self._arrays is not None:
            scale = 1.0
            if self._clip_norm:
                norm = fused_kernels.length(self._arrays[1])
                scale = min(1.0, self._clip_norm / (norm + 1e-6))
            rate, root, keep, share = self._now
            fused_kernels.adam(*self._arrays, rate, root, keep, scale, share)
            return
        if self._clip_norm:
            longest = self._clip_norm / (torch.linalg.vector_norm(grad) + 1e-6)
            grad.mul_(longest.clamp_(max=1.0))
        flat, (rates, roots, keeps, shares) = self._network.flat, self._on_device.unbind()
        self._first.lerp_(grad, 0.1)
        self._second.mul_(0.999).addcmul_(grad, grad, value=0.001)
        move = self._first / self._second.sqrt().mul_(roots).add_(1e-8)
        flat.mul_(keeps).addcmul_(move, rates, value=-1.0)
        if self._average_decay:
            self._average.lerp_(flat, shares)

    def state(self) -> dict[str, Tensor]:
        """Return what it takes to go on."""
        return {'first': self._first, 'second': self._second, 'average': self._average.clone(),
                'adam_steps': torch.tensor(self.steps)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state``; the network's own parameters are not in it."""
        self._first.copy_(state['first'])
        self._second.copy_(state['second'])
        if self._average_decay:
            self._average.copy_(state['average'])
        self.steps = int(state['adam_steps'])
