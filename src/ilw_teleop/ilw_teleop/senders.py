"""Tell whether one topic has several senders at once, or a new one. No ROS, no clock."""

WINDOW_NS = 1_000_000_000


class Senders:
    """
    Follows the sequence numbers of one topic's messages.

    Each sender counts its own, so those of two take turns and keep falling back; a sender that was
    restarted falls back once. The graph is no help here: it lists the dead for 20 s.
    """

    def __init__(self) -> None:
        self._newest = 0
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
        self._newest = number
        return another

    def several(self, mono_ns: int) -> bool:
        """Tell whether there was more than one within the last second."""
        return len(self._falls) == 2 and mono_ns - self._falls[0] <= WINDOW_NS
