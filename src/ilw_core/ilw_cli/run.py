"""Run a command: a problem that the user can solve is one line and exit code 2."""

import json
import sys

import click

from ilw_core.errors import IlwError
from ilw_core.text.terminal import echo, show_usage_error

_NOT_ON_A_ROBOT = ('aiohttp', 'ilw_faults', 'ilw_sim', 'ilw_web', 'matplotlib', 'numba', 'optuna',
                   'pybullet', 'safetensors', 'tensorboard', 'torch')


def why_not_here(error: ModuleNotFoundError, package: str = '') -> str:
    """
    Return what is missing and what to do.

    :param package: one that may be missing, too.
    :raises ModuleNotFoundError: it is nothing that a set-up leaves out.
    """
    if error.name is None or error.name.partition('.')[0] not in (
            *_NOT_ON_A_ROBOT, package):
        raise error
    return (f'This needs {error.name}, which is not installed. The set-up of a robot leaves out '
            f'what trains and simulates: ./ilw setup --full adds it.')


def run(command: click.Command) -> None:
    """Run a command with the words of ``sys.argv``; exits on a problem."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        show_usage_error(error)
        sys.exit(2)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (click.Abort, KeyboardInterrupt):
        echo('Stopped.', err=True)
        sys.exit(130)
    except IlwError as error:
        if '--progress-json' in sys.argv:  # a program follows: tell it the kind, too
            echo(json.dumps({'error': type(error).__name__, 'text': str(error)}))
        echo(f'error: {error}', err=True)
        sys.exit(2)
    except ModuleNotFoundError as error:
        echo(f'error: {why_not_here(error)}', err=True)
        sys.exit(2)
    except OSError as error:  # a full or read-only disk, most often
        echo(f'error: {error}', err=True)
        sys.exit(2)
