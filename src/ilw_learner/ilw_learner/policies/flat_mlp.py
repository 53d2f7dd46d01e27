"""
A multilayer perceptron whose parameters are one vector, with its gradient written by hand.

Small networks spend most of an update on launching operations. One vector means one launch for
the optimiser, the norm and the target copy; a gradient by hand means no graph, and on a CPU one
pass between two matrix products.
"""

from collections.abc import Sequence
from itertools import pairwise
import math

import numpy as np
import torch
from torch import Tensor, nn

from ilw_learner.policies import cpu_kernels


class FlatMlp:
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
        self._grad_weights, self._grad_biases = self._views(self.grad)
        for (fan_in, _), weight, bias in zip(pairwise(self.sizes), self.weights, self.biases,
                                             strict=True):
            for part in (weight, bias):
                drawn = torch.rand(part.shape, generator=rng) * 2.0 - 1.0
                part.copy_(drawn / math.sqrt(fan_in))

    def _views(self, vector: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        weights, biases, at = [], [], 0
        for a, b in pairwise(self.sizes):
            weights.append(vector[at:at + a * b].view(a, b))
            biases.append(vector[at + a * b:at + a * b + b])
            at += a * b + b
        return weights, biases

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """Return the activations of every layer, inputs (B, I) first and outputs (B, O) last."""
        layers, last = [inputs], len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if self.flat.is_cuda:
                out = torch.addmm(bias, layers[-1], weight)
                layers.append(out if i == last else out.relu_())
                continue
            out = torch.mm(layers[-1], weight)
            add = cpu_kernels.add_bias if i == last else cpu_kernels.add_bias_relu
            add(out.numpy(), bias.numpy())
            layers.append(out)
        return layers

    def backward(self, layers: list[Tensor], slope: Tensor) -> None:
        """
        Fill ``grad``.

        :param layers: of ``forward``.
        :param slope: (B, O) the loss's derivative by the outputs; overwritten.
        """
        last = len(self.weights) - 1
        for i in reversed(range(len(self.weights))):
            self._bias_slope(slope, None if i == last else layers[i + 1], self._grad_biases[i])
            torch.mm(layers[i].t(), slope, out=self._grad_weights[i])
            if i:
                slope = torch.mm(slope, self.weights[i].t())

    def _bias_slope(self, slope: Tensor, out: Tensor | None, grad: Tensor) -> None:
        """Take a layer's slope (B, O) back through its ReLU, in place, and sum it to (O,)."""
        if self.flat.is_cuda:
            if out is not None:
                slope.mul_(out != 0)
            torch.sum(slope, 0, out=grad)
        elif out is None:
            cpu_kernels.sum_rows(slope.numpy(), grad.numpy())
        else:
            cpu_kernels.relu_slope(slope.numpy(), out.numpy(), grad.numpy())

    def copy_from(self, other: 'FlatMlp') -> None:
        """Take over another network's parameters."""
        self.flat.copy_(other.flat)

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

    def numpy(self) -> 'NumpyMlp':
        """Return a view for single inputs; only on the CPU. It follows every change."""
        return NumpyMlp([w.numpy() for w in self.weights], [b.numpy() for b in self.biases])


class NumpyMlp:
    """A ``FlatMlp`` seen by NumPy: for one input, its operations cost less than torch's."""

    def __init__(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        self._weights, self._biases = weights, biases

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the outputs (O,) for inputs (I,)."""
        last = len(self._weights) - 1
        for i, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            values = values @ weight
            values += bias
            if i < last:
                np.maximum(values, 0.0, out=values)
        return values
