"""
Maximum causal entropy beside the library imitation: bench/imitation.py [--json].

Run ``bench/setup imitation`` first. A maze of 10 x 10 cells, 60 demonstrations of a driver who
slips 5 % of the time. Both sides get the same data, imitation with the values of its tutorial,
alternating, each in a process of its own with one thread; imports are not timed, nor what numba
compiles once.
"""

import argparse
from dataclasses import asdict
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile

from irl_parts.small_maze import SmallMaze, small_maze, worth_of
from machine import machine_line
import numpy as np

BENCH = Path(__file__).resolve().parent
THEIRS = BENCH / '.venv-imitation' / 'bin' / 'python'
SIDES = ('ours', 'imitation')
DEMONSTRATIONS = 60
FIGURES = ('regained', 'rank', 'mismatch')


def run(side: str, *arguments: str) -> dict:
    """Run one side in a process of its own; return what it printed."""
    ours = side == 'ours'
    variables = os.environ | {'OMP_NUM_THREADS': '1'}
    if not ours:
        variables.pop('PYTHONPATH', None)
    done = subprocess.run(
        [sys.executable if ours else THEIRS, BENCH / 'irl_peers' / f'mce_{side}.py', *arguments],
        env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'mce_{side}.py failed:\n{done.stderr[-2000:]}')
    told: dict = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def measure(maze: SmallMaze, side: str, file: Path, iterations: int) -> dict:
    """Return what a side makes of a maze; ``iterations``: at most, of imitation."""
    np.savez(file, after=maze.world.after, ways=np.array(maze.ways), features=maze.features)
    told = run(side, str(file), str(iterations))
    return told | asdict(worth_of(maze, np.array(told.pop('reward'))))


def main() -> None:
    """Measure, alternating, and print medians and every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--iterations', type=int, default=1000, help='at most, of imitation')
    parser.add_argument('--json', action='store_true', help='print one object')
    given = parser.parse_args()
    if min(given.seeds, given.iterations) < 1:
        parser.error('--seeds and --iterations must be at least 1')
    if not THEIRS.exists():
        sys.exit('Run bench/setup imitation first: it has an environment of its own.')
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seeds):
            maze = small_maze(seed, DEMONSTRATIONS)
            for side in SIDES:
                found = measure(maze, side, Path(folder) / 'maze.npz', given.iterations)
                runs[side].append(found)
                print(seed, side, found, file=sys.stderr, flush=True)
    result = summary(runs, FIGURES) | {'machine': machine_line()}
    if given.json:
        print(json.dumps(result))
        return
    print(f'Medians over {given.seeds} mazes ({result["machine"]}):')
    for side in SIDES:
        print(f'  {side:9} ' + '   '.join(
            f'{name} {result[side][name]:.4g} (worst {result[side]["worst"][name]:.4g})'
            for name in FIGURES)
            + f'   {result[side]["wall_s"]:.3g} s, {result[side]["cpu_s"]:.3g} CPU-s')
    print(f'  imitation takes {result["wall_ratio"]:.3g} times as long, '
          f'{result["cpu_ratio"]:.3g} times the CPU')


def summary(runs: dict[str, list[dict]], names: tuple[str, ...]) -> dict:
    """Return medians of each side, the worst of its figures, and how many times as long."""
    found: dict = {side: {
        name: statistics.median(each[name] for each in of_side)
        for name in (*names, 'wall_s', 'cpu_s')} | {'worst': {
            name: (max if name == 'mismatch' else min)(each[name] for each in of_side)
            for name in names}} for side, of_side in runs.items()}
    ours, theirs = (found[side] for side in SIDES)
    return found | {'wall_ratio': theirs['wall_s'] / ours['wall_s'],
                    'cpu_ratio': theirs['cpu_s'] / ours['cpu_s'], 'runs': runs}


if __name__ == '__main__':
    main()
