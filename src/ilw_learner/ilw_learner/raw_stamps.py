"""When each message of a recording was meant for: its header's stamp, or when it was logged."""

from collections.abc import Callable
import struct

import numpy as np
from rosbags.interfaces import Nodetype

from ilw_learner.bag_reader import damage, decoder, type_fields
from ilw_learner.raw_bag import RawBag
from ilw_learner.raw_messages import Channel

_HEADER = 'std_msgs/msg/Header'
_HEADER_AT = 4
"""Bytes before the first field of a serialized message"""


class Stamps:
    """
    The stamps of every message, by topic, in the order of the file.

    They are those that ``bag_reader.Topic.stamps_ns`` gives, without holding the messages.

    :raises EpisodeError: the types of a message cannot be read.
    """

    def __init__(self, bag: RawBag) -> None:
        stamps: dict[str, list[int]] = {}
        logged: dict[str, list[int]] = {}
        with damage(f'{bag.path} cannot be read to its end'):
            readers = {channel: _reader(channel) for channel in bag.channels}
            for message in bag.messages():
                read, name = readers[message.channel], message.channel.name
                stamps.setdefault(name, []).append(read(message.data) if read else 0)
                logged.setdefault(name, []).append(message.logged_ns)
        self.logged_ns = {name: np.array(each, dtype=np.int64) for name, each in logged.items()}
        """(N,) int64 each"""
        headed = {name: np.array(each, dtype=np.int64) for name, each in stamps.items()}
        self.has_header = {name: bool(each.any()) for name, each in headed.items()}
        """Whether its messages say themselves when they are from"""
        self.stamps_ns = {name: headed[name] if self.has_header[name] else self.logged_ns[name]
                          for name in headed}
        """(N,) int64 each"""


def _reader(channel: Channel) -> Callable[[bytes], int] | None:
    """Return what reads the header's stamp of a serialized message; ``None``: it has none."""
    fields = type_fields([channel]).get(channel.type, ((), []))[1]
    kinds = {name: kind for name, kind in fields}
    if kinds.get('header') != (Nodetype.NAME, _HEADER):
        return None
    if fields[0][0] == 'header':
        return _first_field
    decode = decoder([channel])

    def later_field(data: bytes) -> int:
        stamp = decode(data, channel.type).header.stamp
        return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)

    return later_field


def _first_field(data: bytes) -> int:
    if len(data) < _HEADER_AT + 8:
        return 0
    sec, nanosec = struct.unpack_from('<iI' if data[1] & 1 else '>iI', data, _HEADER_AT)
    return int(sec) * 1_000_000_000 + int(nanosec)
