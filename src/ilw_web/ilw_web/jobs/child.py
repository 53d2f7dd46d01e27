"""
A child process of the server's loop.

It is begun at once, not by asyncio: that waits for its loop while it begins one, and who is ended
just then, as at the end of the cockpit, waits for ever (``BaseSubprocessTransport._wait`` of
CPython 3.11, whose pipes are then not all there).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
import os
import signal
import subprocess
import sys

_LOOK_S = 0.05


class PipedChild:
    """
    Python with some words, in a group of its own, with nothing to read from.

    :raises OSError: no process is to be had.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *words], start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self._process.pid
        self._transports: list[asyncio.BaseTransport] = []

    @property
    def returncode(self) -> int | None:
        """How it ended; ``None``: it has not."""
        return self._process.poll()

    async def streams(self) -> list[asyncio.StreamReader]:
        """Return its standard output and its standard error; once."""
        found = []
        for pipe in (self._process.stdout, self._process.stderr):
            reader = asyncio.StreamReader()
            transport, _ = await asyncio.get_running_loop().connect_read_pipe(
                lambda reader=reader: asyncio.StreamReaderProtocol(reader), pipe)
            self._transports.append(transport)
            found.append(reader)
        return found

    async def ended(self) -> int:
        """Return how it ended, when it has."""
        while (code := self.returncode) is None:
            await asyncio.sleep(_LOOK_S)
        return code

    def signal(self, number: int) -> None:
        """Send a signal to all of its group that are left."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def end(self) -> None:
        """Kill what is left of its group, and read no more of what it says."""
        self.signal(signal.SIGKILL)
        for transport in self._transports:
            transport.close()


async def whole(stream: asyncio.StreamReader, most_bytes: int) -> bytes:
    """Return all of a stream; :raises ValueError: it has more."""
    found = bytearray()
    while piece := await stream.read(65536):
        found += piece
        if len(found) > most_bytes:
            raise ValueError(f'more than {most_bytes} bytes')
    return bytes(found)
