"""The kernel as CUDA launches it: one thread per robot, the functions that the CPU compiles."""

from functools import cache
from typing import Any

from numba import cuda
import numpy as np

from ilw_sim.batch.kernel import reset_robot, step_robot

if not hasattr(np, 'row_stack'):  # NumPy 2.5 has it no more, and numba-cuda 0.30 asks for it
    np.row_stack = np.vstack


@cache
def cuda_kernels() -> tuple[Any, Any]:
    """Return (step, reset) for CUDA, one thread per robot; compiled once for all environments."""
    @cuda.jit(fastmath=True)
    def step_cuda(indices, wanted, pool, p, r):
        i = cuda.grid(1)
        if i < r.state.shape[0]:
            step_robot(i, indices, wanted, pool, p, r)

    @cuda.jit(fastmath=True)
    def reset_cuda(pool, p, r):
        i = cuda.grid(1)
        if i < r.state.shape[0]:
            reset_robot(i, pool, p, r)

    return step_cuda, reset_cuda
