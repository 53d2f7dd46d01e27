"""The loop at full speed for a long time: memory, threads and file handles must not grow."""

from dataclasses import dataclass
from pathlib import Path
import statistics
import time

import psutil

from ilw_faults.loop import Loop
from ilw_faults.row import Fault, Seen

EXPECTED = 'memory, threads and file handles of no node grow'
_WARM_UP = 0.25
"""Part of the time before the first measurement: caches fill, allocators find their size"""
_GROWTH_MB = 8.0
"""More than this between the first and the last quarter is growth, not noise"""


@dataclass
class _Use:
    memory_mb: list[float]
    threads: list[int]
    files: list[int]


def soak(folder: Path, seconds: float) -> Seen:
    """Let policy, recorder and all drive, episode after episode, and look again and again."""
    with Loop(folder, with_policy=True, real_time_factor=0.0) as loop:
        loop.until(lambda: loop.spy.states, 20.0, 'the arbiter')
        loop.arm()
        processes = {name: psutil.Process(loop.fleet.pid(name)) for name in loop.specs}
        uses = {name: _Use([], [], []) for name in processes}
        begin, count = time.monotonic(), 0
        clock_ns = loop.spy.clock_ns
        while time.monotonic() - begin < seconds:
            loop.save_an_episode(min(2.0, seconds / 20))
            count += 1
            if time.monotonic() - begin > _WARM_UP * seconds:
                for name, process in processes.items():
                    uses[name].memory_mb.append(process.memory_info().rss / 1e6)
                    uses[name].threads.append(process.num_threads())
                    uses[name].files.append(process.num_fds())
            loop.spy.trim()
        simulated_h = (loop.spy.clock_ns - clock_ns) / 3.6e12
        growing = [name for name, use in uses.items() if _grows(use)]
        most = max(uses, key=lambda name: _growth_mb(uses[name]))
        text = (f'{simulated_h:.2f} simulated hours, {count} episodes saved; most memory growth: '
                f'{most} {_growth_mb(uses[most]):+.1f} MB; '
                + (f'GROWING: {", ".join(growing)}' if growing else 'no growth'))
        return loop.seen(text, None, not growing and not loop.fleet.dead())


def _quarters(values: list[float] | list[int]) -> tuple[float, float]:
    part = max(1, len(values) // 4)
    return statistics.median(values[:part]), statistics.median(values[-part:])


def _growth_mb(use: _Use) -> float:
    first, last = _quarters(use.memory_mb)
    return last - first


def _grows(use: _Use) -> bool:
    more = [last - first for first, last in (_quarters(use.threads), _quarters(use.files))]
    return _growth_mb(use) > _GROWTH_MB or max(more) > 0


def _text(seconds: float) -> str:
    return f'{seconds / 3600:.1f} h' if seconds >= 3600 else f'{seconds:.0f} s'


def soak_fault(seconds: float) -> Fault:
    """Return the soak of so many seconds."""
    return Fault(f'{_text(seconds)} of the loop at full speed', EXPECTED,
                 lambda folder: soak(folder, seconds), slow=True)


FAULTS = (soak_fault(40.0),)
