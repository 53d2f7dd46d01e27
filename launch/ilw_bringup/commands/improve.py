"""The command that improves a deployed policy while it drives."""

from contextlib import nullcontext
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import click

from ilw_bringup.commands.lesson_options import lesson_options
from ilw_cli.options import checkpoint_task_option, json_option
from ilw_core.errors import IlwError
from ilw_core.text.terminal import PlainConsole, echo

if TYPE_CHECKING:
    from ilw_learner.improvement.decisions import LoggedDecision

_ERR = PlainConsole(stderr=True)
_MOST_ATTEMPTS = 999
_LOG = 'decisions.jsonl'
ENV = 'ilw_sim.env:make_env'


@click.command()
@checkpoint_task_option
@lesson_options
@click.option('--root', type=click.Path(path_type=Path), default=Path('deployed'),
              show_default=True, help='Where deployed policies are.')
@click.option('--every', type=click.IntRange(1, 500), default=20, show_default=True,
              help='A round is over after so many episodes, and 10 at least of its policy.')
@click.option('--episodes', type=click.IntRange(1, 100_000),
              help='Starts from which the new policy and the deployed one are compared [100; on a '
                   'robot 20, each driven twice].')
@click.option('--robot', type=click.Choice(['sim', 'emulated', 'real']), default='sim',
              show_default=True, help='On a robot a person begins each episode with the pad, and '
              'marks how it ended.')
@click.option('--profile', default='', help='Robot profile in config/robots/, or a path.')
@click.option('--input', 'hand', type=click.Choice(['evdev', 'cockpit', 'external']),
              default='evdev', show_default=True, help='Where the pad is, as of ./ilw up.')
@click.option('--out', type=click.Path(path_type=Path),
              help='Folder of the improvement; one in it goes on [runs/improve-TASK].')
@click.option('--show', is_flag=True, help='Only print what was decided so far.')
@json_option
def improve(task: str | None, root: Path, demos: Path | None, rounds: int, every: int,
            episodes: int | None, robot: str, profile: str, hand: str, scripted: bool,
            real_time_factor: float, joystick: str, operator: str, config_name: str, seed: int,
            out: Path | None, show: bool, as_json: bool) -> None:
    """
    Let the deployed policy drive, learn from corrections, be replaced if not worse, taken back.

    Example: ./ilw improve --task clutter --rounds 3
    """
    from ilw_learner.checkpoint.contract import contract_of, task_of
    from ilw_learner.checkpoint.deployed import DEPLOYED, Deployed, find_checkpoint
    from ilw_learner.improvement.decisions import EPISODE, decision_log, read_decisions

    contract = contract_of(task, [DEPLOYED], root)
    out = out or Path('runs') / f'improve-{contract.name}'
    if show:
        if not (decisions := read_decisions(out / _LOG)):
            raise IlwError(f'{out} holds no improvement. Begin one: ./ilw improve, or name its '
                           f'folder with --out.')
        _print(decisions, as_json)
        return
    if robot != 'sim' and scripted:
        raise IlwError('--scripted sees the simulator\'s map, and a robot has none. Leave it out: '
                       'a person begins, corrects and marks.')

    from ilw_bringup.correct.lessons import CorrectOptions
    from ilw_bringup.improve.on_robot import LEARN_NOW, RobotStages
    from ilw_bringup.improve.simulated import SimulatedStages
    from ilw_bringup.progress import StageProgress
    from ilw_bringup.start.private_domain import private_domain
    from ilw_core.storage.locate import config_file
    from ilw_learner.improvement.improvement import (
        FallenError,
        Improvement,
        ImproveOptions,
    )
    from ilw_learner.training.config import load_config

    def say(text: str) -> None:
        _ERR.print(text, style='yellow', soft_wrap=True)

    def decided(decision: 'LoggedDecision') -> None:
        if decision.what != EPISODE:
            _ERR.print(decision.text, soft_wrap=True)

    deployed = Path(find_checkpoint(DEPLOYED, contract.name, root))
    algorithm, config = load_config(config_file('train', config_name), contract.name)
    episodes = episodes or (100 if robot == 'sim' else 20)
    given = {'joystick': joystick, 'operator': operator, 'input': hand, 'robot': robot,
             'real_time_factor': real_time_factor, 'profile': profile}
    domain = nullcontext(None) if robot == 'real' else private_domain()
    with domain as number, StageProgress(_ERR) as progress:
        make = SimulatedStages if robot == 'sim' else RobotStages
        stages = make(CorrectOptions(
            contract=contract, task=task_of(task or '', DEPLOYED, root), checkpoint=deployed,
            demos=demos or Path('demos') / contract.name, out=out, algorithm=algorithm,
            config=config, rounds=rounds, attempts=_MOST_ATTEMPTS, episodes=episodes,
            scripted=scripted, seed=seed, given=given, say=say, progress=progress.show,
            env_spec=ENV if contract.scene else None), every)
        asked = stages.asked if isinstance(stages, RobotStages) else lambda: False
        with decision_log(out / _LOG) as log:
            improvement = Improvement(ImproveOptions(
                header={'task': contract.name, 'contract': contract.hash, 'seed': seed,
                        'scripted': scripted, 'episodes': episodes,
                        **({} if robot == 'sim' else {'robot': robot})},
                rounds=rounds, every=every, decided=decided, asked=asked), stages, log,
                Deployed(root, contract.name))
            if number is not None:
                _ERR.print(f'In ROS domain {number}, so that no robot that is running is '
                           f'commanded.')
            if robot != 'sim':
                _ERR.print(f'To learn before the round is over: call the service {LEARN_NOW}.')
            try:
                standing = improvement.run()
            except FallenError as error:
                say(str(error))
                sys.exit(1)
    if as_json:
        echo(json.dumps({'folder': str(out), 'policy': standing.policy,
                         'decisions': [each.as_json() for each in log.decisions]}))
        return
    echo(f'deployed: {root / contract.name / standing.policy}')
    echo(f'every decision: ./ilw improve --show --out {out}')


def _print(decisions: list['LoggedDecision'], as_json: bool) -> None:
    if as_json:
        echo(json.dumps({'decisions': [each.as_json() for each in decisions]}))
        return
    for each in decisions:
        echo(f'{each.time}  {each.what:8}  {each.text}')
