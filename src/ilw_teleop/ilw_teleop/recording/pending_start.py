"""A start that a person asked for by a button: it waits a little for the recorder to be ready."""

from ilw_teleop.recording.recorder import Recorder
from ilw_teleop.recording.words import Phase, Refusal, Wish

WAIT_NS = 2_000_000_000
"""Of wall time: as long as a take is being saved, or a sensor has only just begun to send"""


class PendingStart:
    """Holds one wish until the recorder can begin, or says why it does not."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._wish: Wish | None = None
        self._until_wall_ns = 0

    def ask(self, wish: Wish, wall_ns: int) -> None:
        """Take in that a take is to begin; ``poll`` answers."""
        self._wish, self._until_wall_ns = wish, wall_ns + WAIT_NS

    def poll(self, now_ns: int, wall_ns: int, *, paused: bool) -> tuple[Refusal, str, str] | None:
        """Return the answer of ``Recorder.start``, once; ``None``: nobody asked, or not yet."""
        if self._wish is None:
            return None
        phase, _ = self._recorder.phase(now_ns, paused=paused)
        if phase in (Phase.WAITING, Phase.SAVING) and wall_ns < self._until_wall_ns:
            return None
        wish, self._wish = self._wish, None
        return self._recorder.start(wish, now_ns, wall_ns, paused=paused)
