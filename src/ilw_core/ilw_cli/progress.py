"""How far a command is: a bar on a terminal, JSON lines for a program that follows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import json

from rich.console import Console
from rich.progress import Progress

from ilw_core.text.terminal import echo


def tell_progress(what: str, done: int, total: int | None) -> None:
    """Print one line of progress for a program; the result is a line without ``progress``."""
    echo(json.dumps({'progress': {'what': what, 'done': done, 'total': total}}))


@contextmanager
def progress_bar(console: Console, what: str, total: int | None, *,
                 as_json: bool) -> Iterator[Callable[..., None]]:
    """
    Show how far it is; called with what is done, and what is being done if that changed.

    :param total: how much there is; ``None``: nobody knows.
    :param as_json: ``--progress-json`` was given.
    """
    now = what
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task(what, total=total)

        def show(done: int, what: str = '') -> None:
            nonlocal now
            now = what or now
            bar.update(row, completed=done, description=now)
            if as_json:
                tell_progress(now, done, total)

        yield show
