"""What a function asks of the GPU, captured once as a CUDA graph: launched as one from then on."""

from collections.abc import Callable

import torch
from torch import Tensor

_EAGER = 3
"""Calls before the capture: libraries choose and allocate, kernels are compiled"""


class CudaGraph:
    """
    A function whose operations are the same in every call, on tensors that stay where they are.

    It must not wait for the device, and what differs from call to call must be in tensors.

    :param function: called three times as it is, once more to be captured, and never again.
    :param rngs: generators that it draws with; they go on as if it were called.
    """

    def __init__(self, function: Callable[[], Tensor], *rngs: torch.Generator) -> None:
        self._function, self._rngs, self._calls = function, rngs, 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._out = torch.empty(0)

    def __call__(self) -> Tensor:
        """Return what the function returns; the next call overwrites it."""
        if self._graph is None:
            self._calls += 1
            if self._calls <= _EAGER:
                return self._function()
            self._graph = torch.cuda.CUDAGraph()
            for rng in self._rngs:
                self._graph.register_generator_state(rng)
            with torch.cuda.graph(self._graph):
                self._out = self._function()
        self._graph.replay()
        return self._out
