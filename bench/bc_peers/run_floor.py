"""
The matrix products of the training alone: run_floor.py DATA UPDATES.

Forward three, the weights' gradients three and the inputs' gradients two, each into a matrix
allocated beforehand; nothing is learned, so its loss means nothing.
"""

from common import BATCH, HIDDEN, arguments, report
import numpy as np
import torch

data, updates = arguments()
torch.manual_seed(0)
sizes = (data['obs'].shape[1], *HIDDEN, data['actions'].shape[1])
layers = range(len(sizes) - 1)
weights = [torch.randn(sizes[i], sizes[i + 1]) / sizes[i] ** 0.5 for i in layers]
values = [torch.randn(BATCH, size) for size in sizes]
gradients = [torch.randn(BATCH, size) for size in sizes]
weight_gradients = [torch.empty_like(weight) for weight in weights]


def train() -> None:
    """Multiply."""
    for _ in range(updates):
        for i in layers:
            torch.mm(values[i], weights[i], out=values[i + 1])
        for i in reversed(layers):
            torch.mm(values[i].t(), gradients[i + 1], out=weight_gradients[i])
            if i:
                torch.mm(gradients[i + 1], weights[i].t(), out=gradients[i])


report(data, updates, train, lambda held: np.zeros_like(data['held_actions']))
