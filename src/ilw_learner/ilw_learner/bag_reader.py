"""Read a rosbag2 folder: stamped, decoded messages of the topics asked for. No ROS."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from ilw_core.errors import EpisodeError


@dataclass(frozen=True)
class Stamped:
    """One message of a bag."""

    topic: str
    """Without a leading slash"""
    stamp_ns: int
    """Header stamp; the time it was logged when it has no header"""
    logged_ns: int
    message: Any


def read_messages(folder: Path, topics: Collection[str] | None = None) -> Iterator[Stamped]:
    """
    Yield messages in the order they were logged.

    :param topics: names without a leading slash; ``None`` for all.
    :raises EpisodeError: the bag is truncated, or is none.
    """
    try:
        with AnyReader([folder], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            chosen = [c for c in reader.connections
                      if topics is None or c.topic.lstrip('/') in topics]
            if not chosen:
                return
            for connection, logged_ns, data in reader.messages(connections=chosen):
                message = reader.deserialize(data, connection.msgtype)
                yield Stamped(connection.topic.lstrip('/'), _stamp_ns(message, logged_ns),
                              logged_ns, message)
    except Exception as error:  # on damaged bytes the decoders raise anything, MemoryError too
        reason = ' '.join(str(error).split()).rstrip('.') or type(error).__name__
        raise EpisodeError(f'{folder} cannot be read to its end: {reason}. If the recorder was '
                           f'killed, start it again: it repairs what it left.') from error


def topic_types(folder: Path) -> dict[str, str]:
    """Return topic (no leading slash) -> type of everything in a bag."""
    try:
        with AnyReader([folder], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            return {c.topic.lstrip('/'): c.msgtype for c in reader.connections}
    except Exception as error:  # as above
        reason = ' '.join(str(error).split()).rstrip('.') or type(error).__name__
        raise EpisodeError(f'{folder} cannot be opened as a bag: {reason}. If the recorder was '
                           f'killed, start it again: it repairs what it left.') from error


def _stamp_ns(message: Any, logged_ns: int) -> int:
    header = getattr(message, 'header', None)
    if header is None:
        return logged_ns
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
