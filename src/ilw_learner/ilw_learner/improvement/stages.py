"""What an improvement has others do: drive and record, train, compare."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ilw_core.scores.paired import PairCounts


@dataclass(frozen=True)
class RealEpisode:
    """One recorded episode of a policy with a person beside it."""

    episode: str
    """Its id"""
    policy: str
    """First 16 digits of the hash of what drove; empty: a person alone"""
    success: bool | None
    """The policy succeeded without help; ``None``: nobody judged it"""
    takeovers: int
    taught: bool
    """It shows what a person did, to learn from"""
    stop_reason: str = ''


class Stages(Protocol):
    """What an improvement has others do; each picks up what it has done already."""

    def drive(self, number: int, checkpoint: Path, enough: Callable[[], bool]) -> None:
        """Have a policy drive, episode by episode, until enough; it stands still at the end."""

    def episodes(self, number: int, known: Container[str]) -> Sequence[RealEpisode]:
        """Return what a round recorded, the oldest first, without those known by id."""

    def teaches(self, number: int) -> bool:
        """Tell whether anything can be learned from what a round recorded."""

    def learn(self, number: int, begin: Path, before: Sequence[int]) -> Path:
        """Return a policy learned from a round and those before."""

    def compare(self, number: int, deployed: Path, candidate: Path) -> PairCounts:
        """Drive both from the same starts, which no other round has; the deployed one first."""
