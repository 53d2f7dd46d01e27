"""
Write requirements/lock-ros.txt and lock.txt from ros.in and ilw.in: every version, none left open.

Run it with the environment's Python after a change of either list:
``python tools/setup/lock.py``. It asks pip what it would install and installs nothing. (`pip
freeze` is no lock here: the ROS wheels contain distributions that are not on PyPI.)
"""

import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile

REQUIREMENTS = Path(__file__).resolve().parents[2] / 'requirements'
ROS_ONLY = re.compile(r'ros-.*|empy|lark-parser')
"""What a machine with ROS installed already has."""
TORCH_ONLY = re.compile(r'nvidia-.*|triton|cuda-.*')
"""Differ between torch's builds for CPU and CUDA; torch itself names their exact versions."""


def resolve() -> dict[str, str]:
    """Return name to version of everything the two lists need."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / 'report.json'
        lists = [f'-r{REQUIREMENTS / name}' for name in ('ilw.in', 'ros.in')]
        command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--dry-run']
        subprocess.run(
            [*command, '--ignore-installed', '--report', str(report), *lists], check=True
        )
        found = json.loads(report.read_text(encoding='utf-8'))['install']
    return {
        re.sub(r'[-_.]+', '-', item['metadata']['name'].lower()): _public(item) for item in found
    }


def _public(item: dict) -> str:
    return item['metadata']['version'].split('+')[0]


def write(name: str, source: str, pins: dict[str, str]) -> None:
    """Write one lock file, sorted."""
    head = f'# Every package that {source} needs, locked. Written by tools/setup/lock.py.\n'
    body = ''.join(f'{package}=={version}\n' for package, version in sorted(pins.items()))
    (REQUIREMENTS / name).write_text(head + body, encoding='utf-8')


def main() -> None:
    """Resolve and write both files."""
    pins = {n: v for n, v in resolve().items() if not TORCH_ONLY.fullmatch(n)}
    ros = {n: v for n, v in pins.items() if ROS_ONLY.fullmatch(n)}
    write('lock-ros.txt', 'ros.in', ros)
    write('lock.txt', 'ilw.in', {n: v for n, v in pins.items() if n not in ros})


if __name__ == '__main__':
    main()
