"""The command config: what a training would be made of, and where each value comes from."""

import json
from pathlib import Path
import re

import click

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_core.text.terminal import echo

_GYMNASIUM = re.compile(r'[A-Za-z0-9_:./-]+-v[0-9]+')


@click.group()
def config() -> None:
    """
    See the values of a training.

    Example: ./ilw config show dqfd --task maze
    """


@config.command()
@click.argument('algo', type=ConfigName('train'))
@click.option('--task', type=ConfigName('tasks'), default='clutter', show_default=True,
              help='A contract in config/tasks/ or a path; the id of a Gymnasium environment.')
@json_option
def show(algo: str, task: str, as_json: bool) -> None:
    """
    Show every value of ALGO (in config/train/, or a path) for a task, and where it comes from.

    Example: ./ilw config show bc --task maze
    """
    from ilw_learner.training.config import explain_config

    name = task if _GYMNASIUM.fullmatch(task) else named_contract(task, None).name
    path = config_file('train', algo)
    algorithm, _, values = explain_config(path, name)
    if as_json:
        echo(json.dumps({'algorithm': algorithm, 'task': name, 'values': {
            each.name: {'value': each.value, 'from': each.origin} for each in values}}))
        return
    echo(f'{algorithm}, task {name}')
    wide, here = max(len(each.name) for each in values), f'{Path.cwd()}/'
    for each in values:
        value = list(each.value) if isinstance(each.value, tuple) else each.value
        echo(f'  {each.name:<{wide}}  {value!s:<10}  {each.origin.removeprefix(here)}')
