"""Read a terminal key by key without waiting."""

from contextlib import suppress
import os
import select
import signal
import sys
import termios
import tty
from typing import Any

from ilw_core.errors import IlwError


class Terminal:
    """
    Standard input, without line editing and echo while it is in use.

    :raises IlwError: standard input is no terminal.
    """

    def __init__(self) -> None:
        if not sys.stdin.isatty():
            raise IlwError('The keyboard needs a terminal, standard input is none. Start '
                           'keyboard_node in a terminal of its own.')
        self._fd = sys.stdin.fileno()
        self._before: list[Any] = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)

    def read(self) -> str:
        """Return what was typed since the last call; nothing from a terminal that is gone."""
        ready, _, _ = select.select([self._fd], [], [], 0)
        if not ready:
            return ''
        try:
            return os.read(self._fd, 256).decode(errors='ignore')
        except OSError:
            return ''

    def close(self) -> None:
        """Give the terminal back as it was, if it is still there."""
        # Whoever started this may be gone and a shell have the terminal: it would stop us here.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
