"""The batched simulator: from Python, in a CUDA graph with torch, and on the CPU's cores."""

import os
from typing import Any

from common import CORE, DEVICE, ON_GPU, QUICK, ROOT, add, attempt, place, rate, report
import numpy as np
import torch

from ilw_core.contract.file import load_contract
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.worlds import make_scenes

# bench/batched_sim.py counts them: the least work of a step of one robot.
OPERATIONS = 36 * (12 + 0.7 * 25 + 12) + 7 * 30 + 4 * 40 + 250
STEPS_OF_A_GRAPH = 8
contract = load_contract(ROOT / 'config' / 'tasks' / 'clutter.yaml')
scenes = make_scenes(contract, range(200 if QUICK else 2000))
low, high = (np.asarray(v, np.float32) for v in (contract.action.low, contract.action.high))


def least_bytes(env: BatchEnv) -> float:
    """Return what a step must read and write of each robot; scratch is not counted."""
    kept = {'state', 'counts', 'base', 'late', 'previous', 'past'}
    return sum((2 if name in kept else 1) * value.dtype.itemsize * int(np.prod(value.shape))
               for name, value in env.arrays._asdict().items()
               if name != 'ranges') / env.num_envs


def noted(what: str, env: BatchEnv, calls_per_s: float, where: str, steps: int = 1) -> None:
    """Add a row, in million steps of a robot."""
    add(what, where, calls_per_s * steps * env.num_envs / 1e6, 'million steps/s',
        operations=1e6 * OPERATIONS, bytes_moved=1e6 * least_bytes(env), robots=env.num_envs)


def made(robots: int, device: torch.device) -> tuple[BatchEnv, torch.Tensor]:
    """Return the environment, and actions for eight steps (8, N, Da)."""
    env = BatchEnv(contract, scenes=scenes, robots=robots, device=device.type)
    env.reset(seed=0)
    drawn = np.random.default_rng(0).uniform(low, high, (8, robots, len(low)))
    return env, torch.as_tensor(drawn.astype(np.float32), device=device)


def from_python(robots: int, device: torch.device, cores: int) -> None:
    """Launch every step by a call from Python; each action is held for eight."""
    env, actions = made(robots, device)
    given: list[Any] = list(actions) if device.type == 'cuda' else [a.numpy() for a in actions]
    calls = iter(range(10 ** 12))
    per_s = rate(lambda: env.step(given[next(calls) // 8 % 8]), device, 9)
    noted(f'{robots:,} robots, from Python', env, per_s, place(device, cores))


def captured(robots: int) -> None:
    """Draw actions by torch and step, eight times, in one graph."""
    env, actions = made(robots, DEVICE)
    chosen = actions[0].clone()
    span, begin = actions.amax((0, 1)) - actions.amin((0, 1)), actions.amin((0, 1))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    env.use_stream(stream.cuda_stream)

    def some_steps() -> None:
        for _ in range(STEPS_OF_A_GRAPH):
            chosen.copy_(torch.rand_like(chosen) * span + begin)
            env.step(chosen)

    with torch.cuda.stream(stream):
        some_steps()  # compiles
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            some_steps()
    torch.cuda.synchronize()
    per_s = rate(graph.replay, DEVICE, 2)
    noted(f'{robots:,} robots, in a graph', env, per_s, place(DEVICE), STEPS_OF_A_GRAPH)


def on_gpu(robots: int) -> None:
    """Measure both ways, where there is one."""
    if ON_GPU:
        attempt(f'{robots:,} robots, from Python', 'gpu', lambda: from_python(robots, DEVICE, 0))
        attempt(f'{robots:,} robots, in a graph', 'gpu', lambda: captured(robots))


def main() -> None:
    """Measure every number of robots."""
    cores = len(os.sched_getaffinity(0))
    for robots in (1024, 16_384) if QUICK else (1024, 16_384, 65_536):
        on_gpu(robots)
        from_python(robots, CORE, cores)
    if not QUICK:
        on_gpu(262_144)
    report()
