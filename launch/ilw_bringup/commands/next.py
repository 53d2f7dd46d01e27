"""The command that says what to do next."""

from dataclasses import asdict
import json
from pathlib import Path

import click

from ilw_bringup.next_step import look_around
from ilw_cli.options import json_option
from ilw_core.text.terminal import echo


@click.command('next')
@json_option
def next_step(as_json: bool) -> None:
    """
    Say what to do next, from the recordings and policies in this folder.

    Example: ./ilw next
    """
    here = look_around(Path())
    if as_json:
        echo(json.dumps(asdict(here)))
        return
    width = max(len(step.command) for step in here.steps)
    echo('Next, from what lies in this folder:')
    for step in here.steps:
        echo(f'  {step.command:<{width}}  {step.why}')
