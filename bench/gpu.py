"""
What a GPU makes of simulating and learning, in one command: bench/gpu.py [--json].

The batched simulator, updates of the Q-network, behaviour cloning, and training ``clutter`` and
``maze`` to 95 % of 512 unseen simulated worlds, each beside the CPU's cores and as a share of what
a copy and a matrix product reach on the same device in the same run. Every part is a process of
its own: compilation counts in full, and one that fails is said and the rest goes on. Less than six
minutes on a GPU; ``--device cpu --quick`` tries every part in less than two on two cores, with
figures of no worth.

Needs no PyBullet, no ROS and no build of the workspace. Where there is none: ``pip install torch
numba numba-cuda gymnasium pyyaml safetensors onnx onnxruntime tensorboard rosbags mcap zstandard
lz4 opencv-python-headless``.
"""

import argparse
from datetime import datetime, timezone
from importlib import metadata
import json
import os
from pathlib import Path
import subprocess
import sys

from machine import machine_line

PARTS = Path(__file__).resolve().parent / 'gpu_parts'
LIMITS, TRAINING = 'limits', 'training'
ALL = (LIMITS, 'simulator', 'q_updates', 'cloning', TRAINING)
# Not as a script: processes that it starts would run that again.
START = 'import sys; sys.path.insert(0, sys.argv.pop(1)); __import__(sys.argv.pop(1)).main()'
PACKAGES = ('torch', 'numba', 'numba-cuda', 'numpy', 'gymnasium')
_LONGEST_S = 150.0


def run(part: str, device: str, *arguments: str) -> dict:
    """Run a part and return what it printed, or why it did not."""
    try:
        done = subprocess.run([sys.executable, '-c', START, str(PARTS), part, device, *arguments],
                              capture_output=True, text=True, check=False, timeout=_LONGEST_S)
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1])
        why = (done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]
    except subprocess.TimeoutExpired:
        why = f'not done after {_LONGEST_S:.0f} s'
    name = ' '.join((part, *(a for a in arguments if a != '--quick')))
    return {'rows': [{'what': name, 'where': device, 'error': why}]}


def with_shares(rows: list[dict], limits: list[dict]) -> list[dict]:
    """Return rows with what they reach of the copy's and the product's rate on the same device."""
    best = {(row['where'], row['unit']): row['value'] for row in reversed(limits)
            if 'value' in row}
    for row in rows:
        for what, unit, share in (('bytes', 'bytes/s', 'memory_share'),
                                  ('operations', 'operations/s', 'arithmetic_share')):
            limit = best.get((row['where'], unit))
            if row.get(what) and limit:
                row[share] = row['value'] * row[what] / limit
    return rows


def versions() -> dict[str, str]:
    """Return those of the packages that decide, as installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = 'not installed'
    return found


def has_gpu() -> bool:
    """Return whether torch finds one; asked in a process that leaves it alone afterwards."""
    ask = 'import sys, torch; sys.exit(not torch.cuda.is_available())'
    return subprocess.run([sys.executable, '-c', ask], check=False).returncode == 0


def line(row: dict) -> str:
    """Return a row of the table."""
    head = f'  {row["what"]:34} {row["where"]:9}'
    if 'error' in row:
        return f'{head} FAILED: {row["error"]}'
    value = row['value']
    figure = f'{value:.4g}' if value < 1000 or value >= 1e9 else f'{value:,.0f}'
    text = f'{head} {figure:>12} {row["unit"]}'
    for key, name in (('memory_share', 'of the memory\'s rate'),
                      ('arithmetic_share', 'of the arithmetic')):
        if key in row:
            text += f'   {row[key]:.1%} {name}'
    if 'reached' in row:
        text += (f'{"" if row["reached"] else " NOT REACHED"}   {row["with_compilation_s"]:.1f} '
                 f'with compilation, {row["scoring_s"]:.1f} of it scoring; {row["steps"]:,} '
                 f'steps, {row["updates"]:,} updates, {row["success"]:.1%} of {row["worlds"]}')
    return text


def main() -> int:
    """Measure every part and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--device', choices=['auto', 'cpu', 'cuda'], default='auto')
    parser.add_argument('--quick', action='store_true', help='try every part, measure nothing')
    parser.add_argument('--only', choices=ALL, nargs='+', default=list(ALL), metavar='PART',
                        help=f'of {", ".join(ALL)}')
    options = parser.parse_args()
    device = options.device
    if device == 'auto':
        device = 'cuda' if has_gpu() else 'cpu'
    quick = ['--quick'] if options.quick else []
    result: dict = {
        'machine': machine_line(), 'cores': len(os.sched_getaffinity(0)),
        'date': datetime.now(timezone.utc).isoformat(timespec='minutes'),
        'versions': versions(), 'device': device, 'quick': options.quick, 'parts': {}}
    for part in ALL:
        if part not in options.only:
            continue
        print(f'{part} ...', file=sys.stderr)
        if part == TRAINING:
            ways = [[task, *more] for task in ('clutter', 'maze')
                    for more in ([], *([['--captured']] if device == 'cuda' else []))]
            found = [run(part, device, *way, *quick) for way in ways]
        else:
            found = [run(part, device, *quick)]
        if part == LIMITS:
            result |= {key: value for key, value in found[0].items() if key != 'rows'}
        result['parts'][part] = with_shares(
            [row for each in found for row in each['rows']],
            result['parts'].get(LIMITS, []))
    failed = any('error' in row for rows in result['parts'].values() for row in rows)
    if options.json:
        print(json.dumps(result))
        return int(failed)
    print(f'{result.get("gpu", device)}, CUDA {result.get("cuda")}; {result["machine"]}; '
          f'{result["date"]}')
    print(', '.join(f'{name} {version}' for name, version in result['versions'].items()))
    for part, rows in result['parts'].items():
        print(f'{part}:')
        for row in rows:
            print(line(row))
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
