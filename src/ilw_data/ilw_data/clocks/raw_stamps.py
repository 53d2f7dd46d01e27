"""When each message of a recording counts, found without holding the messages."""

from collections.abc import Callable
import struct

import numpy as np
from rosbags.interfaces import Nodetype

from ilw_core.contract.file import Contract
from ilw_data.bag.message_types import TypeUnknownError, fields_of
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.mcap_index import ran_back
from ilw_data.bag.raw.messages import Channel
from ilw_data.bag.reader import damage, decoder
from ilw_data.clocks.main_clock import Series
from ilw_data.clocks.stamp_rule import CLOCK, CLOCK_TYPE, Times, how_used, times_of

_HEADER = 'std_msgs/msg/Header'
_HEADER_AT = 4
"""Bytes before the first field of a serialized message"""


class Stamps:
    """
    The times of every message, by topic, in the order of the file.

    They are those that ``episode_arrays`` counts messages at.

    :raises EpisodeError: the recording cannot be read.
    """

    def __init__(self, bag: RawBag, contract: Contract) -> None:
        stamps: dict[str, list[int]] = {}
        logged: dict[str, list[int]] = {}
        places: dict[str, list[int]] = {}
        with damage(f'{bag.path} cannot be read to its end'):
            readers = {channel: _reader(channel) for channel in bag.channels}
            for place, message in enumerate(bag.messages()):
                read, name = readers[message.channel], message.channel.name
                stamps.setdefault(name, []).append(read(message.data) if read else 0)
                logged.setdefault(name, []).append(message.logged_ns)
                places.setdefault(name, []).append(place)
        self.logged_ns = {name: np.array(each, dtype=np.int64) for name, each in logged.items()}
        """(N,) int64 each"""
        headed = {channel.name for channel, read in readers.items() if read}
        self.has_header = {name: name in headed and any(each) for name, each in stamps.items()}
        """Whether its messages say themselves when they are from"""
        used = how_used(contract)
        order = {name: np.argsort(each, kind='stable') for name, each in self.logged_ns.items()}
        series = {name: _series(used.get(name, 'other'), self.logged_ns[name][rows],
                                np.array(stamps[name])[rows] if name in headed else None,
                                np.array(places[name])[rows]) for name, rows in order.items()}
        clock = None
        if CLOCK in series and bag.types[CLOCK] == CLOCK_TYPE:
            rows = order[CLOCK]
            clock = _series('other', self.logged_ns[CLOCK][rows], np.array(stamps[CLOCK])[rows],
                            np.array(places[CLOCK])[rows])
        self.times: Times = times_of(series, lambda: clock)
        self.stamps_ns: dict[str, np.ndarray] = {}
        """(N,) int64 each; ``stamp_rule.NEVER`` for what is not used"""
        for name, rows in order.items():
            self.stamps_ns[name] = np.empty(len(rows), dtype=np.int64)
            self.stamps_ns[name][rows] = self.times.counts_ns[name]


def _series(how: str, logged_ns: np.ndarray, stamps_ns: np.ndarray | None,
            place: np.ndarray) -> Series:
    return Series(how, logged_ns, stamps_ns, place, ran_back(logged_ns, place))


def _reader(channel: Channel) -> Callable[[bytes], int] | None:
    """Return what reads the stamp of a serialized message; ``None``: it has none, or no reader."""
    if channel.type == CLOCK_TYPE:
        return _first_field
    try:
        fields = fields_of(channel).get(channel.type, ((), []))[1]
    except TypeUnknownError:
        return None
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
