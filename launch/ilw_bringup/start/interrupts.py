"""What Ctrl-C and its kin do to ``./ilw``: end a command between two steps, never a clean-up."""

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import time
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CLEAN_UP_S = 5.0
"""So long after the first, another one changes nothing: nodes are being ended"""


class _Interrupt:
    """Raises ``KeyboardInterrupt`` once, and again only when cleaning up takes too long."""

    def __init__(self) -> None:
        self._raised_s: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._raised_s is None or now - self._raised_s > _CLEAN_UP_S:
            self._raised_s = now
            raise KeyboardInterrupt


def interrupt_once() -> None:
    """Have Ctrl-C, SIGTERM and a closed terminal raise ``KeyboardInterrupt``, the first time."""
    _install(_Interrupt())


@contextmanager
def asked_to_end(*, keep_terminal: bool = True) -> Iterator[list[int]]:
    """
    Only take note of Ctrl-C, SIGTERM and a closed terminal.

    :param keep_terminal: ``False``: that the terminal closes means nothing.
    :returns: the signals that came so far; it grows.
    """
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    _install(lambda number, frame: came.append(number))
    if not keep_terminal:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore() -> None:
    """Let nothing come between the last word and the end of the process."""
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)


def _install(handler: signal.Handlers | object) -> None:
    for number in _NUMBERS:
        # As nohup has it: a terminal that nobody misses.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]
