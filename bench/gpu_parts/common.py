"""What the parts of bench/gpu.py share: the packages, a stopwatch, a row of the table."""

from collections.abc import Callable
import json
from pathlib import Path
import statistics
import sys
import time

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'src' / name) for name in (
    'ilw_core', 'ilw_data', 'ilw_learner', 'ilw_sim')]

DEVICE, QUICK = torch.device(sys.argv[1]), '--quick' in sys.argv
"""What a part is asked for: PART cpu|cuda [--quick]"""
ON_GPU = DEVICE.type == 'cuda'
SECONDS = 0.15 if QUICK else 1.0
"""Of each measurement; the median of three counts"""
CORE = torch.device('cpu')
rows: list[dict] = []


def place(device: torch.device, cores: int = 1) -> str:
    """Return what a figure is of, for the table."""
    return 'gpu' if device.type == 'cuda' else f'{cores} core{"s" * (cores > 1)}'


def rate(call: Callable[[], object], device: torch.device, warm_up: int = 5) -> float:
    """Return calls per second, the device's work included; the median of three measurements."""
    wait = torch.cuda.synchronize if device.type == 'cuda' else lambda: None
    for _ in range(warm_up):
        call()
    wait()
    found = []
    for _ in range(3):
        calls, at_once, begin = 0, 1, time.perf_counter()
        while (spent := time.perf_counter() - begin) < SECONDS:
            for _ in range(at_once):
                call()
            wait()
            calls += at_once
            at_once = min(2 * at_once, 64)  # so that waiting is no part of it
        found.append(calls / spent)
    return statistics.median(found)


def add(what: str, where: str, value: float, unit: str, *, operations: float = 0.0,
        bytes_moved: float = 0.0, **more: object) -> None:
    """
    Note a figure.

    :param operations: floating-point operations per unit, for its share of the limit; 0: no share.
    :param bytes_moved: the least that one unit must read and write in memory; 0: no share.
    """
    rows.append({'what': what, 'where': where, 'value': value, 'unit': unit,
                 'operations': operations, 'bytes': bytes_moved, **more})


def attempt(what: str, where: str, measure: Callable[[], None]) -> None:
    """Measure; where that fails, note why and go on with the rest."""
    try:
        measure()
    except Exception as error:
        rows.append({'what': what, 'where': where,
                     'error': f'{type(error).__name__}: {error}'.splitlines()[0]})


def report(**more: object) -> None:
    """Print what bench/gpu.py reads, in a line."""
    print(json.dumps({'rows': rows, **more}))
