"""The learner's commands: train, eval, episodes. Without ROS."""

from collections.abc import Callable
import json
import math
from pathlib import Path
import sys
import time
from typing import Any, TypeVar

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from ilw_core.contract import Contract, load_contract
from ilw_core.episode_folder import find_episodes, read_episode
from ilw_core.errors import IlwError
from ilw_core.locate import config_file
from ilw_learner.commands_runs import runs, sweep

_ERR = Console(stderr=True)
_VALIDATION_SEED = 300_000
"""Evaluation starts at 600,000: a checkpoint is never chosen on the worlds it is scored on"""
F = TypeVar('F', bound=Callable[..., Any])


def _task(function: F) -> F:
    return click.option('--task', default='clutter', show_default=True,
                        help='A contract in config/tasks/, or a path.')(function)


def _json(function: F) -> F:
    return click.option('--json', 'as_json', is_flag=True,
                        help='One JSON object on standard output.')(function)


def _progress_json(function: F) -> F:
    return click.option('--progress-json', is_flag=True, hidden=True,
                        help='A JSON line per progress, for a program that follows.')(function)


def _contract(name: str) -> Contract:
    return load_contract(config_file('tasks', name))


@click.command()
@_task
@click.option('--demos', type=click.Path(path_type=Path), help='Folder of episodes [demos/TASK].')
@click.option('--config', '--algo', 'config_name', default='bc', show_default=True,
              help='In config/train/ (bc, dqn, dqfd, qtable), or a path.')
@click.option('--seed', default=0, show_default=True, help='Weights, order, split.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment to choose checkpoints in, or none; or the '
                   'id of a Gymnasium environment to learn in, such as CartPole-v1.')
@click.option('--simulator', default='ilw_sim.batch.batch_env:make_batch', show_default=True,
              help='module:function of the many robots that dqn and dqfd learn with.')
@click.option('--track', type=click.Choice(['tensorboard', 'wandb']), default='tensorboard',
              show_default=True, help='Where the numbers go, beside metrics.jsonl.')
@click.option('--max-demos', default=0, help='Use only this many demonstrations [all].')
@click.option('--eval-seed', default=_VALIDATION_SEED, show_default=True,
              help='First world to choose checkpoints in.')
@click.option('--out', type=click.Path(path_type=Path), help='Folder of the run [runs/<id>].')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@_progress_json
@_json
def train(task: str, demos: Path | None, config_name: str, seed: int, env_spec: str,
          simulator: str, track: str, max_demos: int, eval_seed: int, out: Path | None,
          allow_other_contract: bool, progress_json: bool, as_json: bool) -> None:
    """
    Train a policy from recorded episodes, from reward, or from both.

    Example: ./ilw train --task clutter --demos demos/clutter
    """
    from ilw_learner.q_training import train_on_gymnasium
    from ilw_learner.train_config import load_config
    from ilw_learner.training import train as train_as_asked
    from ilw_learner.training_run import TrainOptions

    elsewhere = env_spec != 'none' and ':' not in env_spec
    contract = _contract(task)
    name = env_spec if elsewhere else contract.name
    algorithm, config = load_config(config_file('train', config_name), name)
    if elsewhere and algorithm != 'dqn':
        raise IlwError(f'{algorithm} learns tasks with a contract only. For the Gymnasium '
                       f'environment {env_spec}: --algo dqn.')
    out = out or Path('runs') / f'{time.strftime("%Y%m%d-%H%M%S")}-{algorithm}-{name}'
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        row = bar.add_task('train', total=None)

        def show(now: Any) -> bool:
            bar.update(row, completed=now.update, total=now.updates,
                       description=f'train, loss {now.loss:.4f}')
            if progress_json:
                click.echo(json.dumps({'progress': {
                    'update': now.update, 'updates': now.updates, 'loss': now.loss,
                    'success_ratio': None if math.isnan(now.success_ratio)
                    else now.success_ratio}}))
            return True

        options = TrainOptions(
            contract=contract, algorithm=algorithm, config=config, simulator=simulator,
            track=track,
            demos=demos or Path('demos') / contract.name, out=out, seed=seed,
            env_spec=None if env_spec == 'none' else env_spec,
            eval_seed=eval_seed, allow_other_contract=allow_other_contract, max_demos=max_demos,
            say=lambda text: _ERR.print(text, style='yellow', soft_wrap=True))
        if elsewhere:
            summary = train_on_gymnasium(env_spec, config, out, seed, show, track=track)
        else:
            summary = train_as_asked(options, show)
    if as_json or progress_json:
        click.echo(json.dumps(summary))
        return
    if algorithm == 'bc':
        click.echo(f'{summary["windows"]} steps of {summary["episodes"]} episodes, '
                   f'{summary["train_s"]:.0f} s.')
        _print_errors(contract, summary['held_out'])
    else:
        click.echo(f'{summary["steps"]} steps, {summary["updates"]} updates, '
                   f'{summary["train_s"]:.0f} s.')
    if algorithm == 'qtable':
        click.echo(f'optimal in {summary["optimal_states"]} of {summary["states"]} states from '
                   f'which the goal can be reached (value iteration)')
    if elsewhere:
        click.echo(f'mean return {summary["mean_return"]:.1f}')
    if summary['success'] is not None:
        click.echo(f'success {summary["success"]}/{summary["episodes_eval"]} in simulation')
    click.echo(f'checkpoint: {summary["checkpoint"]}')


def _print_errors(contract: Contract, held_out: dict[str, Any]) -> None:
    """Show the held-out error beside that of repeating the last command."""
    if not held_out['windows']:
        click.echo('No held-out error: it takes two episodes or more.')
        return
    for name, unit in zip(contract.action.names, contract.action.units, strict=True):
        mae, last = held_out['mae'][name], held_out['mae_last_command'][name]
        rmse, last_rmse = held_out['rmse'][name], held_out['rmse_last_command'][name]
        click.echo(f'{name} [{unit}], held-out: mean error {mae:.4f} (repeating the last command '
                   f'{last:.4f}), root mean square {rmse:.4f} ({last_rmse:.4f})')


@click.command(name='eval')
@click.argument('checkpoint')
@_task
@click.option('--episodes', type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option('--seed', default=600_000, show_default=True, help='First world.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True)
@_progress_json
@_json
def evaluate(checkpoint: str, task: str, episodes: int, seed: int, env_spec: str,
             progress_json: bool, as_json: bool) -> None:
    """
    Score a checkpoint (or idle, or random) in simulation, without ROS.

    Example: ./ilw eval runs/<id>/checkpoint --task maze
    """
    from ilw_core.score import score
    from ilw_learner.evaluate import Run, make_env
    from ilw_learner.evaluate import evaluate as drive
    from ilw_learner.runtime import PolicyRunner

    contract = _contract(task)
    runner = PolicyRunner(checkpoint, contract, seed=seed)
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        row = bar.add_task('evaluate', total=episodes)

        def show(so_far: list[Run]) -> None:
            bar.update(row, completed=len(so_far))
            if progress_json:
                click.echo(json.dumps({'progress': {
                    'done': len(so_far), 'success': sum(run.success for run in so_far)}}))

        runs = drive(make_env(env_spec, contract), contract, runner,
                     range(seed, seed + episodes), show)
    result = score(runs)
    if as_json or progress_json:
        click.echo(json.dumps(result))
        return
    low, high = result['wilson95']
    click.echo(f'success {result["success"]}/{result["n"]} (95 %: {low:.0%} to {high:.0%}), '
               f'{result["collisions"]} collisions')


@click.group()
def episodes() -> None:
    """
    Look at recorded episodes.

    Example: ./ilw episodes list demos/clutter
    """


@episodes.command(name='list')
@click.argument('root', type=click.Path(path_type=Path))
@_json
def list_episodes(root: Path, as_json: bool) -> None:
    """
    List the episodes at or below a folder.

    Example: ./ilw episodes list demos/clutter
    """
    rows = [{'path': str(f.path), 'task': f.meta.get('task', ''),
             'outcome': f.outcome.name.lower(), 'stop_reason': f.stop_reason,
             'mb': round(f.size_bytes / 1e6, 2)}
            for f in find_episodes(root)]
    if as_json:
        click.echo(json.dumps({'episodes': rows}))
        return
    for row in rows:
        click.echo(f'{row["outcome"]:<8} {row["stop_reason"]:<10} {row["mb"]:>7.2f} MB  '
                   f'{row["path"]}')
    good = sum(row['outcome'] == 'success' for row in rows)
    click.echo(f'{len(rows)} episodes, {good} successes')


@episodes.command()
@click.argument('path', type=click.Path(path_type=Path))
@_json
def show(path: Path, as_json: bool) -> None:
    """
    Show what is known of one episode, and what its bag holds.

    Example: ./ilw episodes show demos/clutter/20260101-120000-ab12cd34
    """
    from ilw_learner.bag_reader import topic_types

    folder = read_episode(path)
    known = {k: v for k, v in folder.meta.items() if k != 'contract_text'}
    if as_json:
        click.echo(json.dumps({'episode': known, 'topics': topic_types(folder.path)}))
        return
    for key, value in known.items():
        click.echo(f'{key:<16} {value}')
    for topic, kind in sorted(topic_types(folder.path).items()):
        click.echo(f'  {topic:<24} {kind}')


@episodes.command()
@click.argument('root', type=click.Path(path_type=Path))
@_task
@_json
def check(root: Path, task: str, as_json: bool) -> None:
    """
    Tell whether episodes are fit to train from; exit code 1 when something is bad.

    Example: ./ilw episodes check demos/clutter --task clutter
    """
    from ilw_learner.doctor import check_episodes

    findings, good = check_episodes(root, _contract(task))
    steps = int(np.sum([len(e.actions) for e in good]))
    if as_json:
        worst = {f.episode: f.level for f in reversed(findings)}
        verdicts = {folder.path.name: worst.get(folder.path.name, 'good')
                    for folder in find_episodes(root)}
        click.echo(json.dumps({'findings': [vars(f) for f in findings], 'verdicts': verdicts,
                               'episodes': len(good), 'steps': steps}))
    else:
        for finding in findings:
            click.echo(f'{finding.level:<5} {finding.episode or "all":<30} {finding.text}')
        click.echo(f'{len(good)} usable episodes, {steps} steps, {len(findings)} findings')
    if any(f.level == 'bad' for f in findings):
        sys.exit(1)


@click.group()
def learner() -> None:
    """Train and evaluate policies."""


for _command in (train, evaluate, episodes, runs, sweep):
    learner.add_command(_command)


def run(command: click.Command) -> None:
    """Run a command; a problem the user can solve is one line and exit code 2."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo('Stopped.', err=True)
        sys.exit(130)
    except IlwError as error:
        if '--progress-json' in sys.argv:  # a program follows: tell it the kind, too
            click.echo(json.dumps({'error': type(error).__name__, 'text': str(error)}))
        click.echo(f'error: {error}', err=True)
        sys.exit(2)
    except OSError as error:  # a full or read-only disk, most often
        click.echo(f'error: {error}', err=True)
        sys.exit(2)


def train_main() -> None:
    """``ros2 run ilw_learner train``."""
    run(train)


def evaluate_main() -> None:
    """``ros2 run ilw_learner evaluate``."""
    run(evaluate)


def episodes_main() -> None:
    """``ros2 run ilw_learner episodes``."""
    run(episodes)


if __name__ == '__main__':
    run(learner)
