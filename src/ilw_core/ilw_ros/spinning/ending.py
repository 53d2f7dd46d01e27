"""Tell a node when to end: a signal came, or who started it is gone. Interrupts no callback."""

from collections.abc import Callable
import os
import select
import signal
import threading
import time

from ilw_ros.launcher import Launcher
from ilw_ros.spinning.last_resort import LastResort

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
LOOK_S = 0.1
"""Between two looks for the process that started this one"""
PATIENCE_S = 2.0
"""A callback may go on for so long after the node was asked to end"""
CLEAN_UP_S = 5.0
"""And leaving the graph, and then Python's own end, may each take so long; DDS can hang there"""
SPARE_S = 1.0
"""So much later the process ends without Python, should that be stuck"""


class Ending:
    """
    Listens in a thread of its own; made in the main thread.

    :param launcher: whose end ends this process.
    :param wake: called in that thread when it is time to end.
    :param overdue: called in that thread when the main thread does not end in time; ends all.
    """

    def __init__(self, launcher: Launcher, wake: Callable[[], None],
                 overdue: Callable[[], None]) -> None:
        self.why = ''
        """Why to end; empty until then"""
        self._launcher, self._wake, self._overdue = launcher, wake, overdue
        self._deadline_s: float | None = None
        self._closed = False
        self._last_resort = LastResort()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in SIGNALS:
            stays = number == signal.SIGHUP and (
                launcher.detached or signal.getsignal(number) == signal.SIG_IGN)
            # Python's own part of a handler writes the number into the pipe, at any moment; the
            # part that could interrupt a callback does nothing.
            signal.signal(number, signal.SIG_IGN if stays else _note)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name='ending', daemon=True).start()

    def within(self, seconds: float, code: int) -> None:
        """
        Note that no callback runs any more, and how long what follows may take.

        :param code: the exit code if it takes longer; 1 where something would be lost.
        """
        self._deadline_s = time.monotonic() + seconds
        self._last_resort.set(seconds + SPARE_S, code)

    def close(self, code: int) -> None:
        """Stop to listen; signals do nothing from here to the near end, which returns ``code``."""
        self._closed = True
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self._last_resort.set(CLEAN_UP_S, code)  # Python has no other way to end its own end

    def _listen(self) -> None:
        while not self._closed:
            ready, _, _ = select.select([self._read], [], [], LOOK_S)
            came = [number for number in os.read(self._read, 64) if number in SIGNALS
                    ] if ready else []
            if came:
                self._ask(signal.Signals(came[0]).name)
            elif not self.why and self._launcher.gone():
                self._ask('the process that started it is gone')
            if self._deadline_s is not None and time.monotonic() > self._deadline_s:
                self._overdue()
                return

    def _ask(self, why: str) -> None:
        if not self.why:
            self.why = why
            self._deadline_s = time.monotonic() + PATIENCE_S
            self._wake()


def _note(number: int, frame: object) -> None:
    """Do nothing, so that the signal does not end the process either."""
