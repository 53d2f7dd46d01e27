"""The words of recording: phases, refusals, wishes, marks, endings, status. Values only."""

from dataclasses import dataclass
from enum import IntEnum

from ilw_core.episode import Outcome


class Phase(IntEnum):
    """What the recorder is doing. The numbers are those of ``ilw_msgs/EpisodeStatus``."""

    UNKNOWN = 0
    WAITING = 1
    READY = 2
    RECORDING = 3
    SAVING = 4
    FAULT = 5


class Refusal(IntEnum):
    """Why an episode does not start. The numbers are those of ``ilw_msgs/StartEpisode``."""

    NONE = 0
    NOT_READY = 1
    BUSY = 2
    DISK = 3
    CONTRACT = 4


@dataclass(frozen=True)
class Wish:
    """What a caller wants recorded."""

    task: str = ''
    operator: str = ''
    notes: str = ''
    episode: str = ''
    timeout_s: float = 0.0
    """Wall time after which it is thrown away; 0: none"""


class MarkKind(IntEnum):
    """What an event means to the recorder. The numbers are those of ``ilw_msgs/EpisodeEvent``."""

    UNKNOWN = 0
    START = 1
    STOP = 2
    DISCARD = 3
    RESET = 4

    @classmethod
    def _missing_(cls, value: object) -> 'MarkKind':
        return cls.UNKNOWN


@dataclass(frozen=True)
class Mark:
    """An event of the joystick or the simulator."""

    kind: MarkKind
    stamp_ns: int
    episode: str = ''
    outcome: int = 0
    stop_reason: str = ''


@dataclass(frozen=True)
class EpisodeEnding:
    """How an attempt ended, for whoever waits for it."""

    episode: str
    outcome: Outcome
    stop_reason: str
    path: str
    """Empty if it was not saved"""
    error: str

    @property
    def text(self) -> str:
        """What became of it, a sentence."""
        if self.error:
            return self.error
        if not self.path:
            return f'Episode {self.episode}: thrown away.'
        how = {Outcome.SUCCESS: 'a success', Outcome.FAILURE: 'a failure'}.get(self.outcome)
        as_what = f'as {how} ({self.stop_reason})' if how else (
            'but nobody judged it, so it is not trained from')
        return f'Episode {self.episode}: saved {as_what}: {self.path}'


@dataclass(frozen=True)
class RecorderStatus:
    """How the recorder is; ``ilw_msgs/EpisodeStatus`` says what each field means."""

    episode: str
    phase: Phase
    begin_ns: int
    """Robot clock; 0 before the first episode"""
    kept: bool
    outcome: Outcome
    stop_reason: str
    problems: list[str]
    path: str
    step: int
    messages: int
    bytes: int
    dropped: int
    suspect: list[str]
    refused: int
    refusal: str
    attempted: int
    saved: int
    discarded: int
    failed: int
    recovered: int
