"""
A multilayer perceptron whose parameters are one vector, with its gradient written by hand.

Small networks spend most of an update on launching operations. One vector means one launch for
the optimiser, the norm and the target copy; a gradient by hand means no graph, and on a CPU one
pass between two matrix products.
"""

from collections.abc import Sequence
from itertools import pairwise
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ilw_learner.networks import fused_kernels

_NARROW = 16
"""Outputs up to which a loop beats the product of a matrix library"""


class _Layer:
    """Outputs and slopes of a layer for one batch size, kept: Python and malloc take time, too."""

    def __init__(self, rows: int, size: int, relu: bool, device: torch.device) -> None:
        self.relu = relu
        self.out = torch.empty(rows, size, device=device)
        self.slope = torch.empty(rows, size, device=device)
        self.transposed = self.out.t()
        self.add = fused_kernels.add_bias_relu if relu else fused_kernels.add_bias
        if device.type == 'cpu':
            self.out_array, self.slope_array = self.out.numpy(), self.slope.numpy()


class FusedMlp:
    """
    Linear layers with ReLU between them.

    :param sizes: units of input, hidden layers and output.
    :param rng: draws the initial weights, uniform within ``1 / sqrt(fan in)``.
    """

    def __init__(self, sizes: Sequence[int], rng: torch.Generator, device: torch.device) -> None:
        self.sizes = tuple(sizes)
        total = sum(a * b + b for a, b in pairwise(self.sizes))
        self.flat = torch.empty(total, device=device)
        """(P,) every weight and bias"""
        self.grad = torch.zeros(total, device=device)
        """(P,) filled by ``backward``"""
        self.weights, self.biases = self._views(self.flat)
        self._transposed = [weight.t() for weight in self.weights]
        self._grad_weights, grad_biases = self._views(self.grad)
        self._by_torch = self.flat.is_cuda
        """Between products: an operation of torch each, or one pass of ``fused_kernels``"""
        self._biases = self.biases if self._by_torch else [b.numpy() for b in self.biases]
        self._grad_biases = grad_biases if self._by_torch else [b.numpy() for b in grad_biases]
        self._narrow = None if self._by_torch or self.sizes[-1] > _NARROW else (
            self._transposed[-1].numpy())
        """(O, I) of the last layer, where it has few outputs"""
        self._memories: dict[int, list[_Layer]] = {}
        self._singles: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        """What ``one`` works with"""
        for (fan_in, _), weight, bias in zip(pairwise(self.sizes), self.weights, self.biases,
                                             strict=True):
            for part in (weight, bias):
                drawn = torch.rand(part.shape, generator=rng) * 2.0 - 1.0
                part.copy_(drawn / math.sqrt(fan_in))

    def _views(self, vector: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        weights, biases, at = [], [], 0
        for layer, (a, b) in enumerate(pairwise(self.sizes), 2):
            part = vector[at:at + a * b]
            # By output where outputs are few: a product with so narrow a matrix takes a quarter.
            weights.append(part.view(b, a).t() if layer == len(self.sizes) else part.view(a, b))
            biases.append(vector[at + a * b:at + a * b + b])
            at += a * b + b
        return weights, biases

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (B, O) for (B, I); the next call with as many rows overwrites them."""
        below = inputs
        memory = self._memory(inputs.shape[0])
        for weight, bias, layer in zip(self.weights, self._biases, memory, strict=True):
            if self._by_torch:
                torch.addmm(bias, below, weight, out=layer.out)
                if layer.relu:
                    layer.out.relu_()
            elif self._narrow is not None and layer is memory[-1]:
                fused_kernels.few_outputs(below.numpy(), self._narrow, bias, layer.out_array)
            else:
                torch.mm(below, weight, out=layer.out)
                layer.add(layer.out_array, bias)
            below = layer.out
        return below

    def backward(self, inputs: Tensor, slope: Tensor) -> None:
        """
        Fill ``grad``, right after ``forward``.

        :param inputs: (B, I) what ``forward`` was given.
        :param slope: (B, O) the loss's derivative by the outputs.
        """
        memory = self._memory(inputs.shape[0])
        for i in range(len(memory) - 1, -1, -1):
            self._bias_slope(memory[i], slope, self._grad_biases[i])
            if i == 0:
                torch.mm(inputs.t(), slope, out=self._grad_weights[0])
                return
            below = memory[i - 1]
            torch.mm(below.transposed, slope, out=self._grad_weights[i])
            slope = torch.mm(slope, self._transposed[i], out=below.slope)

    def _bias_slope(self, layer: '_Layer', slope: Tensor, grad: Any) -> None:
        """Take a layer's slope (B, O) back through its ReLU, in place, and sum it to (O,)."""
        if self._by_torch:
            if layer.relu:
                slope.mul_(layer.out != 0)
            torch.sum(slope, 0, out=grad)
        elif layer.relu:
            fused_kernels.relu_slope(layer.slope_array, layer.out_array, grad)
        else:
            fused_kernels.sum_rows(slope.numpy(), grad)

    def _memory(self, rows: int) -> 'list[_Layer]':
        memory = self._memories.get(rows)
        if memory is None:
            memory = self._memories[rows] = [
                _Layer(rows, size, i < len(self.sizes) - 2, self.flat.device)
                for i, size in enumerate(self.sizes[1:])]
        return memory

    def module(self, flat: Tensor | None = None) -> nn.Sequential:
        """
        Return a copy as ``torch.nn`` modules on the CPU, for saving and export.

        :param flat: (P,) parameters to use instead of its own.
        """
        weights, biases = self._views(self.flat if flat is None else flat)
        blocks: list[nn.Module] = []
        for weight, bias in zip(weights, biases, strict=True):
            layer = nn.utils.skip_init(nn.Linear, *weight.shape)
            with torch.no_grad():
                layer.weight.copy_(weight.t().cpu())
                layer.bias.copy_(bias.cpu())
            blocks += [layer, nn.ReLU()]
        return nn.Sequential(*blocks[:-1])

    def take(self, module: nn.Sequential) -> None:
        """Go on with the parameters of what ``module`` gives."""
        layers = [each for each in module if isinstance(each, nn.Linear)]
        with torch.no_grad():
            for weight, bias, layer in zip(self.weights, self.biases, layers, strict=True):
                weight.copy_(layer.weight.t())
                bias.copy_(layer.bias)

    def one(self, inputs: np.ndarray) -> np.ndarray:
        """
        Return outputs (O,) for (I,), on the CPU; the next call overwrites them.

        For one input an operation of torch costs more than what it does.
        """
        if self._singles is None:
            self._singles = (self.flat.numpy(), np.array(self.sizes),
                             np.empty((2, max(self.sizes)), np.float32))
        vector, sizes, memory = self._singles
        return fused_kernels.one_input(vector, sizes, inputs, memory)
