"""Options that several commands share, each with its help."""

from collections.abc import Callable
import re
from typing import Any, TypeVar

import click

from ilw_cli.config_name import ConfigName
from ilw_core.base.plant import PlantProfile, load_plant
from ilw_core.storage.locate import config_file

F = TypeVar('F', bound=Callable[..., Any])
HERE = 'here'
"""Of ``--on``: one thing after the other, in this process"""
_MOST_SEEDS = 10_000


class SeedList(click.ParamType):
    """Whole numbers and ranges of them, as ``0-4`` or ``0,3,8-9``, each once."""

    name = 'seeds'

    def convert(self, value: Any, param: click.Parameter | None,
                ctx: click.Context | None) -> tuple[int, ...]:
        """Return the seeds in the order given."""
        if isinstance(value, tuple):
            return value
        found: list[int] = []
        for part in str(value).split(','):
            match = re.fullmatch(r'\s*(\d{1,9})(?:-(\d{1,9}))?\s*', part)
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
            if not low <= high < low + _MOST_SEEDS:
                self.fail(f'{value!r} must be seeds and ranges of them, as 0-4 or 0,3.',
                          param, ctx)
            found += range(low, high + 1)
        return tuple(dict.fromkeys(found))


def task_option(function: F) -> F:
    """Add ``--task``: the contract to use."""
    return click.option('--task', type=ConfigName('tasks'), default='clutter', show_default=True,
                        help='A contract in config/tasks/, or a path.')(function)


def checkpoint_task_option(function: F) -> F:
    """Add ``--task`` to a command that names checkpoints; see ``checkpoint_contract``."""
    return click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or '
                        'a path [the one the checkpoint was made for].')(function)


def profile_option(function: F) -> F:
    """Add ``--profile``: the robot, whose lidar may speak in its own way."""
    return click.option('--profile', type=ConfigName('robots'), help='Robot profile in '
                        'config/robots/, or a path: how its lidar speaks [as recorded].')(function)


def json_option(function: F) -> F:
    """Add ``--json``: for programs."""
    return click.option('--json', 'as_json', is_flag=True,
                        help='One JSON object on standard output.')(function)


def on_option(function: F) -> F:
    """Add ``--on``: where work is done that comes in many equal parts."""
    return click.option('--on', default=HERE, show_default=True, metavar='WHERE',
                        help='Where it is done: here, a number of processes, ray, ray://HOST or '
                        'HOST:PORT; the result is the same.')(function)


def progress_json_option(function: F) -> F:
    """Add ``--progress-json``, hidden: for a program that follows."""
    return click.option('--progress-json', is_flag=True, hidden=True,
                        help='A JSON line per progress, for a program that follows.')(function)


def plant_option(function: F) -> F:
    """Add ``--plant``: how simulated bases answer."""
    return click.option('--plant', type=ConfigName('plants'),
                        help='How simulated bases answer: a profile in config/plants/, or a '
                        'path; each episode draws its own [they obey at once].')(function)


def trusted_keys_option(function: F) -> F:
    """Add ``--trusted-keys``: who may say what drives."""
    return click.option('--trusted-keys', default='', metavar='DIR',
                        help='Folder of public keys; one of them must have signed each checkpoint '
                             '[any may].')(function)


def named_plant(name: str | None) -> PlantProfile | None:
    """Return the profile that ``--plant`` names."""
    return load_plant(config_file('plants', name)) if name else None
