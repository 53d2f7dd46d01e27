"""How much a policy's outputs depend on each parameter: the diagonal of the Fisher matrix."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

_PART = 64
"""Observations at once: their gradients lie in memory, one each"""


class Differentiable(Protocol):
    """What it takes of a policy, a ``torch.nn.Module``."""

    def outputs(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return what the loss compares with its targets, ``(B, O)``."""

    def curvature(self, out: Tensor) -> Tensor:
        """Return ``(J, O)`` vectors whose outer products add up to the loss's curvature."""


class _Outputs(nn.Module):
    """A policy as the function that is differentiated."""

    def __init__(self, policy: Differentiable) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, *seen: Tensor) -> Tensor:
        return self.policy.outputs(*seen)


def diagonal_fisher(policy: Differentiable, *seen: Tensor) -> dict[str, Tensor]:
    """
    Return the diagonal of the Fisher matrix by the name of each parameter.

    The density is that whose negative logarithm is the loss, so no labels are needed: it is what
    the loss curves on average over observations, by the outputs' own gradients.

    :param seen: observations ``(N, To, Do)``, and images as the policy takes them.
    """
    module = _Outputs(policy)
    learned = {name: value.detach() for name, value in module.named_parameters()
               if value.requires_grad}

    def squares(*one: Tensor) -> dict[str, Tensor]:
        def outputs(parameters: dict[str, Tensor]) -> Tensor:
            given: Tensor = functional_call(module, parameters, tuple(v[None] for v in one))
            return given[0]

        out, back = vjp(outputs, learned)
        (gradients,) = vmap(back)(policy.curvature(out))
        return {name: each.square().sum(0) for name, each in gradients.items()}

    total = {name: torch.zeros_like(value) for name, value in learned.items()}
    for begin in range(0, len(seen[0]), _PART):
        part = vmap(squares)(*(each[begin:begin + _PART] for each in seen))
        for name, each in part.items():
            total[name] += each.sum(0)
    return {name.removeprefix('policy.'): each / len(seen[0]) for name, each in total.items()}
