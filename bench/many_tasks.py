"""
One policy for several tasks beside a specialist for each, in process.

    python bench/many_tasks.py clutter corridor dock follow_wall --demos demos --seeds 1 --json
    python bench/many_tasks.py reach_beside lift_beside pick_place_state --demonstrations 60

Every specialist and the one policy learn the same demonstrations with the values of
``config/train/bc.yaml``, as many windows of each task; all drive the same worlds, which none of
them has seen: bases in the batched simulator, arms in that of ``./ilw eval``. Episodes recorded
before are those of ``./ilw demo --task NAME``; of arms ``--demonstrations`` has them made as in
``bench/arm.py``, where ``--demos`` has none.
"""

from dataclasses import replace
import json
from pathlib import Path
import sys
import tempfile
import time

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from arm import driven_by_joy
from machine import machine_line

from ilw_core import world_seeds
from ilw_core.contract.file import Contract, named_contract
from ilw_core.scores.statistics import wilson
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.rollout.evaluate import evaluate
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TaskDemos, TrainOptions
from ilw_learner.training.train import train
from ilw_sim.arm.tasks import is_arm
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.env import make_env


def driven(checkpoint: Path, contract: Contract, worlds: range) -> int:
    """Return in how many worlds a policy succeeds."""
    if not is_arm(contract):
        return _together(checkpoint, BatchEnv(contract, scenes=make_scenes(contract, worlds)))
    env = make_env(contract)
    runs = evaluate(env, contract, PolicyRunner(checkpoint, contract, own=True), worlds)
    env.close()
    return sum(run.success for run in runs)


def _together(checkpoint: Path, env: BatchEnv) -> int:
    """Return how many of an environment's robots succeed in the first episode of each."""
    found = load_checkpoint(checkpoint, env.contract)
    values = np.zeros((env.num_envs, 1, found.seen.obs_dim), np.float32)
    values[..., env.contract.obs_dim:] = found.told
    graph = Graph(found.graph, values.shape)
    obs, _ = env.reset(seed=0)
    running, success = np.ones(env.num_envs, dtype=bool), 0
    while running.any():
        values[:, 0, :env.contract.obs_dim] = obs
        obs, _, terminated, truncated, info = env.step(graph.batch(values)[:, 0])
        ended = terminated | truncated
        success += int((running & ended & info['success']).sum())
        running &= ~ended
    return success


def trained(tasks: list[TaskDemos], config: str, out: Path, seed: int) -> tuple[Path, float]:
    """Return the checkpoint of the tasks together, the last of its training, and CPU seconds."""
    name = '+'.join(each.contract.name for each in tasks)
    algorithm, values = load_config(config_file('train', config), name)
    begin = time.process_time()
    summary = train(TrainOptions(
        contract=tasks[0].contract, algorithm=algorithm, config=replace(values, candidates=1),
        demos=tasks[0].demos, out=out / f'{name}-{seed}', seed=seed,
        tasks=tuple(tasks) if len(tasks) > 1 else ()), lambda now: True)
    return Path(summary.checkpoint), time.process_time() - begin


def shown(contract: Contract, demos: Path, demonstrations: int) -> TaskDemos:
    """Return a task with its episodes; those of an arm are made where there are none."""
    folder = demos / contract.name
    if demonstrations and is_arm(contract) and not folder.exists():
        driven_by_joy(contract, range(world_seeds.DEMONSTRATE,
                                      world_seeds.DEMONSTRATE + demonstrations), 1.0, keep=folder)
    return TaskDemos(contract, folder)


def row(name: str, counts: list[int], episodes: int, contract: Contract) -> dict[str, object]:
    """Return how one policy did in one task, over all seeds."""
    low, high = wilson(sum(counts), episodes * len(counts))
    return {'task': contract.name, 'policy': name, 'success': counts, 'n': episodes,
            'ratio': sum(counts) / (episodes * len(counts)), 'wilson95': [low, high]}


@click.command()
@click.argument('tasks', nargs=-1, required=True)
@click.option('--demos', type=click.Path(path_type=Path), default=Path('demos'), show_default=True)
@click.option('--demonstrations', type=click.IntRange(0), default=0,
              help='Of an arm without episodes: so many are made into --demos.')
@click.option('--config', default='bc', show_default=True)
@click.option('--episodes', type=click.IntRange(1), default=100, show_default=True)
@click.option('--seeds', type=click.IntRange(1), default=1, show_default=True)
@click.option('--out', type=click.Path(path_type=Path), help='Keeps the trainings [nowhere].')
@click.option('--json', 'as_json', is_flag=True)
def main(tasks: tuple[str, ...], demos: Path, demonstrations: int, config: str, episodes: int,
         seeds: int, out: Path | None, as_json: bool) -> None:
    """Train, drive, and show a row per policy and task."""
    given = [shown(contract, demos, demonstrations) for contract in map(named_contract, tasks)]
    worlds = range(world_seeds.SCORE, world_seeds.SCORE + episodes)
    rows, cpu = [], {'specialists': 0.0, 'one': 0.0}
    with tempfile.TemporaryDirectory() as nowhere:
        folder = out or Path(nowhere)
        together = []
        for seed in range(seeds):
            path, spent = trained(given, config, folder, seed)
            together.append(path)
            cpu['one'] += spent
        for each in given:
            alone = []
            for seed in range(seeds):
                path, spent = trained([each], config, folder, seed)
                alone.append(driven(path, each.contract, worlds))
                cpu['specialists'] += spent
            rows += [row('specialist', alone, episodes, each.contract),
                     row('one policy', [driven(path, each.contract, worlds)
                                    for path in together], episodes, each.contract)]
            for one in () if as_json else rows[-2:]:
                low, high = one['wilson95']
                click.echo(f'{one["task"]:<16} {one["policy"]:<11}{one["ratio"]:6.1%} '
                           f'(95 %: {low:.0%} to {high:.0%})  {one["success"]} of {episodes}')
    found = {'rows': rows, 'cpu_s': {name: round(spent, 1) for name, spent in cpu.items()},
             'machine': machine_line()}
    click.echo(json.dumps(found) if as_json else f'CPU seconds of training: {found["cpu_s"]}')


if __name__ == '__main__':
    main()
