"""
Inverse reinforcement learning and DAgger beside the library imitation: bench/imitation.py [WHAT].

Run ``bench/setup imitation`` first. ``mce``: maximum causal entropy in a maze of 10 x 10 cells,
from 60 demonstrations of a driver who slips 5 % of the time. ``airl``: on CartPole-v1, from 60
episodes of one who balances. ``dagger``: the same one asked at every step. Both sides get the same
data and the same environment, imitation with the values of its tutorials, alternating, each in a
process of its own with one thread; imports are not timed, nor what numba compiles once.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile

from irl_parts.small_maze import small_maze, worth_of
from irl_peers import cart
from machine import machine_line
import numpy as np

BENCH = Path(__file__).resolve().parent
THEIRS = BENCH / '.venv-imitation' / 'bin' / 'python'
SIDES = ('ours', 'imitation')
DEMONSTRATIONS = 60


def run(what: str, side: str, *arguments: str) -> dict:
    """Run one side in a process of its own; return what it printed."""
    ours = side == 'ours'
    variables = os.environ | {'OMP_NUM_THREADS': '1'}
    if not ours:
        variables.pop('PYTHONPATH', None)
    done = subprocess.run(
        [sys.executable if ours else THEIRS, BENCH / 'irl_peers' / f'{what}_{side}.py',
         *arguments], env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{what}_{side}.py failed:\n{done.stderr[-2000:]}')
    told: dict = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def mce(seed: int, file: Path, given: argparse.Namespace) -> Callable[[str], dict]:
    """Return how a side recovers the reward of a maze."""
    maze = small_maze(seed, DEMONSTRATIONS)
    np.savez(file, after=maze.world.after, ways=np.array(maze.ways), features=maze.features)

    def measure(side: str) -> dict:
        told = run('mce', side, str(file), str(given.iterations))
        return told | asdict(worth_of(maze, np.array(told.pop('reward'))))

    return measure


def airl(seed: int, file: Path, given: argparse.Namespace) -> Callable[[str], dict]:
    """Return how a side learns to balance by a reward of its own."""
    np.savez(file, **cart.shown(seed))
    steps = {'ours': given.steps, 'imitation': given.their_steps}
    return lambda side: run('airl', side, str(file), str(steps[side]), str(seed))


def dagger(seed: int, file: Path, given: argparse.Namespace) -> Callable[[str], dict]:
    """Return how a side learns to balance from somebody who says what to do."""
    return lambda side: run('dagger', side, str(given.asked), str(seed))


WHAT = {'mce': (mce, ('regained', 'rank', 'mismatch')),
        'airl': (airl, ('mean_return',)),
        'dagger': (dagger, ('mean_return',))}
"""Name -> what measures it, and its figures"""


def main() -> None:
    """Measure, alternating, and print medians and every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', nargs='*', metavar='WHAT', default=[*WHAT],
                        help=f'{", ".join(WHAT)} [all]')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--iterations', type=int, default=1000, help='of mce, imitation at most')
    parser.add_argument('--steps', type=int, default=60_000, help='of our driver in airl')
    parser.add_argument('--their-steps', type=int, default=200_000)
    parser.add_argument('--asked', type=int, default=8_000, help='steps of dagger')
    parser.add_argument('--json', action='store_true', help='print one object')
    given = parser.parse_args()
    if unknown := {*given.what} - {*WHAT}:
        parser.error(f'WHAT must be of {", ".join(WHAT)}. Got {", ".join(sorted(unknown))}.')
    if min(given.seeds, given.iterations, given.steps, given.their_steps, given.asked) < 1:
        parser.error('all counts must be at least 1')
    if not THEIRS.exists():
        sys.exit('Run bench/setup imitation first: it has an environment of its own.')
    result: dict = {}
    with tempfile.TemporaryDirectory() as folder:
        for what in given.what:
            runs: dict[str, list[dict]] = {side: [] for side in SIDES}
            for seed in range(given.seeds):
                measure = WHAT[what][0](seed, Path(folder) / f'{what}.npz', given)
                for side in SIDES:
                    runs[side].append(measure(side))
                    print(what, seed, side, runs[side][-1], file=sys.stderr, flush=True)
            result[what] = summary(runs, WHAT[what][1])
    result['machine'] = machine_line()
    if given.json:
        print(json.dumps(result))
        return
    print(f'Medians over {given.seeds} seeds ({result["machine"]}):')
    for what in given.what:
        for side in SIDES:
            found = result[what][side]
            print(f'  {what:6} {side:9} ' + '   '.join(
                f'{name} {found[name]:.4g} (worst {found["worst"][name]:.4g})'
                for name in WHAT[what][1])
                + f'   {found["wall_s"]:.3g} s, {found["cpu_s"]:.3g} CPU-s')
        print(f'  {what:6} imitation takes {result[what]["wall_ratio"]:.3g} times as long, '
              f'{result[what]["cpu_ratio"]:.3g} times the CPU')


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
