"""Say a line to whoever started this process; nobody may be left to hear it."""

from contextlib import suppress
import os
import sys


def say(text: str) -> None:
    """Write a line to standard error; nothing happens where it leads nowhere any more."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def let_go() -> None:
    """Flush what was said; what cannot be is dropped, or Python would complain at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
