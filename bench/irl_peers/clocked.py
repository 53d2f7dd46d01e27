"""What both sides of bench/imitation.py share: the clocks and the line that they print."""

from collections.abc import Callable
import json
import os
import time
from typing import Any

os.environ['OMP_NUM_THREADS'] = '1'

import torch

torch.set_num_threads(1)


def report(train: Callable[[], Any], told: Callable[[Any], dict[str, Any]]) -> None:
    """Train, timing nothing else; print the times and what is told of what came out."""
    begin, cpu = time.perf_counter(), time.process_time()
    found = train()
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    print(json.dumps({'wall_s': wall, 'cpu_s': cpu} | told(found)))
