"""Wait for the disk beside the thread that writes: what is written survives a kill meanwhile."""

from collections.abc import Callable
import threading


class SyncThread:
    """
    Calls a function again and again; a context manager that ends when the last call has returned.

    :param sync: waits until all that was written so far is on the disk; may raise ``OSError``.
    """

    def __init__(self, sync: Callable[[], None], every_s: float) -> None:
        self._sync, self._every_s = sync, every_s
        self._end = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name='sync', daemon=True)

    def __enter__(self) -> 'SyncThread':
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what the disk said last; :raises OSError: it refused."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._end.wait(self._every_s) and self._error is None:
            try:
                self._sync()
            except OSError as error:
                self._error = error
