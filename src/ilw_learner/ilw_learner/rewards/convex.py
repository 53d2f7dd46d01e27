"""Find the minimum of a smooth convex function: L-BFGS as torch has it, for arrays."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Minimum:
    """Where a search ended."""

    at: np.ndarray
    """(F,) float64"""
    value: float
    slope: float
    """Largest part of the gradient there; 0 in a minimum"""
    evaluations: int


def minimise(function: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, *,
             most_steps: int = 200, slope: float = 1e-5) -> Minimum:
    """
    Go downhill until the gradient is nowhere larger than ``slope``, or for so many steps.

    :param function: (F,) -> value and gradient (F,).
    """
    at = torch.tensor(start, dtype=torch.float64)
    search = torch.optim.LBFGS([at], max_iter=most_steps, max_eval=2 * most_steps,
                               tolerance_grad=slope, tolerance_change=1e-12, history_size=20,
                               line_search_fn='strong_wolfe')
    seen = 0

    def closure() -> torch.Tensor:
        nonlocal seen
        seen += 1
        value, gradient = function(at.numpy())
        at.grad = torch.from_numpy(np.ascontiguousarray(gradient))
        return torch.tensor(value, dtype=torch.float64)

    search.step(closure)
    value, gradient = function(at.numpy())
    return Minimum(at.numpy().copy(), value, float(np.abs(gradient).max()), seen)
