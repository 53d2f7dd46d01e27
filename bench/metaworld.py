"""
Policies of ILW in Meta-World, cloned from its own scripted experts and judged by its own rule.

    bench/setup metaworld
    python bench/metaworld.py --json                         # MT10: ten tasks, bc, act and flow
    python bench/metaworld.py reach-v3 push-v3 --algo act --lerobot --no-together

Each expert drives 50 episodes from starts and goals that the seed draws; they are recorded as ILW
records. Observed are Meta-World's 39 numbers, the goal among them (as in its MT1 and MT10). An
episode succeeds when ``info['success']`` is true at any of its 500 steps. Every policy drives the
same worlds, which none has seen, through its exported graph; the last candidate of its training is
judged, none is chosen. ``--lerobot`` trains LeRobot's ACT beside ours, with a network as large,
from as many windows of the same episodes, at half the chunk, too.
"""

from dataclasses import replace
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine_line
from metaworld_parts.shown import contract_of, show
from metaworld_parts.world import PYTHON, SUITE, World, Worlds

from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_core.scores.statistics import wilson
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset, split_episodes
from ilw_data.lerobot.environment import lerobot_python
from ilw_learner.rollout.evaluate import evaluate
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.imitation import ImitationConfig
from ilw_learner.training.options import TaskDemos, TrainOptions, load_demonstrations
from ilw_learner.training.train import train

VALUES = {'bc': {}, 'act': {'updates': 1000}, 'flow': {'updates': 1000}}
"""Instead of those of ``config/train``"""
_RATE = 1e-3
"""Of LeRobot's ACT; see docs/reference/benchmarks.md"""
ONE, THEIRS = 'one policy', 'LeRobot act'


def options_of(tasks: list[TaskDemos], algorithm: str, out: Path, seed: int,
               updates: int) -> TrainOptions:
    """Return how a policy is trained; ``updates``: instead of those of its file, 0: those."""
    _, config = load_config(config_file('train', algorithm), tasks[0].contract.name)
    config = replace(config, candidates=1, **VALUES[algorithm])
    if updates:
        config = replace(config, updates=updates)
    return TrainOptions(
        contract=tasks[0].contract, algorithm=algorithm, config=config, demos=tasks[0].demos,
        out=out, seed=seed, tasks=tuple(tasks) if len(tasks) > 1 else ())


def trained(options: TrainOptions) -> tuple[Path, float]:
    """Return the checkpoint at a training's end, and its CPU seconds."""
    begin = time.process_time()
    summary = train(options, lambda now: True)
    return Path(summary.checkpoint), time.process_time() - begin


def driven(checkpoint: Path, contract: Contract, worlds: Worlds, seeds: range) -> int:
    """Return in how many worlds of a task a policy succeeds."""
    runs = evaluate(World(worlds, contract.name), contract,
                    PolicyRunner(checkpoint, contract, own=True), seeds)
    return sum(run.success for run in runs)


def expert_drives(task: str, worlds: Worlds, seeds: range) -> int:
    """Return in how many worlds the scripted expert succeeds."""
    world, good = World(worlds, task), 0
    for seed in seeds:
        world.reset(seed=seed)
        ended = False
        while not ended:
            _, _, success, truncated, _ = world.step(world.expert)
            ended = success or truncated
        good += success
    return good


def theirs(options: TrainOptions, python: Path, folder: Path, seeds: range,
           vae: bool) -> tuple[int, float]:
    """Return how often LeRobot's ACT succeeds, from the windows of a task, and CPU seconds."""
    config = options.config
    assert isinstance(config, ImitationConfig)
    data = build_dataset(load_demonstrations(options), options.contract, horizon=config.horizon,
                         open_ended=True)
    kept, _ = split_episodes(len(data.names), config.held_out_ratio,
                             np.random.default_rng(options.seed))
    data = data.pick(kept)  # what ours is trained on, too
    np.savez(folder / 'windows.npz', obs=data.obs[:, 0], actions=data.actions)
    values = {'updates': config.updates, 'batch': config.batch, 'rate': _RATE, 'vae': vae,
              'seed': options.seed, 'first': seeds.start, 'episodes': len(seeds)}
    done = subprocess.run(
        [python, Path(__file__).parent / 'metaworld_parts' / 'act_lerobot.py', folder,
         options.contract.name, json.dumps(values)],
        env=os.environ | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': ''}, capture_output=True,
        text=True, check=False)
    if done.returncode:
        sys.exit(f'act_lerobot.py failed:\n{done.stderr[-2000:]}')
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return told['success'], told['train_cpu_s']


def row(task: str, policy: str, good: int, episodes: int, cpu_s: float) -> dict[str, object]:
    """Return how one policy did in one task."""
    return {'task': task, 'policy': policy, 'success': good, 'n': episodes,
            'wilson95': wilson(good, episodes), 'train_cpu_s': round(cpu_s, 1)}


def shares(rows: list[dict[str, object]]) -> dict[str, float]:
    """Return the mean success of each policy over its tasks, as a share of the expert's there."""
    good: dict[str, dict[object, int]] = {}
    for each in rows:
        good.setdefault(str(each['policy']), {})[each['task']] = int(str(each['success']))
    return {policy: round(sum(found.values()) / sum(good['expert'][task] for task in found), 3)
            for policy, found in good.items()}


@click.command()
@click.argument('tasks', nargs=-1)
@click.option('--algo', 'algorithms', multiple=True, type=click.Choice([*VALUES]),
              default=[*VALUES], show_default=True)
@click.option('--demonstrations', type=click.IntRange(2), default=50, show_default=True)
@click.option('--episodes', type=click.IntRange(1), default=50, show_default=True)
@click.option('--together/--no-together', default=True, show_default=True,
              help='One policy for all tasks, too, by bc.')
@click.option('--lerobot', is_flag=True, help='LeRobot\'s ACT beside ours, too.')
@click.option('--vae', is_flag=True, help='LeRobot\'s with its CVAE, which ours has switched off.')
@click.option('--updates', type=click.IntRange(0), default=0, help='Of each training.')
@click.option('--seed', type=click.IntRange(0), default=0, show_default=True)
@click.option('--demos', type=click.Path(path_type=Path), help='Keeps the episodes [nowhere].')
@click.option('--json', 'as_json', is_flag=True)
def main(tasks: tuple[str, ...], algorithms: tuple[str, ...], demonstrations: int, episodes: int,
         together: bool, lerobot: bool, vae: bool, updates: int, seed: int, demos: Path | None,
         as_json: bool) -> None:
    """Record, train, drive, and show a row per policy and task."""
    if not PYTHON.exists():
        sys.exit('Run bench/setup metaworld first: it has an environment of its own.')
    python = lerobot_python(lambda text: click.echo(text, err=True)) if lerobot else None
    seeds = range(world_seeds.SCORE, world_seeds.SCORE + episodes)
    rows: list[dict[str, object]] = []

    def add(*of_row: object) -> None:
        rows.append(row(*of_row))  # type: ignore[arg-type]
        low, high = rows[-1]['wilson95']  # type: ignore[misc]
        click.echo(f'{rows[-1]["task"]:<24} {rows[-1]["policy"]:<12}{rows[-1]["success"]:4} of '
                   f'{episodes} (95 %: {low:.0%} to {high:.0%}), training '
                   f'{rows[-1]["train_cpu_s"]} CPU s', err=as_json)

    with tempfile.TemporaryDirectory() as nowhere, Worlds() as worlds:
        folder, given = Path(nowhere), []
        for task in tasks or SUITE:
            contract = contract_of(task)
            given.append(TaskDemos(contract, (demos or folder / 'demos') / task))
            for each in range(world_seeds.DEMONSTRATE, world_seeds.DEMONSTRATE + demonstrations):
                if not (given[-1].demos / str(each)).exists():
                    show(World(worlds, task), contract, each, given[-1].demos / str(each))
            add(task, 'expert', expert_drives(task, worlds, seeds), episodes, 0.0)
            for algorithm in algorithms:
                path, spent = trained(options_of(
                    given[-1:], algorithm, folder / f'{task}-{algorithm}', seed, updates))
                add(task, algorithm, driven(path, contract, worlds, seeds), episodes, spent)
            if python is not None:
                options = options_of(given[-1:], 'act', folder / f'{task}-theirs', seed, updates)
                good, spent = theirs(options, python, folder, seeds, vae)
                add(task, THEIRS, good, episodes, spent)
        if together and len(given) > 1:
            path, spent = trained(options_of(given, 'bc', folder / 'together', seed, updates))
            for each in given:
                add(each.contract.name, ONE, driven(path, each.contract, worlds, seeds), episodes,
                    spent)
    found = {'rows': rows, 'share_of_expert': shares(rows), 'demonstrations': demonstrations,
             'seed': seed, 'machine': machine_line()}
    click.echo(json.dumps(found) if as_json else
               f'Mean success as a share of the expert\'s: {found["share_of_expert"]}\n'
               f'{found["machine"]}')


if __name__ == '__main__':
    main()
