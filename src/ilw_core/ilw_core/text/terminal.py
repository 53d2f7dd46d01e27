"""
All that the command line says, through one door: what came from files cannot act on a terminal.

A test in ``test/architecture`` holds the commands to it.
"""

from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ilw_core.text.printable import printable


def echo(text: object = '', *, err: bool = False, nl: bool = True, lines: bool = False) -> None:
    """
    Print one line.

    :param lines: the text has several; only then a line break in it is one.
    """
    click.echo(printable(text, '\n\t' if lines else ''), err=err, nl=nl)


class PlainConsole(Console):
    """A console that takes no text for markup, and shows what would act on the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as it is shown."""
        return super().render_str(printable(text, '\n\t'), **options)


def show_usage_error(error: click.ClickException) -> None:
    """Print what was wrong with the words of a command."""
    error.message = printable(error.message)  # type: ignore[misc]
    error.show()
