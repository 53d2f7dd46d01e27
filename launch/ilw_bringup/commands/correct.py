"""The command that corrects a policy, round by round."""

import json
from pathlib import Path
import time

import click

from ilw_bringup.commands.lesson_options import lesson_options
from ilw_cli.options import checkpoint_task_option, json_option, progress_json_option
from ilw_core.text.terminal import PlainConsole, echo

_ERR = PlainConsole(stderr=True)
_BUDGET = 0.01


@click.command()
@click.argument('checkpoint')
@checkpoint_task_option
@lesson_options
@click.option('--attempts', type=click.IntRange(1, 999), default=20, show_default=True,
              help='Per round.')
@click.option('--episodes', type=click.IntRange(1, 100_000), default=100, show_default=True,
              help='Starts from which the new policy and the one before are compared.')
@click.option('--labels', type=click.Choice(['weighted', 'person', 'all']), default='weighted',
              show_default=True, help='What is learned of an attempt: all of it, weighted by who '
              'drove; only what the person drove; or all alike.')
@click.option('--gate', type=click.Choice(['person', 'robot']), default='person',
              show_default=True, help='Who decides when you take over: you, or the policy, which '
              'then asks for help where what it meets is new to it or risky.')
@click.option('--budget', type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
              help='Of --gate robot: at most this share of the steps that the policy drives '
                   f'begins a request for help [{_BUDGET}].')
@click.option('--wait', type=click.FloatRange(0.0, 3600.0, min_open=True), default=20.0,
              show_default=True, help='Of --gate robot: an attempt in which it asks, and nobody '
              'comes for so many seconds, has failed.')
@click.option('--fresh/--no-fresh', default=False, show_default=True,
              help='Learn from as many minutes of demonstrations, too, to see what corrections '
                   'are worth; with --scripted.')
@click.option('--out', type=click.Path(path_type=Path),
              help='Folder of the rounds; rounds in it go on [runs/<id>].')
@progress_json_option
@json_option
def correct(checkpoint: str, task: str | None, demos: Path | None, rounds: int, attempts: int,
            episodes: int, labels: str, gate: str, budget: float | None, wait: float,
            scripted: bool, real_time_factor: float, fresh: bool, joystick: str, operator: str,
            config_name: str, seed: int, out: Path | None, progress_json: bool,
            as_json: bool) -> None:
    """
    Let a policy drive in the simulator, take over where it errs, and learn from that.

    Example: ./ilw correct runs/<id>/checkpoint --rounds 3
    """
    if budget is not None and gate != 'robot':
        raise click.UsageError('--budget is how often the policy may ask for help. Add --gate '
                               'robot.')
    from ilw_bringup.correct.lessons import CorrectOptions
    from ilw_bringup.correct.rounds import Rounds
    from ilw_bringup.progress import StageProgress
    from ilw_bringup.start.private_domain import private_domain
    from ilw_core.errors import IlwError
    from ilw_core.storage.locate import config_file
    from ilw_learner.asking.learn import why_no_ensemble
    from ilw_learner.checkpoint.contract import contract_of, task_of
    from ilw_learner.checkpoint.deployed import find_checkpoint
    from ilw_learner.correction.page import figures
    from ilw_learner.training.config import load_config

    if fresh and not scripted:
        raise click.UsageError('--fresh has the scripted person demonstrate. Add --scripted.')
    contract = contract_of(task, [checkpoint])
    algorithm, config = load_config(config_file('train', config_name), contract.name)
    kept = Path(find_checkpoint(checkpoint, contract.name))
    if gate == 'robot' and (why := why_no_ensemble(kept)):
        raise IlwError(why)
    out = out or Path('runs') / f'{time.strftime("%Y%m%d-%H%M%S")}-correct-{contract.name}'
    with private_domain() as domain, StageProgress(
            _ERR, as_json=progress_json) as progress:
        run = Rounds(CorrectOptions(
            contract=contract, task=task_of(task or '', checkpoint),
            checkpoint=kept,
            demos=demos or Path('demos') / contract.name, out=out, algorithm=algorithm,
            config=config, rounds=rounds, attempts=attempts, episodes=episodes, labels=labels,
            budget=(budget or _BUDGET) if gate == 'robot' else None, wait_s=wait,
            scripted=scripted, fresh=fresh, seed=seed,
            given={'joystick': joystick, 'operator': operator,
                   'real_time_factor': real_time_factor}, progress=progress.show,
            say=lambda text: _ERR.print(text, style='yellow', soft_wrap=True)))
        _ERR.print(f'In ROS domain {domain}, so that no robot that is running is commanded.')
        records = run.run()
    if as_json or progress_json:
        echo(json.dumps({'folder': str(out), 'checkpoint': records[-1].checkpoint,
                         'rounds': [each.as_json() for each in records]}))
        return
    for record in records:
        echo(f'round {record.number}: {"promoted" if record.promoted else "not promoted"}')
        for what, value in figures(record, contract):
            echo(f'  {what}: {value}')
        echo(f'  page: {out / f"round-{record.number}" / "round.html"}')
    echo(f'checkpoint: {records[-1].checkpoint}')
