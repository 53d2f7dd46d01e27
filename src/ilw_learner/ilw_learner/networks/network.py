"""What an optimiser needs of a network: parameters and gradient, each one vector."""

import copy
from typing import Protocol

import torch
from torch import Tensor, nn


class Parameters(Protocol):
    """Parameters and their gradient, each one vector."""

    flat: Tensor
    """(P,)"""
    grad: Tensor
    """(P,)"""


class Network(Parameters, Protocol):
    """Numbers in, numbers out; the gradient of any loss whose derivative is given."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (B, O) for (B, I); the next call may overwrite them."""

    def backward(self, inputs: Tensor, slope: Tensor) -> None:
        """Fill ``grad`` right after ``forward``: ``slope`` (B, O) is the loss's derivative."""

    def module(self, flat: Tensor | None = None) -> nn.Module:
        """Return a copy as a ``torch.nn`` module on the CPU, of other parameters if given."""

    def take(self, module: nn.Sequential) -> None:
        """Go on with the parameters of what ``module`` gives."""


class FlatParameters:
    """The parameters of any module as one vector, and their gradients: autograd fills it."""

    def __init__(self, module: nn.Module) -> None:
        learned = [each for each in module.parameters() if each.requires_grad]
        self.flat = nn.utils.parameters_to_vector(learned).detach().clone()
        self.grad = torch.zeros_like(self.flat)
        at = 0
        for each in learned:
            view = slice(at, at + each.numel())
            each.data = self.flat[view].view_as(each)
            each.grad = self.grad[view].view_as(each)
            at = view.stop

    def of(self, loss: Tensor) -> None:
        """Fill ``grad`` with the gradient of a loss, a scalar tensor."""
        self.grad.zero_()
        loss.backward()

    def write(self, module: nn.Module, flat: Tensor) -> None:
        """Give a copy of the module the parameters ``flat`` (P,)."""
        learned = [each for each in module.parameters() if each.requires_grad]
        vector = flat.detach().clone().to(learned[0].device)  # they become views of it
        nn.utils.vector_to_parameters(vector, learned)


class ModuleNetwork:
    """Any module behind ``Network``: the gradient is autograd's."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self._module = module.to(device)
        self._parameters = FlatParameters(self._module)
        self.flat, self.grad = self._parameters.flat, self._parameters.grad
        self._out = torch.empty(0)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (B, O) for (B, I)."""
        self._out = self._module(inputs)
        return self._out.detach()

    def backward(self, inputs: Tensor, slope: Tensor) -> None:
        """Fill ``grad``, right after ``forward``."""
        self.grad.zero_()
        self._out.backward(slope)

    def module(self, flat: Tensor | None = None) -> nn.Module:
        """Return a copy on the CPU."""
        made = copy.deepcopy(self._module).cpu()
        if flat is not None:
            self._parameters.write(made, flat)
        return made

    def take(self, module: nn.Module) -> None:
        """Go on with the parameters of a copy."""
        with torch.no_grad():
            for own, given in zip(self._module.parameters(), module.parameters(), strict=True):
                own.copy_(given)
