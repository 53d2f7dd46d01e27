"""What a recording holds, as values: channels, serialized messages, and what ends a reading."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Channel:
    """One topic of one type, as it was recorded."""

    topic: str
    """With its leading slash, if it had one"""
    type: str
    encoding: str = 'cdr'
    """Of the messages; ROS 2 writes ``cdr``"""
    definition: str = ''
    """Of the type, bytes that are no text as surrogates; empty when the recording has none"""
    definition_format: str = ''
    """``ros2msg`` or ``ros2idl``; others write ``protobuf``, ``jsonschema`` and more"""
    qos: str = ''
    """What its publishers offered, the YAML that rosbag2 wrote"""
    type_hash: str = ''
    """RIHS01 hash; empty if unknown"""

    @property
    def name(self) -> str:
        """The topic without a leading slash, as contracts write it."""
        return self.topic.lstrip('/')


class RawMessage(NamedTuple):
    """One serialized message."""

    channel: Channel
    logged_ns: int
    published_ns: int
    data: bytes


class DamagedBagError(ValueError):
    """A recording that says it is whole is not."""


@dataclass
class Reading:
    """How far a file was read. Filled while its messages are taken."""

    messages: int = 0
    torn: str = ''
    """Where and why reading ended early; empty: the file is whole"""
    channels: list[Channel] = field(default_factory=list)
