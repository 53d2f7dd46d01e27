"""A progress bar on a terminal, a line per stage elsewhere, JSON lines for a program."""

import time

from ilw_cli.progress import tell_progress
from ilw_core.text.terminal import PlainConsole


class StageProgress:
    """
    Shows the stage that runs, and how far it is.

    :param as_json: ``--progress-json`` was given.
    """

    def __init__(self, console: PlainConsole, *, as_json: bool = False) -> None:
        self._console, self._as_json = console, as_json

    def __enter__(self) -> 'StageProgress':
        self._what, self._begin = '', time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal and self._what:
            self._console.print()

    def show(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are through."""
        if what != self._what:
            self._what, self._begin = what, time.monotonic()
        if self._as_json:
            tell_progress(what, done, total)
            return
        text = f'{what}: {done}/{total} ({time.monotonic() - self._begin:.0f} s)'
        if self._console.is_terminal:
            self._console.print(text + '   ', end='\n' if done == total else '\r')
        elif done == total:
            self._console.print(text)
