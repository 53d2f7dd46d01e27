"""What was heard on one topic of a recording: numbers over the time at which they arrived."""

from dataclasses import dataclass
import re

import numpy as np

from ilw_core.errors import EpisodeError
from ilw_data.bag.reader import Bag, BagTopic

_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')
"""Of a topic that a contract can name"""


@dataclass(frozen=True)
class Heard:
    """
    One topic that has messages.

    Times are those of arrival: headers may follow several clocks, or none.
    """

    name: str
    """Without a leading slash"""
    type: str
    topic: BagTopic

    @property
    def times_s(self) -> np.ndarray:
        """(N,) float64, ascending"""
        return np.asarray(self.topic.logged_ns, dtype=np.float64) / 1e9

    @property
    def count(self) -> int:
        """Messages, N."""
        return len(self.topic.logged_ns)

    @property
    def rate_hz(self) -> float:
        """Messages per second while they came; 0 for a single one."""
        gaps_s = np.diff(self.times_s)
        gaps_s = gaps_s[gaps_s > 0.0]
        return float(1.0 / np.median(gaps_s)) if len(gaps_s) else 0.0

    @property
    def evidence(self) -> str:
        """Rate and number of messages, for a comment."""
        return f'{self.rate_hz:.1f} Hz, {self.count} messages'

    def has(self, path: str) -> bool:
        """Tell whether the messages have a field."""
        return path in self.topic.fields

    def column(self, path: str) -> np.ndarray:
        """Return one number of every message, ``(N,)`` float64."""
        return np.asarray(self.topic.fields.column(path), dtype=np.float64)

    def frame(self, path: str = 'header.frame_id') -> str:
        """Return the frame most messages name, without a leading slash; empty if none does."""
        if not self.has(path):
            return ''
        frames, counts = np.unique(self.topic.fields.column(path).astype(str), return_counts=True)
        return str(frames[np.argmax(counts)]).lstrip('/')


def hear(bag: Bag, *types: str) -> tuple[list[Heard], list[str]]:
    """
    Return the topics of some types that have messages, and why others of them are not among them.

    :returns: topics by name; a sentence per topic that is empty or cannot be read.
    """
    found, left_out = [], []
    for name, kind in sorted(bag.types.items()):
        if kind not in types:
            continue
        try:
            topic = bag.topics({name}).get(name)
        except EpisodeError as error:
            left_out.append(f'{name}: {error}')
            continue
        if topic is None or not len(topic.logged_ns):
            left_out.append(f'{name} ({kind}) has no message')
        elif not _NAME.fullmatch(name):
            left_out.append(f'{name!r} ({kind}) is no name that a contract can hold')
        else:
            found.append(Heard(name, kind, topic))
    return found, left_out
