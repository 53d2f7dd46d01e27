"""Send a state when it changes, and again and again while it does not. No ROS, no clock."""

from typing import Any


class Repeat:
    """
    Decides when a joystick's state is due.

    :param period_ns: between two messages while nothing changes: silence would mean unplugged.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._sent: Any = None
        self._sent_ns = 0

    def due(self, state: tuple[list[float], list[int]] | None, now_ns: int) -> bool:
        """Tell whether to send this state now; ``None``, no device, is never sent."""
        if state is None:
            self._sent = None
            return False
        copy = (tuple(state[0]), tuple(state[1]))
        if copy == self._sent and now_ns - self._sent_ns < self._period_ns:
            return False
        self._sent, self._sent_ns = copy, now_ns
        return True
