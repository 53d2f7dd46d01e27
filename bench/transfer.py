"""
Tasks learned one after the other: what is transferred, and what is forgotten.

    python bench/transfer.py clutter office track --later 20 --seeds 1 --json

``./ilw transfer --scratch`` by its own code, on demonstrations that the scripted expert drives in
the batched simulator, where every policy is scored, too: 60 of each task, of which later tasks
learn from as many as ``--later`` says. Worlds and demonstrations are others with each seed.
"""

import argparse
import json
from pathlib import Path
import sys
import tempfile
import time

sys.path.insert(0, str(Path(__file__).parent))
from correct_parts.fast_attempts import arrays_for_recordings, save
from correct_parts.fast_drive import Hand
from correct_parts.fast_world import FastWorld
from machine import machine_line

from ilw_core import world_seeds
from ilw_core.contract.file import Contract, named_contract
from ilw_core.storage.locate import config_file
from ilw_learner.training.config import load_config
from ilw_learner.training.options import OldDemos
from ilw_learner.transfer.stages import StageOptions, few_of, learn_in_stages

FAST = 'correct_parts.fast_world:make_env'


def demonstrate(contract: Contract, folder: Path, seed: int, count: int) -> None:
    """Have the scripted expert drive; what is there is kept."""
    world, hand = FastWorld(contract), Hand(None, seed)
    for number in range(count):
        if not (folder / f'{number:03d}').exists():
            save(folder / f'{number:03d}', f'{number:03d}', world,
                 seed * world_seeds.PER_RUN + world_seeds.DEMONSTRATE + number, None, hand)


def main() -> None:
    """Learn, drive, and print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('tasks', nargs='+')
    parser.add_argument('--keep', action='append', help='none, replay or ewc [replay, none]')
    parser.add_argument('--demonstrations', type=int, default=60, help='of each task')
    parser.add_argument('--later', type=int, default=20, help='of each but the first')
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--episodes', type=int, default=100)
    parser.add_argument('--config', default='bc')
    parser.add_argument('--out', type=Path, help='folder to go on in')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    contracts = tuple(map(named_contract, given.tasks))
    algorithm, config = load_config(config_file('train', given.config), contracts[0].name)
    out, reports, begin = given.out or Path(tempfile.mkdtemp()), [], time.process_time()
    with arrays_for_recordings():
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            demos = [out / str(seed) / 'demos' / contract.name for contract in contracts]
            for contract, folder in zip(contracts, demos, strict=True):
                demonstrate(contract, folder, seed, given.demonstrations)
            reports.append(learn_in_stages(StageOptions(
                contracts=contracts, algorithm=algorithm, config=config,
                keeps=tuple(given.keep or ('replay', 'none')),
                demos=few_of(list(map(OldDemos, demos)), given.later), out=out / str(seed),
                seeds=(seed,), scratch=True, episodes=given.episodes,
                eval_seed=seed * world_seeds.PER_RUN + world_seeds.SCORE, env_spec=FAST,
                on_progress=lambda now: True,
                say=lambda text: print(text, file=sys.stderr))))
            print('\n'.join(reports[-1].lines()), file=sys.stderr, flush=True)
    report = {'seeds': [each.as_json() for each in reports], 'machine': machine_line(),
              'cpu_s': round(time.process_time() - begin, 1)}
    print(json.dumps(report) if given.json else report['machine'])


if __name__ == '__main__':
    main()
