"""
Behaviour cloning beside other libraries, same network and data: bench/bc.py [--json].

Run ``bench/setup`` first, or ``bench/setup ilw NAME...``: a peer that is missing is left out.
Each trains an MLP 256-256 for the same number of updates, alternating, each in a process of its
own with one thread; the whole training is timed, from its first update to its last. All begin at a
learning rate of 1e-3; the peers stay there, ours falls to zero, so the losses tell that each
learns, and not who learns better.
"""

import argparse
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile

from machine import machine_line

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / 'bench' / 'bc_peers'
RUNS = 3
# Each peer's environment, script and further arguments.
PEERS = {
    'imitation': ('.venv-imitation', 'run_imitation.py', []),
    'imitation, whole batches given': ('.venv-imitation', 'run_imitation.py', ['--batches']),
    'd3rlpy': ('.venv-d3rlpy', 'run_d3rlpy.py', []),
    'robomimic': ('.venv-robomimic', 'run_robomimic.py', []),
    'plain torch loop': ('.venv', 'run_plain.py', []),
}

DATA = """
import sys
import numpy as np
random = np.random.default_rng(0)
inner, outer = random.normal(size=(60, 16)) / 60 ** 0.5, random.normal(size=(16, 2)) / 4
found = {}
for prefix, count in (('', 100_000), ('held_', 10_000)):
    obs = random.normal(size=(count, 60))
    actions = 0.8 * np.tanh(np.sin(2 * obs @ inner) @ outer)
    actions = np.clip(actions + 0.05 * random.normal(size=actions.shape), -0.99, 0.99)
    found[prefix + 'obs'] = obs.astype(np.float32)
    found[prefix + 'actions'] = actions.astype(np.float32)
np.savez(sys.argv[1], **found)
"""


def python(environment: str) -> Path:
    """Return the interpreter of one of the environments of ``bench/setup``."""
    return ROOT / 'bench' / environment / 'bin' / 'python'


def child(environment: str, *arguments: str) -> str:
    """Run one of the environments' interpreters with one thread and return what it printed."""
    sources = [ROOT / 'src' / name for name in ('ilw_core', 'ilw_data', 'ilw_learner')]
    variables = os.environ | {
        'PYTHONPATH': os.pathsep.join(map(str, sources)), 'OMP_NUM_THREADS': '1',
        'ILW_CONFIG': str(ROOT / 'config')}
    done = subprocess.run([str(python(environment)), *arguments], env=variables,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(arguments)} failed:\n{done.stderr[-2000:]}')
    return done.stdout


def measure(environment: str, script: str, *arguments: str) -> dict[str, float]:
    """Run one training in a process of its own and return what it printed."""
    return json.loads(child(environment, str(SCRIPTS / script), *arguments).splitlines()[-1])


def main() -> None:
    """Measure, alternating, and print medians and every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--updates', type=int, default=3000, help='a multiple of 500')
    options = parser.parse_args()
    if not python('.venv').exists():
        sys.exit('Run bench/setup first: the peers have environments of their own.')
    if options.updates < 500 or options.updates % 500:
        parser.error('--updates: a multiple of 500, as d3rlpy trains for whole epochs')
    peers = {name: how for name, how in PEERS.items() if python(how[0]).exists()}
    for name in PEERS.keys() - peers.keys():
        print(f'{name} is not installed: left out', file=sys.stderr)
    runs: dict[str, list[dict[str, float]]] = {
        name: [] for name in ('ours', *peers, 'floor')}
    with tempfile.TemporaryDirectory() as folder:
        npz = str(Path(folder) / 'data.npz')
        child('.venv', '-c', DATA, npz)
        for number in range(RUNS):
            for name, found in runs.items():
                if name == 'ours':
                    found.append(measure('.venv', 'run_ours.py', npz, str(options.updates)))
                elif name == 'floor':
                    found.append(measure('.venv', 'run_floor.py', npz, str(options.updates)))
                else:
                    environment, script, more = peers[name]
                    found.append(measure(environment, script, npz, str(options.updates), *more))
                print(name, number, found[-1], file=sys.stderr)
    rates, cpu_rates, losses = (
        {name: statistics.median(run[key] for run in found) for name, found in runs.items()}
        for key in ('samples_per_s', 'samples_per_cpu_s', 'loss'))
    own = rates['ours']
    result = {
        'ours': own, 'peers': {name: rates[name] for name in peers},
        'ratio': {name: own / rates[name] for name in peers},
        'limit_share': own / rates['floor'],
        'unit': 'samples per second of training, MLP 256-256, batch 256, one thread',
        'machine': machine_line(),
        'runs': runs}
    if options.json:
        print(json.dumps(result))
        return
    print(f'{result["unit"]} ({result["machine"]}):')
    for name, rate in rates.items():
        loss = '' if name == 'floor' else f'   loss {losses[name]:.5f}'
        ratio = f'   ratio {result["ratio"][name]:.2f}' if name in result['ratio'] else ''
        print(f'  {name:31} {rate:9.0f}   per CPU-second {cpu_rates[name]:9.0f}{loss}{ratio}')
    print(f'  share of the matrix products\' rate: {result["limit_share"]:.2f}')


if __name__ == '__main__':
    main()
