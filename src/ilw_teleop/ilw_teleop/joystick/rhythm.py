"""The rhythm of ``Joy`` messages: when one is due, and whether those heard come all the time."""

from collections.abc import Sequence
from typing import Any

SILENCE_NS = 200_000_000
"""Four periods of a joystick's autorepeat"""
SILENCES = 2
EQUAL = 2
"""So many messages in a row that change nothing: they are repeated"""
ONLY_CHANGES = ('The joystick sends messages only on changes, so whatever is held counts as '
                'released: set autorepeat_rate of the joy node to 20.')


class JoyRhythm:
    """Follows one joystick; silences that end with a change, and no repeats, tell."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: it was unplugged."""
        self._before: tuple[list[float], list[int]] | None = None
        self._silences = self._equal = 0

    @property
    def only_changes(self) -> bool:
        """Whether messages come only when something changes."""
        return self._silences >= SILENCES

    def take(self, silence_ns: int, axes: Sequence[float], buttons: Sequence[int]) -> None:
        """Take in one message, and the time since the one before."""
        now = list(axes), list(buttons)
        self._equal = self._equal + 1 if now == self._before else 0
        if self._equal >= EQUAL:
            self._silences = 0
        elif self._before is not None and now != self._before and silence_ns >= SILENCE_NS:
            self._silences += 1
        self._before = now


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
