"""
Put small bugs into a copy of the tree, one at a time, and say which of them the unit tests see.

    bench/setup mutants
    python tools/run_mutants.py
    python tools/run_mutants.py --room arbiter --room limits --sample 60 --jobs 2
    python tools/run_mutants.py --room guards --all

The bugs are those of cosmic-ray, and a call or a keyword argument left out; which of them are
tried is drawn by ``--seed``, lines first. Those that change nothing anybody can see are listed
with the reason in ``tools/mutants/equivalent.yaml`` and not counted. Exit code 1 if a room is
below ``--goal``. The processes run at idle priority.
"""

import argparse
import json
import os
from pathlib import Path
import platform
import random
import sys
import tempfile
import time

ROOT = Path(__file__).resolve().parents[1]
_TOOL = ROOT / 'bench' / '.venv-mutants'


def main() -> int:
    """Run what was asked for."""
    from mutants.rooms import ROOMS
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--room', action='append', choices=list(ROOMS), help='only this; repeat')
    parser.add_argument('--sample', type=int, default=50, help='bugs per room')
    parser.add_argument('--all', action='store_true', help='every bug of a room')
    parser.add_argument('--seed', type=int, default=0, help='which bugs are drawn')
    parser.add_argument('--jobs', type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument('--goal', type=float, default=0.9, help='share of a room to be seen')
    parser.add_argument('--json', action='store_true', help='print one object')
    options = parser.parse_args()
    _be_modest()
    from mutants.campaign import Campaign
    out = sys.stderr if options.json else sys.stdout
    rows = []
    with tempfile.TemporaryDirectory(prefix='ilw-mutants-') as scratch:
        campaign = Campaign(ROOT, Path(scratch), options.jobs)
        for name in options.room or ROOMS:
            count = 10**9 if options.all else options.sample
            rows.append(campaign.run(name, ROOMS[name], count, random.Random(options.seed)))
            print(rows[-1], file=out, flush=True)
    if options.json:
        print(json.dumps({'machine': _machine(), 'date': time.strftime('%Y-%m-%d'),
                          'rooms': [row.as_dict() for row in rows]}))
    else:
        print(_machine())
    return 0 if all(row.share >= options.goal for row in rows) else 1


def _be_modest() -> None:
    """Take what is left of the machine, one thread each; find cosmic-ray."""
    os.nice(19)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1', MKL_NUM_THREADS='1')
    sys.dont_write_bytecode = True
    os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
    sys.path += [str(path) for path in _TOOL.glob('lib/python3*/site-packages')]


def _machine() -> str:
    return f'{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}'


if __name__ == '__main__':
    sys.exit(main())
