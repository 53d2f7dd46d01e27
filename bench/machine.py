"""What a figure was measured on: every benchmark prints it, as ratios are the processor's, too."""

import os
from pathlib import Path
import platform


def processor() -> str:
    """Return the processor's name, as the kernel says it; else the architecture."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def machine_line() -> str:
    """Return processor, cores, Python and load in a line."""
    return (f'{processor()} ({platform.machine()}), {os.cpu_count()} cores, '
            f'Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}')
