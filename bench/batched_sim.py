"""Steps per second of the batched simulator, beside PyBullet's: bench/batched_sim.py [--json]."""

import argparse
import json
import os
from pathlib import Path
import statistics
import sys
import time
from typing import Any

from machine import machine_line
import numpy as np

SOURCES = Path(__file__).resolve().parents[1] / 'src'
sys.path[:0] = [str(SOURCES / 'ilw_core'), str(SOURCES / 'ilw_sim')]

from numba import cuda  # noqa: E402

from ilw_core.contract.file import load_contract  # noqa: E402
from ilw_core.storage.locate import config_file  # noqa: E402
from ilw_sim.batch.batch_env import BatchEnv  # noqa: E402
from ilw_sim.batch.worlds import make_scenes  # noqa: E402
from ilw_sim.env import make_env  # noqa: E402
from ilw_sim.physics.actuation import find_plant  # noqa: E402

ROBOTS = 1024
SCALES = (1, 16, 128, 1024, 4096, 16384)
# An estimate of the least work of one step, counted from the source of kernel.py: 36 beams, each
# against the walls at 12 operations and 0.7 shapes on average (the others are out of reach or out
# of its span) at 25, and noised at 12; 7 shapes placed at 30; 4 arcs at 40, odometry, commands
# and copies 250.
OPERATIONS = 36 * (12 + 0.7 * 25 + 12) + 7 * 30 + 4 * 40 + 250
# What a core of this kind does at best: 8 float32 lanes, 2 operations a cycle, 3 GHz.
BEST_PER_CORE = 8 * 2 * 3e9


def batched(env: BatchEnv, seconds: float) -> float:
    """Return robot steps per second of wall time; random actions, rewards and resets included."""
    rng = np.random.default_rng(0)
    spec = env.contract.action
    actions: list[Any] = [rng.uniform(spec.low, spec.high, (env.num_envs, spec.dim)).astype(
        np.float32) for _ in range(8)]
    if isinstance(env.arrays.obs, np.ndarray):
        def finish() -> None:
            pass
    else:
        actions, finish = [cuda.to_device(a) for a in actions], cuda.synchronize
    env.step(actions[0])
    finish()
    steps, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        for action in actions:  # each held for 8 steps
            for _ in range(8):
                env.step(action)
        finish()
        steps += 64
    return steps * env.num_envs / spent


def pybullet(env: Any, seconds: float) -> float:
    """Return steps per second of ``IlwEnv``, resets included."""
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    steps, begin = 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        spec = env.contract.action
        *_, terminated, truncated, _ = env.step(
            rng.uniform(spec.low, spec.high).astype(np.float32))
        steps += 1
        if terminated or truncated:
            env.reset(seed=steps)
    return steps / spent


def main() -> None:
    """Measure, alternating, and print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=1.0, help='of each measurement')
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        default='cuda' if cuda.is_available() else 'cpu')
    parser.add_argument('--plant', help='a profile in config/plants, or a path')
    options = parser.parse_args()
    contract = load_contract(config_file('tasks', 'clutter'))
    begin = time.perf_counter()
    scenes = make_scenes(contract, range(2000))
    pool_s = time.perf_counter() - begin
    peer = make_env('clutter')
    ours: dict[int, list[float]] = {n: [] for n in SCALES}
    peers: list[float] = []
    envs = {}
    for n in SCALES:
        envs[n] = BatchEnv(contract, scenes=scenes, robots=n, device=options.device,
                           plant=find_plant(options.plant))
        envs[n].reset()
    for _ in range(options.rounds):
        for n, env in envs.items():
            ours[n].append(batched(env, options.seconds))
        peers.append(pybullet(peer, options.seconds))
    middle = {n: statistics.median(values) for n, values in ours.items()}
    theirs = statistics.median(peers)
    cores = os.cpu_count() or 1
    machine = f'{machine_line()}, {options.device}'
    share = None if options.device == 'cuda' else (
        middle[ROBOTS] * OPERATIONS / (BEST_PER_CORE * cores))
    if options.json:
        print(json.dumps({
            'ours': middle[ROBOTS], 'peers': {'PyBullet IlwEnv': theirs},
            'ratio': middle[ROBOTS] / theirs, 'limit_share': share, 'unit': 'steps/s',
            'machine': machine, 'runs': {'ours': ours, 'PyBullet IlwEnv': peers},
            'pool_s': pool_s}))
        return
    print(f'Steps per second, clutter, 36 rays ({machine}); pool of 2000 worlds: {pool_s:.1f} s')
    for n, values in ours.items():
        print(f'  {n:6} robots   median {middle[n]:12,.0f}   '
              f'[{min(values):,.0f}, {max(values):,.0f}]')
    print(f'  PyBullet IlwEnv median {theirs:12,.0f}   [{min(peers):,.0f}, {max(peers):,.0f}]')
    print(f'  ratio at {ROBOTS}: {middle[ROBOTS] / theirs:,.0f}')
    if share is not None:
        print(f'  share of the arithmetic limit, estimated: {share:.1%}')


if __name__ == '__main__':
    main()
