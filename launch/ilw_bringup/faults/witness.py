"""A bystander that notes how late the machine itself was: what no node under test can change."""

import threading
import time

_EVERY_S = 0.005
_KEPT = 2000
"""Ten seconds of them"""


class Witness:
    """A thread that does nothing but wake up, and knows by how much it was woken too late."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name='witness', daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._ending.wait(_EVERY_S):
            now = time.monotonic()
            self.note(now, now - before - _EVERY_S)
            before = now

    def note(self, at_s: float, late_s: float) -> None:
        """Note how late it was woken at an instant, steady clock."""
        self._late.append((at_s, late_s))
        del self._late[:-_KEPT]

    def late_s(self, since_s: float) -> float:
        """Return by how much it was woken too late since an instant, at worst."""
        return max((late for at, late in list(self._late) if at >= since_s), default=0.0)

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join(1.0)
