"""
Fuzz everything that reads what others wrote, and say what broke.

    python tools/run_fuzz.py --inputs 1000000
    python tools/run_fuzz.py --engine atheris --inputs 50000 --target contract --target joy
    python tools/run_fuzz.py --replay runs/fuzz/contract-0123456789ab

Each target runs in a process of its own, within bounds of time and memory. Inputs that break one
are kept in a folder and can be replayed. Exit code 1 if there were any. ``atheris`` is guided by
coverage; ``bench/setup fuzz`` installs it.
"""

import argparse
import importlib
import json
import os
from pathlib import Path
import platform
import sys
import tempfile

from fuzz.campaign import Campaign
from fuzz.judge import MEMORY_MB, SECONDS
from fuzz.target import Target

MODULES = ('texts', 'messages', 'bags', 'files', 'checkpoints', 'graphs')


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--inputs', type=int, default=100_000, help='of all targets together')
    parser.add_argument('--target', action='append', default=[], help='only this; repeat it')
    parser.add_argument('--engine', choices=['own', 'atheris'], default='own')
    parser.add_argument('--first', type=int, default=0, help='number of the first input')
    parser.add_argument('--failures', type=Path, default=Path('runs/fuzz'), help='kept inputs')
    parser.add_argument('--replay', type=Path, help='a kept input: run it once, unguarded')
    parser.add_argument('--json', action='store_true', help='print one object')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        known = all_targets(Path(scratch))
        if options.replay:
            known[options.replay.name.rpartition('-')[0]][1].run(options.replay.read_bytes())
            return 0
    if unknown := set(options.target) - set(known):
        parser.error(f'no target {", ".join(unknown)}; there are: {", ".join(known)}')
    chosen = [known[name] for name in known if not options.target or name in options.target]
    whole = sum(target.weight for _, target in chosen)
    campaign, rows = Campaign(options.engine, options.first, options.failures), []
    for module, target in chosen:
        share = max(1, round(options.inputs * target.weight / whole))
        rows.append(campaign.fuzz(module, target, share))
        print(_row(rows[-1]), file=sys.stderr if options.json else sys.stdout, flush=True)
    result = {'inputs': sum(row['inputs'] for row in rows),
              'failures': sum(len(row['failures']) for row in rows), 'engine': options.engine,
              'bounds': {'memory_mb': MEMORY_MB, 'cpu_s': SECONDS},
              'machine': f'{platform.machine()}, {os.cpu_count()} cores, Python '
                         f'{platform.python_version()}', 'targets': rows}
    print(json.dumps(result) if options.json else
          f'{result["inputs"]} inputs, {result["failures"]} distinct failures')
    return 1 if result['failures'] else 0


def all_targets(folder: Path) -> dict[str, tuple[str, Target]]:
    """Return every target by name, with its module; they write into the folder."""
    known = {}
    for module in MODULES:
        (own := folder / module).mkdir()
        known |= {target.name: (module, target)
                  for target in importlib.import_module(f'fuzz.{module}').targets(own)}
    return known


def _row(row: dict) -> str:
    return (f'{row["target"]:24} {row["inputs"]:8} inputs {row["accepted"]:8} accepted '
            f'{len(row["failures"]):3} failures  worst {row["worst_s"]:6.2f} s '
            f'{row["worst_mb"]:6.0f} MB  in {row["took_s"]:.0f} s')


if __name__ == '__main__':
    sys.exit(main())
