"""
What are corrections worth? bench/correct.py [--seeds N] [--task NAME] [--json].

For each seed: demonstrations, behaviour cloning, then rounds of ``./ilw correct`` by the code of
``./ilw correct`` (labels, weights, training, comparison, promotion). Only the attempts differ: the
scripted person, the arbiter and the policy run in one process and in the batched simulator, not
over nodes; episodes are kept as arrays, not as recordings. At the end the policy of the beginning
and that of the end drive from ``--judge`` starts that no round has used. With ``--fresh`` as many
rounds are learned from as many minutes of whole demonstrations, in the same worlds, and the policy
of their end is judged from the same starts. With ``--budget`` the policy asks for help, and only
then the person takes over (``./ilw correct --gate robot``); in the same ``--out`` the same
demonstrations and policy begin both.
"""

import argparse
from dataclasses import asdict, replace
import json
from pathlib import Path
import sys
import tempfile
import time

from correct_parts.fast_attempts import FastAttempts, arrays_for_recordings, save
from correct_parts.fast_drive import Hand
from correct_parts.fast_world import FastWorld
from machine import machine_line

from ilw_bringup.correct.lessons import CorrectOptions, Lessons
from ilw_bringup.correct.rounds import Rounds
from ilw_core import world_seeds
from ilw_core.contract.file import Contract, load_contract
from ilw_core.storage.locate import config_file
from ilw_learner.rollout.compare import compared
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

FAST = 'correct_parts.fast_world:make_env'


def clone(contract: Contract, out: Path, seed: int, demonstrations: int) -> tuple[Path, Path, int]:
    """Return demonstrations, the policy cloned from them, and how many of them succeeded."""
    base, demos = seed * world_seeds.PER_RUN, out / 'demos' / contract.name
    world, hand, driven = FastWorld(contract), Hand(None, seed), 0
    for number in range(demonstrations):
        folder = demos / f'{number:03d}'
        if not folder.exists():
            save(folder, f'{number:03d}', world, base + world_seeds.DEMONSTRATE + number, None,
                 hand)
        driven += json.loads((folder / 'episode.json').read_text())['outcome'] == 'success'
    algorithm, config = load_config(config_file('train', 'bc'), contract.name)
    config = replace(config, candidates=1, eval_episodes=1)
    kept = out / 'cloned' / 'checkpoint'
    if not kept.exists():
        train(TrainOptions(contract=contract, algorithm=algorithm, config=config, demos=demos,
                           out=out / 'cloned', seed=seed, env_spec=FAST,
                           eval_seed=base + world_seeds.CHOOSE), lambda now: True)
    return demos, kept, driven


def learn_fresh(options: CorrectOptions, out: Path, minutes: list[float]) -> tuple[Path, float]:
    """Return what rounds of as many minutes of demonstrations teach, and how long they took."""
    lessons, policy, taken = Lessons(options, FastAttempts), options.checkpoint, 0.0
    before = [options.demos]
    for number, wanted in enumerate(minutes, 1):
        shown = lessons.demonstrate(number, out / f'fresh-{number}', wanted, 'fresh')
        policy = lessons.learn(number, out / f'training-{number}', shown.episodes, before, policy,
                               'fresh')
        before.append(shown.episodes)
        taken += shown.person_minutes(shown.done())
    return policy, taken


def judge(options: CorrectOptions, after: Path, file: Path, starts: int) -> dict:
    """Compare with the policy of the beginning from starts that no round has used."""
    lessons = Lessons(replace(options, episodes=starts), FastAttempts)
    return compared(lessons.compare(0, file, options.checkpoint, after, 'judged'),
                    starts).as_json()


def measure(contract: Contract, given: argparse.Namespace, out: Path, seed: int) -> dict:
    """Return the figures of one seed."""
    begin = time.process_time()
    demos, cloned, driven = clone(contract, out, seed, given.demonstrations)
    rows = {'seed': seed, 'expert': driven, 'demonstrations': given.demonstrations}
    algorithm, config = load_config(config_file('train', given.config), contract.name)
    options = CorrectOptions(
        contract=contract, task=contract.name, checkpoint=cloned, demos=demos,
        out=out / ('rounds' if given.budget is None else f'rounds-asked-{given.budget:g}'),
        budget=given.budget, algorithm=algorithm,
        config=replace(config, **json.loads(given.values)), rounds=given.rounds,
        attempts=given.attempts, episodes=given.episodes, labels=given.labels, scripted=True,
        seed=seed, env_spec=FAST, say=lambda text: print(text, file=sys.stderr))
    records = Rounds(options, FastAttempts).run()
    rows['rounds'] = [{
        'takeovers_per_attempt': each.takeovers_per_attempt, 'success': each.success,
        'requests_per_attempt': each.requests / len(each.attempts),
        'novel': sum(one.novel for one in each.attempts),
        'risky': sum(one.risky for one in each.attempts),
        'requests_per_step': each.requests_per_step, 'budget_kept': each.budget_kept,
        'person_share': each.person_share, 'promoted': each.promoted, 'worse': each.worse,
        'corrections': asdict(each.corrections)} for each in records]
    minutes = [each.corrections.minutes for each in records]
    rows |= {'minutes': sum(minutes), 'judged': judge(
        options, Path(records[-1].checkpoint), options.out / 'judged.jsonl', given.judge)}
    if given.fresh:
        policy, rows['fresh_minutes'] = learn_fresh(options, out, minutes)
        rows['fresh_judged'] = judge(options, policy, out / 'judged-fresh.jsonl', given.judge)
    return rows | {'cpu_s': round(time.process_time() - begin, 1)}


def main() -> None:
    """Measure and print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--task', default='clutter_hard', help='in config/tasks, or a path')
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--demonstrations', type=int, default=60)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--attempts', type=int, default=40)
    parser.add_argument('--episodes', type=int, default=100)
    parser.add_argument('--judge', type=int, default=100)
    parser.add_argument('--labels', default='weighted')
    parser.add_argument('--budget', type=float, help='the policy asks for help, so often')
    parser.add_argument('--config', default='bc_corrections')
    parser.add_argument('--values', default='{}', help='of the rounds, as {"updates": 2000}')
    parser.add_argument('--fresh', action='store_true')
    parser.add_argument('--out', type=Path, help='folder to go on in')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    if given.judge > given.episodes:
        parser.error('--judge must be at most --episodes: the starts after them are of round 1.')
    contract = load_contract(config_file('tasks', given.task))
    out, rows = given.out or Path(tempfile.mkdtemp()), []
    with arrays_for_recordings():
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            rows.append(measure(contract, given, out / str(seed), seed))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    report = {'task': contract.name, 'labels': given.labels, 'seeds': rows,
              'machine': machine_line()}
    print(json.dumps(report) if given.json else
          '\n'.join(f'{key}: {value}' for key, value in report.items()))


if __name__ == '__main__':
    main()
