"""
The child of ``graph_trial.py``: takes its limits first, then computes the graph it was given.

Standard input: a JSON line, then the graph. Standard output: a JSON line. No torch, no ROS.
"""

from collections.abc import Iterator
import ctypes
import json
import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NICE = 5
"""The robot may be driving meanwhile: what drives it goes first"""
_RANDOM = 8
_PIXELS = 128, 0, 255
"""Of the first images, all alike; then any"""
_EXTREMES = (0.0, 3.4e38, -3.4e38, 1e-40, 1e9, -1e9)
"""No robot sees these, but a broken sensor may: an error is an answer, a death is none"""


def main() -> None:
    """Take the limits, try the graph, answer, end: 0 it passed, 1 it did not."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.nice(_NICE)
    told = json.loads(sys.stdin.buffer.readline())
    for limit, most in (
        (resource.RLIMIT_AS, told['memory_bytes']), (resource.RLIMIT_CPU, told['cpu_s']),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, told['answer_bytes']),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # A second between the two: the soft one says by its signal which limit it was.
        resource.setrlimit(limit, (most, most + 1 if limit == resource.RLIMIT_CPU else most))
    answer: dict[str, bool | str] = {'passed': True}
    code = 0
    try:
        refused = _try(told, sys.stdin.buffer.read())
    except MemoryError:
        refused = f'it takes more than {told["memory_bytes"] // 1_000_000} MB'
    if refused:
        answer, code = {'refused': refused[:1000]}, 1
    sys.stdout.write(json.dumps(answer) + '\n')
    sys.stdout.flush()
    sys.exit(code)


def _try(told: dict[str, Any], model: bytes) -> str:
    """Return why the graph must not act; empty if it may."""
    from pathlib import Path

    import numpy as np

    from ilw_core.errors import GraphError
    from ilw_learner.runtime.graph import Graph

    path = told['path']
    try:
        graph = Graph(model, (1, told['history'], len(told['low'])), Path(path), told['images'],
                      (told['horizon'], told['action_dim']))
    except GraphError as error:
        return str(error)
    wanted = (1, told['horizon'], told['action_dim'])
    if graph.shape != wanted:
        return f'{path} must give {wanted} values. Got {graph.shape}.'
    spent = []
    rng = np.random.default_rng(1)
    for number, (window, usual) in enumerate(_windows(told)):
        images = {name: _PIXELS[number] if number < len(_PIXELS) else
                  rng.integers(0, 256, shape, dtype=np.uint8)
                  for name, shape in told['images'].items()}
        begin = time.process_time()
        try:
            actions = graph(window, images)
        except GraphError as error:
            if usual:
                return f'{path} fails within the range of what is observed: {error}.'
            continue
        spent.append(time.process_time() - begin)
        if usual and not np.isfinite(actions).all():
            return (f'{path} gives actions that are not finite: its training went wrong. '
                    f'Train again, or use an earlier checkpoint.')
    if sorted(spent)[len(spent) // 2] > told['period_s']:
        return (f'{path} must give an action within {told["period_s"]:g} s, as its contract '
                f'says. Got {max(spent):.2g} s. Train a smaller network.')
    return ''


def _windows(told: dict[str, Any]) -> 'Iterator[tuple[np.ndarray, bool]]':
    """Yield ``(To, Do)`` float32 observations, and whether they are within the range."""
    import numpy as np

    low, high = np.array(told['low'], np.float32), np.array(told['high'], np.float32)
    shape = (told['history'], len(low))
    for ratio in (0.5, 0.0, 1.0):
        yield np.broadcast_to(low + np.float32(ratio) * (high - low), shape), True
    rng = np.random.default_rng(0)
    for _ in range(_RANDOM):
        yield rng.uniform(low, high, shape).astype(np.float32), True
    for value in _EXTREMES:
        yield np.full(shape, value, np.float32), False
