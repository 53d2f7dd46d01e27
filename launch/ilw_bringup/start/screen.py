"""The terminal of a bring-up: what the nodes log scrolls by, their live lines stay at the foot."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
import selectors
import sys
import threading

from ilw_core.text.live_area import LiveArea, decode
from ilw_ros.console import say

_LAST_WORDS_S = 1.0
"""So long the screen waits for what is still on its way when all nodes have ended"""
_READ_BYTES = 65536


class Screen:
    """
    Takes in what each node writes and shows it; one thread does both.

    :param terminal: file descriptor of the terminal; nobody else may write to it meanwhile.
    """

    def __init__(self, terminal: int) -> None:
        self._terminal, self._encoding = terminal, sys.stderr.encoding or 'utf-8'
        self._area = LiveArea(self._write, self._size)
        self._waiting: dict[int, bytes] = {}
        """Read end of a pipe -> what came of a line that has not ended"""
        self._selector = selectors.DefaultSelector()
        self._ours = self.pipe()
        os.set_blocking(self._ours, False)
        self._thread = threading.Thread(target=self._run, name='screen', daemon=True)
        self._thread.start()

    def pipe(self) -> int:
        """Return where a new node may write; the caller closes it once the node has it."""
        reads, writes = os.pipe()
        self._waiting[reads] = b''
        self._selector.register(reads, selectors.EVENT_READ)
        return writes

    def say(self, text: str) -> None:
        """Print a line; a terminal that hangs holds nobody up."""
        with suppress(BlockingIOError):
            os.write(self._ours, f'{text}\n'.encode(self._encoding, 'replace'))

    def close(self) -> None:
        """Show what nodes that have ended wrote last, and leave the terminal."""
        os.close(self._ours)
        self._thread.join(_LAST_WORDS_S)

    def _run(self) -> None:
        while self._waiting:
            for key, _ in self._selector.select(0.1):
                self._read(key.fd)
        self._area.close()

    def _read(self, pipe: int) -> None:
        data = os.read(pipe, _READ_BYTES)
        *lines, self._waiting[pipe] = (self._waiting[pipe] + data).split(b'\n')
        if not data:
            lines = [self._waiting.pop(pipe)]
            self._selector.unregister(pipe)
            os.close(pipe)
        text = []
        for line in (each.decode(self._encoding, 'replace') for each in lines if each or data):
            live = decode(line)
            if live is None:
                text.append(line)
            else:
                self._area.show(*live)
        if text:
            self._area.scroll('\n'.join(text))

    def _size(self) -> os.terminal_size:
        with suppress(OSError):  # it may be gone
            size = os.get_terminal_size(self._terminal)
            if size.columns and size.lines:
                return size
        return os.terminal_size((80, 24))

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone, and nobody is left to see it
            data = text.encode(self._encoding, 'replace')
            while data:
                data = data[os.write(self._terminal, data):]


class Plain:
    """In place of a ``Screen`` where there is no terminal, or nodes outlive who started them."""

    def say(self, text: str) -> None:
        """Print a line."""
        say(text)


@contextmanager
def screen(*, wanted: bool) -> Iterator[Screen | Plain]:
    """Give the screen of this process, if it has one and it is wanted."""
    if not (wanted and sys.stderr.isatty()):
        yield Plain()
        return
    sys.stderr.flush()
    here = Screen(sys.stderr.fileno())
    try:
        yield here
    finally:
        here.close()
