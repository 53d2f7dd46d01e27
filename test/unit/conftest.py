"""Run commands in this process."""

import sys

import pytest

from ilw_bringup.cli import ilw
from ilw_cli.run import run as run_command
from ilw_core.errors import IlwError


@pytest.fixture
def run(capsys):
    """Return a function that runs a command: (exit code, standard output, standard error)."""
    def call(command, *words):
        code = 0
        try:
            command.main([str(word) for word in words], standalone_mode=False)
        except SystemExit as end:
            code = end.code
        except IlwError as error:
            code = 2
            print(f'error: {error}', file=__import__('sys').stderr)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def typed(monkeypatch, capsys):
    """Return a function that runs ./ilw with words: (exit code, standard output and error)."""

    def call(*words):
        monkeypatch.setattr(sys, 'argv', ['ilw', *map(str, words)])
        code = 0
        try:
            run_command(ilw)
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
