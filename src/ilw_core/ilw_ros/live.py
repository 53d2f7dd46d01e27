"""A node's live lines: at the foot of the terminal of whoever started it, or its own."""

from collections.abc import Sequence
from contextlib import suppress
import io
import os
import sys

from ilw_core.text.live_area import LIVE, LiveArea, encode


class LiveLines:
    """
    Where a node's live lines go.

    :param name: of these lines; those of several nodes are in the order of their names.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors='replace')  # a terminal may lack a character
        self._shared = os.environ.get(LIVE) == '1'
        alone = not self._shared and sys.stdout.isatty()
        self._area = LiveArea(_write, self.size) if alone else None
        self._shown: list[str] = []

    @property
    def redraws(self) -> bool:
        """Whether lines are drawn anew in place; otherwise each is printed, once."""
        return self._shared or self._area is not None

    def size(self) -> os.terminal_size:
        """Return the size of the terminal; 80 x 24 where it is not known."""
        for stream in (sys.stdin, sys.stdout):
            with suppress(OSError, ValueError, AttributeError):
                size = os.get_terminal_size(stream.fileno())
                if size.columns and size.lines:
                    return size
        return os.terminal_size((80, 24))

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines in place of the last ones."""
        if self._area is not None:
            self._area.show(self._name, lines)
        elif list(lines) != self._shown:
            _write(encode(self._name, lines) if self._shared
                   else ''.join(f'{line}\n' for line in lines))
        self._shown = list(lines)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self._area is not None:
            self._area.scroll(text)
        else:
            _write(f'{text}\n')

    def close(self) -> None:
        """Take the lines off the screen."""
        if self._area is not None:
            self._area.close()
        elif self._shared:
            _write(encode(self._name, []))


def _write(text: str) -> None:
    with suppress(OSError):  # nobody may be left to see it
        sys.stdout.write(text)
        sys.stdout.flush()
