"""
Policies that give chunks of actions beside ``bc``, from the same demonstrations, in process.

    python bench/chunks.py lift_state --demonstrations 60 --episodes 100 --json

Demonstrations as in ``bench/arm.py`` and ``bench/correct.py``. The last candidate is scored, in
worlds nobody has seen, as it is and with each inference slower on purpose; with ``--choose`` the
one of all candidates that is best in the worlds of the choice when driven so slowly.
"""

from collections.abc import Sequence
from dataclasses import replace
import json
import math
from pathlib import Path
import sys
import tempfile
import time

import click
import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from arm import driven_by_joy
from correct_parts.fast_drive import Hand, as_episode, drive
from correct_parts.fast_world import FastWorld
from machine import machine_line

from ilw_core import world_seeds
from ilw_core.align import Observation
from ilw_core.contract.file import Contract, named_contract, parse_contract
from ilw_core.episode import Episode, Outcome
from ilw_core.scores.statistics import wilson
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset, split_episodes
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.algorithms.act import ActPolicy
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.flow import FlowPolicy
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.rollout.evaluate import evaluate, make_env
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.from_demonstrations import by_autograd
from ilw_learner.training.imitation import Imitation, ImitationConfig
from ilw_learner.training.options import TrainOptions, training_math

_ENV = 'ilw_sim.env:make_env'
_POLICIES = {'act': ActPolicy, 'flow': FlowPolicy}


def shown(contract: Contract, seeds: range) -> list[Episode]:
    """Return an expert's episodes in the worlds of some seeds."""
    if (contract.scene or {}).get('arm'):
        return driven_by_joy(contract, seeds, 1.0)
    world, hand = FastWorld(contract), Hand(None, 0)
    return [as_episode(drive(world, seed, None, hand), str(seed), contract) for seed in seeds]


@training_math()
def trained(algorithm: str, config: ImitationConfig, episodes: Sequence[Episode],
            contract: Contract, seed: int, out: Path, candidates: int = 1) -> list[Path]:
    """Return the checkpoints along a training on the successes, the last at its end."""
    good = [each for each in episodes if each.outcome is Outcome.SUCCESS]
    data = build_dataset(good, contract, history=config.history, horizon=config.horizon,
                         open_ended=config.open_ended)
    kept, held = split_episodes(len(good), config.held_out_ratio, np.random.default_rng(seed))
    options = TrainOptions(contract, algorithm, config, out, out, seed=seed)
    make_step = (by_autograd(options, _POLICIES[algorithm]) if algorithm in _POLICIES
                 else cloning_step(contract, config, seed))
    learner = Imitation(contract, algorithm, config, make_step, data.pick(kept), data.pick(held),
                        out, seed=seed)
    marks = [math.ceil(learner.planned * (i + 1) / candidates) for i in range(candidates)]
    for mark in marks:
        while learner.done < mark:
            learner.advance()
        learner.judge()
    return [out / f'candidate-{mark}' for mark in marks]


def chosen(candidates: Sequence[Path], contract: Contract, slower_s: float,
           worlds: int) -> tuple[Path, list[int]]:
    """Return the best candidate, of equals the last, and how often each succeeded."""
    good = [driven(each, contract, slower_s, world_seeds.CHOOSE, worlds)[0]
            for each in candidates]
    return max(zip(good, range(len(good)), candidates, strict=True))[2], good


def thinking_ms(checkpoint: Path, contract: Contract, times: int = 1000) -> tuple[float, float]:
    """
    Return what a decision costs on one core, (p50, p99): processor time [ms].

    Not wall time, which beside other work tells how busy the machine is.
    """
    runner, rng, spent = PolicyRunner(checkpoint, contract, own=True), np.random.default_rng(0), []
    for k in range(times):
        runner.observe(Observation(
            k, rng.uniform(contract.obs_low, contract.obs_high).astype(np.float32),
            np.ones(contract.obs_dim, dtype=bool), 0,
            {source.name: rng.integers(0, 256, source.feature.shape, dtype=np.uint8)
             for source in contract.images}))
        begin = time.process_time_ns()
        runner.act()
        spent.append((time.process_time_ns() - begin) / 1e6)
    return float(np.percentile(spent, 50)), float(np.percentile(spent, 99))


def with_cameras(contract: Contract, count: int = 2, size: int = 84) -> Contract:
    """Return a contract that observes so many square images, too."""
    data = yaml.safe_load(contract.text)
    for number in range(count):
        data['observation'][f'camera_{number}'] = {
            'topic': f'camera_{number}/image', 'type': 'sensor_msgs/msg/CompressedImage',
            'feature': 'image', 'size': [size, size]}
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def untrained(algorithm: str, contract: Contract, out: Path) -> Path:
    """Return a checkpoint of weights that have learned nothing: they cost as much."""
    _, config = load_config(config_file('train', algorithm), contract.name)
    rng = np.random.default_rng(0)
    action = contract.action
    policy = _POLICIES[algorithm](
        contract, config, rng.uniform(contract.obs_low, contract.obs_high, (
            64, config.history, contract.obs_dim)).astype(np.float32),
        rng.uniform(action.low, action.high, (64, config.horizon, action.dim)).astype(np.float32))
    policy.history, policy.horizon = config.history, config.horizon
    save_checkpoint(out, contract, {
        'algorithm': algorithm, 'history': config.history, 'horizon': config.horizon},
        {'policy.onnx': to_onnx(policy, contract, config.history), 'weights.safetensors': b''})
    return out


def _show_costs(contract: Contract, algorithms: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for seen, sees in ((contract, 'numbers'),
                           (with_cameras(contract), 'numbers and 2 images of 84 x 84')):
            for algorithm in algorithms:
                out = untrained(algorithm, seen, Path(folder) / f'{algorithm} {sees}')
                p50, p99 = thinking_ms(out, seen)
                click.echo(f'{algorithm:<5} from {sees}: a decision takes {p50:.2f} ms of one '
                           f'core (99 %: {p99:.2f} ms)')
    click.echo(machine_line())


@click.command()
@click.argument('task', default='lift_state')
@click.option('--algo', 'algorithms', multiple=True, default=('bc', 'act', 'flow'),
              type=click.Choice([n for n, each in ALGORITHMS.items() if each.demonstrated]))
@click.option('--demonstrations', type=click.IntRange(2), default=60, show_default=True)
@click.option('--episodes', type=click.IntRange(1), default=100, show_default=True)
@click.option('--slower', 'slower_s', type=float, multiple=True, default=(0.0, 0.3),
              help='Seconds that each inference takes longer; several are driven one by one.')
@click.option('--choose', 'choose_s', type=float, multiple=True,
              help='Drive the best candidate of those judged so much slower [the last].')
@click.option('--seed', type=click.IntRange(0), default=0, show_default=True)
@click.option('--set', 'values', multiple=True, help='KEY=VALUE instead of that of config/train.')
@click.option('--keep', type=click.Path(path_type=Path), help='Folder for the checkpoints.')
@click.option('--costs', is_flag=True, help='Only what a decision costs, of networks untrained.')
@click.option('--json', 'as_json', is_flag=True)
def main(task: str, algorithms: tuple[str, ...], demonstrations: int, episodes: int,
         slower_s: tuple[float, ...], choose_s: tuple[float, ...], seed: int,
         values: tuple[str, ...], keep: Path | None, costs: bool, as_json: bool) -> None:
    """Train each algorithm on the same demonstrations, drive, and show a row for each."""
    contract = named_contract(task)
    if costs:
        return _show_costs(contract, [name for name in algorithms if name in _POLICIES])
    first = world_seeds.DEMONSTRATE + seed * demonstrations
    demos = shown(contract, range(first, first + demonstrations))
    rows = []
    for algorithm in algorithms:
        _, config = load_config(config_file('train', algorithm), contract.name)
        config = _with(config, values)
        with tempfile.TemporaryDirectory() as folder:
            begin = time.process_time()
            out = (keep or Path(folder)) / f'{task}-{algorithm}-{seed}'
            out.mkdir(parents=True, exist_ok=True)
            candidates = trained(algorithm, config, demos, contract, seed, out,
                                 config.candidates if choose_s else 1)
            train_s = time.process_time() - begin
            picked = [(*chosen(candidates, contract, each, config.eval_episodes), each)
                      for each in choose_s] or [(candidates[-1], [], None)]
            for checkpoint, judged, chose in picked:
                for late_s in slower_s:
                    rows.append(_scored(checkpoint, contract, algorithm, late_s, episodes)
                                | {'train_cpu_s': round(train_s), 'checkpoint': checkpoint.name,
                                   'chosen_at_s': chose, 'judged': judged})
                    if not as_json:
                        _show(rows[-1])
    if as_json:
        click.echo(json.dumps({'task': task, 'demonstrations': demonstrations, 'seed': seed,
                               'values': values, 'rows': rows, 'machine': machine_line()}))
    else:
        click.echo(machine_line())


def _with(config: ImitationConfig, values: Sequence[str]) -> ImitationConfig:
    for each in values:
        key, _, value = each.partition('=')
        if hasattr(config, key):
            config = replace(config, **{key: type(getattr(config, key))(
                value == 'true' if type(getattr(config, key)) is bool else value)})
    return config


def driven(checkpoint: Path, contract: Contract, slower_s: float, first: int,
           worlds: int) -> tuple[int, list[float]]:
    """Return how often a checkpoint succeeds from a world on, and in how many seconds each."""
    env = make_env(_ENV, contract)
    runs = evaluate(env, contract, PolicyRunner(checkpoint, contract, own=True, slower_s=slower_s),
                    range(first, first + worlds))
    env.close()
    took = [run.time_s for run in runs if run.success]
    return len(took), took


def _scored(checkpoint: Path, contract: Contract, name: str, slower_s: float,
            episodes: int) -> dict[str, object]:
    good, took = driven(checkpoint, contract, slower_s, world_seeds.SCORE, episodes)
    return {'algorithm': name, 'slower_s': slower_s, 'success': good, 'n': episodes,
            'wilson95': wilson(good, episodes),
            'median_s': round(float(np.median(took)), 2) if took else None}


def _show(row: dict[str, object]) -> None:
    low, high = row['wilson95']  # type: ignore[misc]
    click.echo(f'{row["algorithm"]:<6} +{row["slower_s"]:g} s: {row["success"]} of {row["n"]} '
               f'(95 %: {low:.0%} to {high:.0%}), median {row["median_s"]} s, '
               f'training {row["train_cpu_s"]} CPU s'
               + (f'; {row["checkpoint"]} chosen at +{row["chosen_at_s"]:g} s of '
                  f'{row["judged"]}' if row['judged'] else ''))


if __name__ == '__main__':
    main()
