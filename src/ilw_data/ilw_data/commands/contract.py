"""The command that drafts a contract from a recording."""

import json
from pathlib import Path
import sys

import click

from ilw_cli.options import json_option
from ilw_core.base.base_fit import read_base
from ilw_core.errors import IlwError
from ilw_core.storage.files import create
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import echo


@click.group()
def contract() -> None:
    """
    Say what demonstrations, policy and robot must agree on.

    Example: ./ilw contract draft their_bag --out their_task.yaml
    """


@contract.command()
@click.argument('bag', type=click.Path(path_type=Path))
@click.option('--out', type=click.Path(path_type=Path),
              help='File to write, which must not be there yet [standard output].')
@click.option('--robot', type=click.Path(path_type=Path),
              help='URDF (or xacro) of the robot, for its size and what its wheels can do.')
@json_option
def draft(bag: Path, out: Path | None, robot: Path | None, as_json: bool) -> None:
    """
    Draft a contract from any recording with odometry and commands, and check the two together.

    Topics are found by their types and contents; each choice has its evidence in a comment. Exit
    code 1: the recording cannot be trained from under this contract.

    Example: ./ilw contract draft their_bag --out their_task.yaml --robot base.urdf
    """
    from ilw_data.commands.episodes import print_report
    from ilw_data.drafting.draft import draft_contract

    if out is not None and out.exists():
        raise IlwError(f'{out} is there already. Name another file, or remove it.')
    made = draft_contract(bag, read_base(robot) if robot else None, str(out or 'CONTRACT'))
    if out is not None:
        with create(out) as stream:
            stream.write(made.contract.text.encode())
    report = made.report
    if as_json:
        echo(json.dumps({
            'contract_text': made.contract.text, 'out': str(out or ''), 'usable': made.usable,
            'verdict': report.verdict, 'episodes': len(report.episodes),
            'findings': [vars(finding) for finding in report.findings],
            'steps': made.steps}))
    else:
        if out is None:
            echo(made.contract.text, nl=False, lines=True)
        print_report(report, err=out is None)
        _say_what_next(bag, out, usable=made.usable)
    if not made.usable:
        sys.exit(1)


def _say_what_next(bag: Path, out: Path | None, *, usable: bool) -> None:
    if out is None:
        return
    if usable:
        echo(f'{out}: read it, then train: ./ilw train --task {pasteable(out)} --demos '
             f'{pasteable(bag)} --env none')
    else:
        echo(f'{out} is a draft that this recording cannot be trained under; see above. Correct '
             f'it, then: ./ilw episodes check {pasteable(bag)} --task {pasteable(out)}')
