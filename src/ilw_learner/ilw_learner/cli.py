"""The learner's commands: train, eval, and those in other files."""

from dataclasses import asdict
import json
from pathlib import Path
import re
import time
from typing import Any

import click
from click.core import ParameterSource
from rich.progress import Progress

from ilw_cli.config_name import ConfigName
from ilw_cli.options import (
    HERE,
    SeedList,
    checkpoint_task_option,
    json_option,
    named_plant,
    on_option,
    plant_option,
    profile_option,
    progress_json_option,
    task_option,
    trusted_keys_option,
)
from ilw_cli.run import run
from ilw_core import world_seeds
from ilw_core.errors import IlwError
from ilw_core.storage.files import json_text
from ilw_core.text.terminal import PlainConsole, echo
from ilw_learner.commands.runs import runs, sweep

_ERR = PlainConsole(stderr=True)
_WITH_A_CONTRACT = {'task', 'further', 'profile', 'demos', 'simulator', 'plant', 'max_demos',
                    'eval_seed', 'sign_key', 'allow_other_contract', 'begin', 'keep', 'old_demos',
                    'labels', 'without', 'reward_file'}
"""Options of ``train`` that a Gymnasium environment has no use for"""


@click.command()
@click.argument('further', nargs=-1, metavar='[TASK]...')
@task_option
@profile_option
@click.option('--demos', type=click.Path(path_type=Path), help='Folder of episodes [demos/TASK]; '
              'of several tasks a folder with one for each [demos].')
@click.option('--config', '--algo', 'config_name', type=ConfigName('train'), default='bc',
              show_default=True,
              help='In config/train/ (bc, act, flow, dqn, dqfd, qtable), or a path.')
@click.option('--algo-file', type=click.Path(path_type=Path),
              help='A Python file with an algorithm of your own; without --config, its defaults.')
@click.option('--from', 'begin', help='A checkpoint to begin with, also of another task, or '
              'deployed: what matches by name is carried over.')
@click.option('--keep', type=click.Choice(['none', 'replay', 'ewc']), default='none',
              show_default=True, help='What keeps the task of --from: half of each batch from its '
              'demonstrations, or elastic weights.')
@click.option('--old-demos', type=click.Path(path_type=Path), multiple=True, metavar='FOLDER',
              help='Episodes of the tasks before, for --keep; more than once for several '
                   '[beside --demos, by the names that the checkpoint remembers].')
@click.option('--labels', type=click.Choice(['all', 'person', 'weighted']), default='all',
              show_default=True, help='What is learned where a policy drove, too: all alike, what '
              'the person drove, or all of it weighted by who drove.')
@click.option('--reward', 'reward_file', type=click.Path(path_type=Path),
              help='A reward to learn from, as ./ilw reward recover makes it [the contract\'s].')
@click.option('--seed', default=0, show_default=True, help='Weights, order, split.')
@click.option('--seeds', type=SeedList(), help='Train once for each of several, as 0-4 or 0,3; '
              'into --out/seed-N. With --on, at once.')
@on_option
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment to choose checkpoints in, or none; or the '
                   'id of a Gymnasium environment to learn in, such as CartPole-v1 or '
                   'my_module:MyEnv-v0.')
@click.option('--simulator', default='ilw_sim.batch.batch_env:make_batch', show_default=True,
              help='module:function of the many robots that dqn and dqfd learn with.')
@plant_option
@click.option('--track', type=click.Choice(['tensorboard', 'wandb']), default='tensorboard',
              show_default=True, help='Where the numbers go, beside metrics.jsonl.')
@click.option('--max-demos', default=0, help='Use only this many demonstrations [all].')
@click.option('--eval-seed', default=world_seeds.CHOOSE, show_default=True,
              help='First world to choose checkpoints in.')
@click.option('--without', default='', metavar='ENTRIES',
              help='Entries of the observation that it is not to see, separated by commas.')
@click.option('--out', type=click.Path(path_type=Path), help='Folder of the run [runs/<id>].')
@click.option('--sign-key', type=click.Path(path_type=Path),
              help='Private key that signs the checkpoint; see ./ilw security key.')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@progress_json_option
@json_option
def train(task: str, further: tuple[str, ...], profile: str | None, demos: Path | None,
          config_name: str, algo_file: Path | None, begin: str | None, keep: str,
          old_demos: tuple[Path, ...], labels: str, reward_file: Path | None, seed: int,
          seeds: tuple[int, ...] | None, on: str, env_spec: str, simulator: str,
          plant: str | None, track: str, max_demos: int,
          eval_seed: int, without: str, out: Path | None, sign_key: Path | None,
          allow_other_contract: bool, progress_json: bool, as_json: bool) -> None:
    """
    Train a policy from recorded episodes, from reward, or from both.

    Example: ./ilw train --task clutter --demos demos/clutter

    Several tasks of one family become one policy: ./ilw train --task clutter corridor dock
    """
    from ilw_learner.checkpoint.folder import sign_checkpoint
    from ilw_learner.checkpoint.signing import load_signing_key
    from ilw_learner.rollout.gym_env import names_gymnasium
    from ilw_learner.spread.place import spread_on
    from ilw_learner.spread.trainings import (
        AskedTraining,
        over_seeds,
        ready_training,
        train_seeds,
    )
    from ilw_learner.training.no_success import next_steps
    from ilw_learner.training.runs import run_line

    if env_spec != 'none' and names_gymnasium(env_spec):
        _refuse_what_needs_a_contract(env_spec)
    if seeds is not None and _was_given('seed'):
        raise IlwError('--seed is one and --seeds are several. Give one of the two.')
    key = None if sign_key is None else load_signing_key(sign_key)
    default_config = algo_file is not None and not _was_given('config_name')
    asked = AskedTraining(
        tasks=_together(task, further), profile=profile, demos=demos,
        config=None if default_config else config_name, algo_file=algo_file, begin=begin,
        keep=keep, old_demos=old_demos, labels=labels, reward_file=reward_file, seed=seed,
        env_spec=env_spec, simulator=simulator, plant=plant, track=track, max_demos=max_demos,
        eval_seed=eval_seed, without=without, allow_other_contract=allow_other_contract)

    def say(text: str) -> None:
        _ERR.print(text, style='yellow', soft_wrap=True)

    training = ready_training(asked, say)
    out = out or Path('runs') / '-'.join([
        time.strftime('%Y%m%d-%H%M%S'), training.options.algorithm,
        re.sub('[/:]', '-', training.name)])
    many = seeds is not None or on != HERE
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        if many:
            chosen = seeds or (seed,)
            row = bar.add_task('trainings', total=len(chosen))
            with spread_on(on) as spread:
                summaries = train_seeds(spread, asked, chosen, out, say,
                                        lambda: bar.advance(row))
        else:
            row = bar.add_task('train', total=None)

            def show(now: Any) -> bool:
                bar.update(row, completed=now.update, total=now.updates,
                           description=f'train, loss {now.loss:.4f}')
                if progress_json:
                    echo(json.dumps({'progress': now.as_json()}))
                return True

            summaries = [training.run(out, show)]
    for each in summaries if key is not None else ():
        sign_checkpoint(Path(each.checkpoint), key)
    if as_json or progress_json:
        shown = [each.as_json() for each in summaries]
        echo(json_text({'runs': shown} if many else shown[0]))
        return
    if many:
        for each in summaries:
            echo(run_line(each, out / f'seed-{each.seed}'))
        if mean := over_seeds(summaries):
            echo(mean)
        return
    summary, = summaries
    for line in summary.lines:
        echo(line)
    if summary.success is not None:
        echo(f'success {summary.success}/{summary.episodes_eval} in simulation')
    if summary.success == 0:
        for line in next_steps(training.options.contract.name, summary.checkpoint,
                               training.options.algorithm, training.options.demos,
                               demonstrated=training.algorithm.demonstrated):
            echo(line)
    echo(f'checkpoint: {summary.checkpoint}')


def _was_given(option: str) -> bool:
    """Tell whether somebody gave an option, be it the value that it has anyway."""
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _together(task: str, further: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tasks of a training, the one of ``--task`` the first if it was given."""
    return further if further and not _was_given('task') else (task, *further)


def _refuse_what_needs_a_contract(env_spec: str) -> None:
    """Refuse options that mean nothing to a Gymnasium environment."""
    context = click.get_current_context()
    given = [option.opts[0] for option in context.command.params
             if option.name in _WITH_A_CONTRACT and context.get_parameter_source(option.name)
             is ParameterSource.COMMANDLINE]
    if given:
        raise IlwError(f'{", ".join(given)}: only for tasks with a contract. {env_spec} is an '
                       f'environment of Gymnasium and has none. Leave it away.')


@click.command(name='eval')
@click.argument('checkpoint')
@checkpoint_task_option
@click.option('--episodes', type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option('--seed', default=world_seeds.SCORE, show_default=True, help='First world.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True)
@click.option('--slower', 'slower_s', type=click.FloatRange(0.0, 10.0), default=0.0,
              help='Seconds that each inference takes longer, as on a slower computer.')
@plant_option
@on_option
@trusted_keys_option
@progress_json_option
@json_option
def evaluate(checkpoint: str, task: str | None, episodes: int, seed: int, env_spec: str,
             slower_s: float, plant: str | None, on: str, trusted_keys: str,
             progress_json: bool, as_json: bool) -> None:
    """
    Score a checkpoint (or deployed, idle, random) in simulation, without ROS; in all its tasks.

    One that sees images drives the same worlds again with its pictures taken away, in three ways.

    Example: ./ilw eval runs/<id>/checkpoint --episodes 200
    """
    from ilw_core.scores.by_task import TaskScores, score_line
    from ilw_core.scores.score import score
    from ilw_learner.checkpoint.contract import contracts_of
    from ilw_learner.checkpoint.deployed import find_checkpoint
    from ilw_learner.checkpoint.folder import load_checkpoint
    from ilw_learner.checkpoint.signing import find_trusted_keys
    from ilw_learner.rollout.evaluate import Rollout, make_env
    from ilw_learner.rollout.evaluate import evaluate as drive
    from ilw_learner.rollout.looks import BLINDS, Looks, judge_looks
    from ilw_learner.runtime.runner import BASELINES, PolicyRunner
    from ilw_learner.spread.episodes import drive_apart, judge_looks_apart, sent_policy
    from ilw_learner.spread.place import spread_on
    from ilw_learner.training.no_success import how_it_went, next_steps
    from ilw_learner.training.progress import EvalProgress

    contract, *others = contracts = contracts_of(task, checkpoint)
    path = Path(find_checkpoint(checkpoint, contract.name))
    trusted = find_trusted_keys(trusted_keys)
    runners = [PolicyRunner(path, each, seed=seed, trusted=trusted, slower_s=slower_s)
               for each in contracts]
    by_task: dict[str, list[Rollout]] = {}
    looks: Looks | None = None
    sees = bool(contract.images) and checkpoint not in BASELINES
    worlds = range(seed, seed + episodes)
    with (spread_on(on) as spread,
          Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar):
        row = bar.add_task('evaluate', total=episodes * (
            len(contracts) + sees * len(BLINDS)))

        def show(so_far: list[Rollout]) -> None:
            done = [run for runs in (*by_task.values(), so_far) for run in runs]
            bar.update(row, completed=len(done))
            if progress_json:
                echo(json.dumps({'progress': asdict(
                    EvalProgress(len(done), sum(run.success for run in done)))}))

        def show_blind(done: int) -> None:
            bar.update(row, completed=episodes + done, description='without its pictures')

        profile = named_plant(plant)
        for each, runner in zip(contracts, runners, strict=True):
            if on == HERE:
                env = make_env(env_spec, each, plant=profile)
                runs = by_task[each.name] = drive(env, each, runner, worlds, show)
                looks = judge_looks(env, each, runner, runs, show_blind) if sees else looks
            else:
                sent = sent_policy(path, each, seed=seed, env_spec=env_spec, plant=profile,
                                   slower_s=slower_s)
                runs = by_task[each.name] = drive_apart(spread, sent, worlds, show)
                looks = judge_looks_apart(spread, sent, runs, show_blind) if sees else looks
    runs = by_task[contract.name]
    result, table = score(runs), TaskScores({name: score(e) for name, e in by_task.items()})
    if as_json or progress_json:
        shown = table.as_json() if others else asdict(result)
        if looks is not None:
            shown |= {'looks': asdict(looks) | {'looks': looks.looks}}
        echo(json.dumps(shown | ({'plant': profile.name} if profile else {})))
        return
    if others:
        echo('\n'.join(table.lines()), lines=True)
        return
    echo(score_line(result))
    for line in () if looks is None else looks.lines():
        echo(line)
    if not result.success and checkpoint not in BASELINES:
        card = load_checkpoint(path).card
        for line in (how_it_went(runs), *next_steps(
                contract.name, path, str(card['algorithm']),
                demonstrated=bool(card.get('provenance', {}).get('episodes', True)))):
            echo(line)


@click.group()
def learner() -> None:
    """Train and evaluate policies."""


for _command in (train, evaluate, runs, sweep):
    learner.add_command(_command)


def train_main() -> None:
    """``ros2 run ilw_learner train``."""
    run(train)


def evaluate_main() -> None:
    """``ros2 run ilw_learner evaluate``."""
    run(evaluate)


if __name__ == '__main__':
    run(learner)
