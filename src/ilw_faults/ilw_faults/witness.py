"""A bystander that notes how late the machine itself was: what no node under test can change."""

from collections.abc import Iterable
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


def simulated_s(heard: Iterable[tuple[float, int]], since_s: float, until_s: float) -> float:
    """
    Return how much simulated time went by between two instants, steady clock.

    A machine that is too busy for real time simulates slower. Wall time where there is no such
    clock, or it stood, or jumped.

    :param heard: arrival and time [ns] of each message of the clock.
    """
    wall_s, clock = until_s - since_s, list(heard)
    before = [ns for at, ns in clock if at <= since_s]
    after = [ns for at, ns in clock if at <= until_s]
    passed_s = (after[-1] - before[-1]) / 1e9 if before else wall_s
    return passed_s if 0.2 * wall_s <= passed_s <= wall_s else wall_s
