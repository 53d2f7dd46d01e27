"""The commands about the plant: identify it from a bag, and the gap between two bags."""

from dataclasses import asdict
import importlib
import json
from pathlib import Path
import sys
from typing import Any

import click

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option, task_option
from ilw_core.base.plant import load_plant
from ilw_core.contract.file import Contract, load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.files import write_file
from ilw_core.storage.locate import config_file
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import PlainConsole, echo
from ilw_sysid.arm.moves import is_arm, read_moves

_ERR = PlainConsole(stderr=True)


def _contract(task: str | None) -> Contract | None:
    return None if task is None else load_contract(config_file('tasks', task))


@click.command()
@click.argument('bag', type=click.Path(path_type=Path))
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a '
              'path, that names the topics [found by type].')
@click.option('--out', type=click.Path(path_type=Path, dir_okay=False),
              help='Write the profile here, as in config/plants/NAME.yaml.')
@click.option('--judge', type=click.Path(path_type=Path),
              help='Another bag to replay with what was found [the second half of BAG, with what '
                   'its first half tells].')
@click.option('--odom-delay-s', type=click.FloatRange(0.0, 1.0), default=0.0, show_default=True,
              help='How old the motion is that odometry tells of, if you know it; commands and '
                   'odometry show only the sum of both delays.')
@click.option('--plot', type=click.Path(path_type=Path, dir_okay=False),
              help='Draw speeds and replays into this PNG.')
@json_option
def identify(bag: Path, task: str | None, out: Path | None, judge: Path | None,
             odom_delay_s: float, plot: Path | None, as_json: bool) -> None:
    """
    Find how a robot answers its commands, from a recording of it being driven.

    Of an arm (--task lift_state) BAG may be a folder of demonstrations. Prints each number with
    its 95 % interval, writes a profile for the simulators, and says which driving would show what
    is not known yet. Exit code 1, and no profile, if the recording contradicts the model.

    Example: ./ilw identify demos/drive1 --out config/plants/my_base.yaml --plot fit.png
    """
    from ilw_sysid.identify.drive import read_drive
    from ilw_sysid.identify.estimate import identify as estimate
    from ilw_sysid.identify.judge import judge as judge_drive

    contract = _contract(task)
    if contract is not None and is_arm(contract):
        if judge is not None or plot is not None or odom_delay_s:
            raise IlwError('--judge, --plot and --odom-delay-s are for bases. The task is one for '
                           'an arm. Leave them out.')
        _identify_arm(bag, contract, out, as_json)
        return
    with _ERR.status('Fitting a base to what was driven'):  # on a terminal only
        drive = read_drive(bag, contract)
        found = estimate(drive, odom_delay_s)
        verdict = judge_drive(drive, found, None if judge is None else read_drive(judge, contract))
    contradiction = verdict.contradiction
    if out is not None and not contradiction:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_file(out, found.text(out.stem))
    if plot is not None:
        from ilw_sysid.identify.report import draw

        draw(plot, drive, found, verdict.replays, verdict.drive)
    if as_json:
        report: dict[str, Any] = {'bag': str(bag), **found.as_json(), 'replay': verdict.as_json()}
        echo(json.dumps(report))
        if contradiction:
            sys.exit(1)
        return
    from ilw_sysid.identify.report import table

    echo(table(found), lines=True)
    echo(verdict.words(), lines=True)
    for finding in found.findings:
        echo(f'note: {finding}')
    if contradiction:
        echo(f'{contradiction} No profile was written.')
        sys.exit(1)
    if out is not None:
        echo(f'Written to {out}. Train over it: --plant {pasteable(out)}')


def _identify_arm(bag: Path, contract: Contract, out: Path | None, as_json: bool) -> None:
    from ilw_sysid.arm.estimate import identify_arm, text_of

    with _ERR.status('Fitting an arm to how its tool moved'):
        found = identify_arm(read_moves(bag, contract))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_file(out, text_of(found, out.stem))
    if as_json:
        echo(json.dumps({'bag': str(bag), **asdict(found)}))
        return
    for name, (low, high) in found.intervals.items():
        echo(f'{name:<18} {getattr(found.plant, name):>9.4g}   {low:.4g} to {high:.4g}')
    echo(f'{found.way_m:.1f} m of the tool. Left unexplained: {found.left_ratio:.0%} of its '
         f'motion; by an arm that obeys at once: {found.default_ratio:.0%}.')
    if out is not None:
        echo(f'Written to {out}. Record over it: --plant {pasteable(out)}')


@click.command()
@click.argument('sim_bag', type=click.Path(path_type=Path))
@click.argument('real_bag', type=click.Path(path_type=Path))
@task_option
@click.option('--plant', help='Replay with this profile, in config/plants/ or a path [identified '
                              'from the first half of REAL_BAG, judged on the second].')
@click.option('--simulator', 'simulators', multiple=True, metavar='NAME=MODULE:FUNCTION',
              help='Also replay with function(plant), as pybullet=ilw_sim.open_loop:model.')
@click.option('--out', type=click.Path(path_type=Path, file_okay=False),
              help='Write gap.html and its pictures into this folder.')
@json_option
def gap(sim_bag: Path, real_bag: Path, task: str, plant: str | None, simulators: tuple[str, ...],
        out: Path | None, as_json: bool) -> None:
    """
    Measure what differs between simulation and robot, from one bag of each.

    Topics, types, units, signs, rates, frames and latencies; what a policy would see; then the
    real commands replayed open loop. Each finding says what to do next; exit code 1 if one is bad.

    Example: ./ilw gap demos/clutter/sim1 demos/clutter/real1 --out gap
    """
    from ilw_sysid.gap.compare import compare
    from ilw_sysid.gap.page import ordered, write

    given = None if plant is None else load_plant(config_file('plants', plant)).middle()
    others = dict(_simulator(each) for each in simulators)
    with _ERR.status('Comparing and replaying'):
        contract = load_contract(config_file('tasks', task))
        found = compare(sim_bag, real_bag, contract, given, others)
    written = [] if out is None else write(out, found, contract, sim_bag, real_bag)
    if as_json:
        echo(json.dumps({'sim': str(sim_bag), 'real': str(real_bag), **found.as_json(),
                               'files': [str(path) for path in written]}))
    else:
        for finding in ordered(found.findings):
            echo(f'{finding.level:<5} {finding.topic}: {finding.what}.'
                 + (f' {finding.next_step}' if finding.next_step else ''))
        for path in written:
            echo(f'written: {path}')
    if any(finding.level == 'bad' for finding in found.findings):
        sys.exit(1)


def _simulator(text: str) -> tuple[str, Any]:
    name, _, spec = text.partition('=')
    module, _, function = spec.partition(':')
    try:
        return name, getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise IlwError('--simulator must be NAME=MODULE:FUNCTION, as in '
                       f'pybullet=ilw_sim.open_loop:model. Got {text!r} ({error}).') from error
