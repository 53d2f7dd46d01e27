"""The kernel as CUDA launches it: one thread per robot, the functions that the CPU compiles."""

from typing import Any

from numba import cuda

from ilw_sim.batch.kernel import reset_robot, step_robot


def cuda_kernels() -> tuple[Any, Any]:
    """Return (step, reset) for CUDA, one thread per robot, of the same functions."""
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
