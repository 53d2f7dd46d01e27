"""Do joystick messages come all the time, or only when something changes? No ROS, no clock."""

from collections.abc import Sequence

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
