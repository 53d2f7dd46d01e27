"""What the behaviour-cloning peers share: the data, the clocks and the line that they print."""

from collections.abc import Callable
import json
import os
import sys
import time

os.environ['OMP_NUM_THREADS'] = '1'

import numpy as np
import torch

torch.set_num_threads(1)

BATCH, HIDDEN, RATE = 256, (256, 256), 1e-3


def arguments() -> tuple[dict[str, np.ndarray], int]:
    """Return the arrays of the .npz and the number of updates that the command line names."""
    with np.load(sys.argv[1]) as found:
        return dict(found), int(sys.argv[2])


def report(data: dict[str, np.ndarray], updates: int, train: Callable[[], object],
           act: Callable[[np.ndarray], np.ndarray]) -> None:
    """Train, timing nothing else, and print the rates and the loss on the held-out samples."""
    begin, cpu = time.perf_counter(), time.process_time()
    train()
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    loss = float(np.mean((act(data['held_obs']) - data['held_actions']) ** 2))
    print(json.dumps({'samples_per_s': updates * BATCH / wall,
                      'samples_per_cpu_s': updates * BATCH / cpu, 'loss': loss,
                      'updates': updates}))
