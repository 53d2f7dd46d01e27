"""What ``correct`` and ``improve`` can both be told: whose corrections, and how to learn them."""

from functools import reduce
from pathlib import Path

import click

from ilw_cli.options import F

_OPTIONS = (
    click.option('--demos', type=click.Path(path_type=Path),
                 help='Episodes that the policy has learned from [demos/TASK].'),
    click.option('--rounds', type=click.IntRange(1, 100), default=3, show_default=True),
    click.option('--scripted', is_flag=True, help='A scripted person takes over; for tests.'),
    click.option('--real-time-factor', type=click.FloatRange(0.01, 100.0), default=1.0,
                 show_default=True, help='Simulated seconds per second while somebody drives.'),
    click.option('--joystick', default='xbox', show_default=True, help='Layout of the pad.'),
    click.option('--operator', default='', help='Who corrects; kept with each episode.'),
    click.option('--config', 'config_name', default='bc_corrections', show_default=True,
                 help='How to train: in config/train/, or a path.'),
    click.option('--seed', default=0, show_default=True, help='Worlds, reactions, training.'))


def lesson_options(function: F) -> F:
    """Add all of them, in this order."""
    return reduce(lambda command, option: option(command), reversed(_OPTIONS), function)
