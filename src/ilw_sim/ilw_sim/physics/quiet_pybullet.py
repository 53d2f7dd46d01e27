"""PyBullet, imported without the greeting that its C code prints into the caller's terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
import os
import sys
import tempfile


@contextmanager
def quiet() -> Iterator[None]:
    """
    Keep what C code prints from the terminal, which Python's own redirection does not reach.

    What it printed is shown after all if it raised.
    """
    flush = ctypes.CDLL(None).fflush
    with tempfile.TemporaryFile() as sink:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # a node without a terminal
                stream.flush()
        flush(None)
        kept = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
        for number in kept:
            os.dup2(sink.fileno(), number)
        failed = True
        try:
            yield
            failed = False
        finally:
            flush(None)
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            if failed and 2 in kept:
                sink.seek(0)
                os.write(2, sink.read())


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


with quiet():
    import pybullet

__all__ = ['pybullet']
