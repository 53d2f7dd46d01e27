"""Tell whether one topic has several senders at once, or a new one."""

WINDOW_NS = 1_000_000_000
PERIOD_NS = 4_000_000
"""Of the fastest sender whose lost messages are not taken for another sender's"""


class Senders:
    """
    Follows the sequence numbers of one topic's messages.

    Each sender counts its own, so those of two take turns and keep falling back; a sender that was
    restarted falls back once. The graph is no help here: it lists the dead for 20 s.

    :param leaps: numbers that run ahead faster than one sender counts are another's, too. One
        message of a sender whose count happens to be just ahead passes; the next one tells.
    """

    def __init__(self, *, leaps: bool = False) -> None:
        self._leaps = leaps
        self._newest, self._newest_ns = 0, 0
        self._falls: list[int] = []

    def take(self, number: int | None, mono_ns: int) -> bool:
        """
        Note a message; a middleware that does not count gives no number.

        :returns: whether it is of another sender than the one before.
        """
        if not number:
            return False
        another = number <= self._newest
        if another:
            self._falls = [*self._falls[-1:], mono_ns]
        elif self._leaps and self._newest:
            another = number - self._newest > 1 + (mono_ns - self._newest_ns) // PERIOD_NS
        self._newest, self._newest_ns = number, mono_ns
        return another

    def several(self, mono_ns: int) -> bool:
        """Tell whether there was more than one within the last second."""
        return len(self._falls) == 2 and mono_ns - self._falls[0] <= WINDOW_NS
