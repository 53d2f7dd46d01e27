"""When the recorder needs a person's attention, seen from what it says."""

SILENT_NS = 750_000_000
"""Three beats of ``episode/status``: a recorder that is quiet for longer hangs or is gone"""


class RecorderWatch:
    """Follows the status of a recorder, if there is one."""

    def __init__(self) -> None:
        self._heard_wall_ns: int | None = None
        self._recording = ''
        self._suspect = False
        self._refused = 0
        self.gone = False
        """It was there and is silent now"""

    def on_status(self, wall_ns: int, *, recording: str, suspect: bool, refused: int) -> bool:
        """
        Take in a status; returns whether the person should look up.

        :param recording: the episode being recorded or saved; empty: none.
        :param suspect: whether that episode is.
        :param refused: starts refused so far.
        """
        first = self._heard_wall_ns is None or self.gone
        alarm = not first and (refused > self._refused or (suspect and not self._suspect))
        self._heard_wall_ns, self._recording = wall_ns, recording
        self._suspect, self._refused, self.gone = suspect, refused, False
        return alarm

    def on_tick(self, wall_ns: int) -> bool:
        """Look at the time; returns true once when the recorder has fallen silent."""
        if self.gone or self._heard_wall_ns is None:
            return False
        self.gone = wall_ns - self._heard_wall_ns > SILENT_NS
        return self.gone

    @property
    def heard(self) -> bool:
        """Whether there is a recorder that can be heard."""
        return self._heard_wall_ns is not None and not self.gone

    @property
    def recording(self) -> bool:
        """Whether it said that it records, or saves."""
        return self.heard and bool(self._recording)

    @property
    def losing(self) -> bool:
        """Whether it fell silent while it recorded."""
        return self.gone and bool(self._recording)

    @property
    def text(self) -> str:
        """How it is, in words."""
        if self._heard_wall_ns is None:
            return 'there is no recorder'
        if not self.gone:
            return 'the recorder is heard'
        if self._recording:
            return (f'the recorder hangs or is gone while it records {self._recording}: what it '
                    f'wrote is saved when it starts again')
        return 'the recorder hangs or is gone'
