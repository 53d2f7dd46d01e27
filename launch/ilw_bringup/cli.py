"""The ``./ilw`` command line: what a person does, one command each."""

from dataclasses import asdict
from difflib import get_close_matches
import importlib
import json
import os
from pathlib import Path
import sys
import time
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from ilw_bringup.commands.completion import COMPLETES
from ilw_bringup.start.bringup import BRINGUPS, discovery, require_files, resolve
from ilw_bringup.start.interrupts import asked_to_end, ignore, interrupt_once
from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_cli.run import why_not_here
from ilw_core.errors import IlwError
from ilw_core.text.terminal import PlainConsole, echo, show_usage_error
from ilw_ros.console import say

if TYPE_CHECKING:
    from ilw_bringup.demo import DemoReport

_ERR = PlainConsole(stderr=True)


class _Lazy(click.Group):
    """Loads commands that live elsewhere (and what they import) only when they are called."""

    elsewhere = {
        **{name: ('ilw_learner.cli', name) for name in ('train', 'runs', 'sweep')},
        'completion': ('ilw_bringup.commands.completion', 'completion'),
        'config': ('ilw_learner.commands.config', 'config'),
        'contract': ('ilw_data.commands.contract', 'contract'),
        'episodes': ('ilw_bringup.commands.multiply', 'episodes'),
        'eval': ('ilw_learner.cli', 'evaluate'),
        'world': ('ilw_bringup.emulator_worlds', 'world'),
        **{name: ('ilw_sysid.commands', name) for name in ('identify', 'gap')},
        'faults': ('ilw_faults.command', 'faults'),
        'security': ('ilw_bringup.commands.security', 'security'),
        'compare': ('ilw_bringup.commands.compare', 'compare'),
        'correct': ('ilw_bringup.commands.correct', 'correct'),
        'improve': ('ilw_bringup.commands.improve', 'improve'),
        'joystick': ('ilw_bringup.commands.joystick', 'joystick'),
        'lerobot': ('ilw_bringup.commands.lerobot', 'lerobot'),
        'next': ('ilw_bringup.commands.next', 'next_step'),
        'promote': ('ilw_learner.commands.promote', 'promote'),
        'replay': ('ilw_learner.commands.replay', 'replay'),
        'reward': ('ilw_learner.commands.reward', 'reward'),
        'switch': ('ilw_bringup.commands.switch', 'switch'),
        'transfer': ('ilw_learner.commands.transfer', 'transfer'),
        'why': ('ilw_learner.commands.why', 'why'),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.elsewhere])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            if near and not getattr(error, 'possibilities', None):  # click knows some itself
                error.message += f' Did you mean ./ilw {near[0]}?'
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.elsewhere:
            return super().get_command(ctx, cmd_name)
        module, name = self.elsewhere[cmd_name]
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            return _absent(cmd_name, why_not_here(error, module.partition('.')[0]))
        return command


def _absent(name: str, why: str) -> click.Command:
    """Return a command that is not in this set-up, as on a robot, and says so."""

    def refuse(**_: Any) -> None:
        raise IlwError(why)

    return click.Command(name, callback=refuse, short_help='(not set up here)',
                         add_help_option=False,
                         params=[click.Argument(['words'], nargs=-1, type=click.UNPROCESSED)],
                         context_settings={'ignore_unknown_options': True})


@click.group(cls=_Lazy, context_settings={'help_option_names': ['-h', '--help']})
def ilw() -> None:
    """
    Imitation learning for ROS 2: demonstrate, train, evaluate, deploy.

    Example: ./ilw demo --quick
    """


@ilw.command()
@click.option('--task', type=ConfigName('tasks'), default='clutter', show_default=True,
              help='A contract in config/tasks/.')
@click.option('--seed', default=0, show_default=True, help='Changes worlds, starts and training.')
@click.option('--episodes', type=click.IntRange(1, 10_000),
              help='Demonstrations to record [what config/train says for the task: 60].')
@click.option('--episodes-eval', type=click.IntRange(1, 10_000),
              help='Unseen episodes per driver [20].')
@click.option('--quick', is_flag=True,
              help='Fewer of both, trained briefly: two to four minutes, more with cameras.')
@click.option('--runs', type=click.Path(path_type=Path), default=Path('runs'), show_default=True)
@json_option
def demo(task: str, seed: int, episodes: int | None, episodes_eval: int | None, quick: bool,
         runs: Path, as_json: bool) -> None:
    """
    Run the whole workflow with no hardware and print the score.

    Example: ./ilw demo --task maze --episodes-eval 100 --json
    """
    from ilw_bringup.demo import Demo, DemoOptions
    from ilw_bringup.progress import StageProgress
    from ilw_bringup.start.private_domain import private_domain

    with private_domain() as domain, StageProgress(_ERR) as progress:
        _ERR.print(f'In ROS domain {domain}, so that no robot that is running is commanded.')
        run = Demo(DemoOptions(
            task=task, seed=seed, episodes=episodes or 0,
            episodes_eval=episodes_eval or (5 if quick else 20),
            config='bc_quick' if quick else 'bc', runs=runs,
            say=lambda text: _ERR.print(text, style='yellow'), progress=progress.show))
        _ERR.print(run.forecast.line(os.getloadavg()[0], os.cpu_count() or 1), soft_wrap=True)
        report = run.run()
    if as_json:
        echo(json.dumps(asdict(report)))
    else:
        _print_report(report)
        echo(f'Everything is in {run.folder}: report.json, paths.png, demo.gif, training/, '
             f'demos/.')


def _print_report(report: 'DemoReport') -> None:
    table = Table(title=f'{report.task}, seed {report.seed}, '
                        f'{report.episodes_recorded} demonstrations')
    for heading in ('driver', 'success', '95 % interval', 'collisions', 'time to goal',
                    'path / shortest'):
        table.add_column(heading, justify='left' if heading == 'driver' else 'right')
    for name, row in report.results.items():
        low, high = row.wilson95
        table.add_row(
            name, f'{row.success}/{row.n}', f'{low:.0%} to {high:.0%}', str(row.collisions),
            '-' if row.time_to_goal_s is None else f'{row.time_to_goal_s:.1f} s',
            '-' if row.path_ratio is None else f'{row.path_ratio:.2f}')
    PlainConsole().print(table)
    blind = ''
    if report.looks is not None:
        blind = f', without its pictures {report.looks_s:.0f} s'
        echo(f'policy in process: {report.looks.success}/{report.looks.episodes}; '
             + '\n'.join(report.looks.lines()), lines=True)
    echo(f'record {report.record_s:.0f} s, train {report.train_s:.0f} s, evaluate '
         f'{report.eval_s:.0f} s{blind}, peak memory {report.peak_memory_mb:.0f} MB')


@ilw.group()
def up() -> None:
    """
    Bring nodes up; Ctrl-C ends them all.

    Example: ./ilw up record --task maze --input keyboard
    """


def _up_command(name: str, words: str = 'up ') -> click.Command:
    options = []
    for argument in BRINGUPS[name].arguments:
        flag = '--' + argument.name.replace('_', '-')
        kind = click.Choice(argument.choices) if argument.choices else (
            ConfigName(argument.folder) if argument.folder else type(argument.default))
        if isinstance(argument.default, bool):
            options.append(click.Option([f'{flag}/--no{flag[1:]}'], default=argument.default,
                                        help=argument.text, show_default=True))
        else:
            options.append(click.Option([flag], type=kind, default=argument.default,
                                        help=argument.text, show_default=True))
    return click.Command(name, params=options, callback=lambda **given: _run_up(name, given),
                         help=f'{BRINGUPS[name].text}\n\nExample: ./ilw {words}{name}')


for _name in BRINGUPS:
    up.add_command(_up_command(_name))
ilw.add_command(_up_command('cockpit', words=''))


def _run_up(name: str, given: dict[str, Any]) -> None:
    from ilw_bringup.start.node_environment import node_environment
    from ilw_bringup.start.processes import Fleet
    from ilw_bringup.start.screen import screen

    bringup, values = resolve(name, given)
    require_files(bringup, values)
    specs = bringup.nodes(values)
    with (asked_to_end(keep_terminal=not values['detached']) as came,
          screen(wanted=not values['detached']) as here,
          Fleet(environment=node_environment(values, specs), screen=here) as fleet):
        fleet.start(specs)
        here.say(f'Up: {", ".join(s.name for s in specs)}. Ctrl-C ends them.')
        while not came:
            time.sleep(0.05)
            for again in [] if came else fleet.respawn():
                here.say(f'The node {again} died and was started again, see above: a policy is '
                         f'disarmed until somebody arms it.')
            dead = fleet.dead()
            if dead and not came:
                raise IlwError(f'The node {dead[0]} ended; see above. The others were ended.')
        here.say('Ending.')


@ilw.command()
@json_option
def doctor(as_json: bool) -> None:
    """
    Look at this machine: is everything there?

    Example: ./ilw doctor
    """
    from ilw_bringup.doctor import examine

    findings = list(examine())
    if as_json:
        echo(json.dumps([vars(f) for f in findings]))
    else:
        for finding in findings:
            echo(f'{finding.level:<5} {finding.what:<12} {finding.text}')
    if any(f.level == 'bad' for f in findings):
        sys.exit(1)


def main() -> None:
    """Run a command; a problem the user can solve is one line and exit code 2."""
    interrupt_once()
    os.environ.update(discovery('auto', os.environ))  # this process, and all that it starts
    try:
        ilw.main(prog_name='./ilw', complete_var=COMPLETES, standalone_mode=False)
    except click.ClickException as error:
        show_usage_error(error)
        sys.exit(2)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        ignore()
        say('Stopped.')
        sys.exit(130)
    except ModuleNotFoundError as error:
        echo(f'error: {why_not_here(error)}', err=True)
        sys.exit(2)
    except (IlwError, OSError) as error:  # the latter: a full or read-only disk, most often
        echo(f'error: {error}', err=True)
        sys.exit(2)


if __name__ == '__main__':
    main()
