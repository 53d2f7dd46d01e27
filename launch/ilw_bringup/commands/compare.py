"""The command that compares two policies: in an environment, or on a robot with a person."""

import json
from pathlib import Path
import re

import click

from ilw_cli.options import (
    checkpoint_task_option,
    progress_json_option,
    trusted_keys_option,
)
from ilw_cli.progress import progress_bar
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.text.terminal import PlainConsole, echo
from ilw_learner.checkpoint.contract import contract_of
from ilw_learner.checkpoint.deployed import find_checkpoint
from ilw_learner.checkpoint.signing import find_trusted_keys
from ilw_learner.rollout.compare import Comparison, compared, drive_pairs, verdict
from ilw_learner.rollout.trial_log import NAMES, TrialLog
from ilw_learner.runtime.runner import PolicyRunner

_ERR = PlainConsole(stderr=True)


@click.command()
@click.argument('p0')
@click.argument('p1')
@checkpoint_task_option
@click.option('--episodes', type=click.IntRange(1, 100_000), default=100, show_default=True,
              help='Episodes of each policy, from the same starts.')
@click.option('--seed', default=600_000, show_default=True, help='First world.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment.')
@click.option('--robot', is_flag=True, help='On the robot of a running deploy: the policies take '
              'turns in a blind order, and a person marks each outcome on the joystick.')
@click.option('--out', type=click.Path(path_type=Path),
              help='File of the trials; what is in it is not driven again [runs/compare-...].')
@trusted_keys_option
@progress_json_option
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def compare(p0: str, p1: str, task: str | None, episodes: int, seed: int, env_spec: str,
            robot: bool, out: Path | None, trusted_keys: str, progress_json: bool,
            as_json: bool) -> None:
    """
    Compare two policies (checkpoint folders, deployed, idle or random) from the same starts.

    Example: ./ilw compare deployed runs/<id>/checkpoint --task clutter --episodes 200
    """
    from ilw_learner.rollout.evaluate import make_env

    contract = contract_of(task, [p0, p1])
    paths = [find_checkpoint(name, contract.name) for name in (p0, p1)]
    trusted = find_trusted_keys(trusted_keys)
    runners = (PolicyRunner(paths[0], contract, trusted=trusted),
               PolicyRunner(paths[1], contract, trusted=trusted))
    names = [runner.name for runner in runners]
    if names[0] == names[1]:
        raise IlwError(f'Compare two policies. Got {p0} and {p1}, which are the same.')
    header = {'task': contract.name, 'contract': contract.hash, 'policies': names,
              'where': 'robot' if robot else env_spec, **({} if robot else {'seed': seed})}
    where = 'robot' if robot else re.sub(r'\W+', '_', f'{env_spec}_{seed}')
    file = out or Path('runs') / (
        '-'.join(['compare', contract.name, *(n[:8] for n in names), where]) + '.jsonl')
    with TrialLog(file, header) as log:
        before = len(log.pairs(episodes))
        if before:
            _ERR.print(f'{before} pairs are in {file} already.')
        try:
            if robot:
                _on_robot(contract, paths, episodes, log)
            else:
                with progress_bar(_ERR, 'compare', episodes, as_json=progress_json) as show:
                    drive_pairs(make_env(env_spec, contract), contract, runners, episodes, seed,
                                log, show)
        finally:
            _report(compared(log, episodes), (p0, p1), as_json=as_json or progress_json)
            _ERR.print(f'The trials are in {file}.')


def _on_robot(contract: Contract, paths: list[str], episodes: int, log: TrialLog) -> None:
    from ilw_bringup.robot_trials import RobotTrials
    from ilw_bringup.session import Session

    with Session() as session:
        RobotTrials(session, contract, dict(zip(NAMES, paths, strict=True)), log,
                    _ERR.print).run(episodes)


def _report(found: Comparison, given: tuple[str, str], *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(found.as_json()))
        return
    for name, what, row in zip(NAMES, given, found.tallies, strict=True):
        low, high = row.wilson95
        echo(f'{name}  success {row.success}/{row.n} (95 %: {low:.1%} to {high:.1%}), '
             f'{row.collisions} collisions  {what}')
    low, high = found.difference95
    counts = found.counts
    echo(f'both {counts.both}, only P0 {counts.only_first}, only P1 {counts.only_second}, '
         f'neither {counts.neither}')
    echo(f'P1 - P0: {found.difference:+.1%} (95 %: {low:+.1%} to {high:+.1%}), '
         f'McNemar p = {found.mcnemar_p:.3g}')
    echo(verdict(found))
