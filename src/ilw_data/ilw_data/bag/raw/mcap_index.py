"""
Find every message of some topics in an MCAP file by the indexes in it. Does not decode messages.

A chunk is followed by one array per channel of when and where its messages are, so they are found
without going from one to the next. See the MCAP specification, "Message Index" and "Chunk".
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
import mmap
from pathlib import Path
import zlib

from mcap.data_stream import ReadDataStream
from mcap.reader import SeekingReader
from mcap.records import Chunk, ChunkIndex
import numpy as np

from ilw_core.storage.files import open_regular
from ilw_data.bag.raw.mcap import channel_of
from ilw_data.bag.raw.messages import Channel
from ilw_data.bag.unpack import budget_bytes, unpack

_CHUNK, _INDEX, _MESSAGE = 6, 7, 5
"""Opcodes"""
_CHUNK_HEAD = 9 + 28
"""Opcode, length, two times, size, checksum; then come the compression's name and a length"""
_CHUNK_BITS = 32
"""A chunk is shorter"""
_CRC_THREADS = 2
_ENTRY = np.dtype([('logged_ns', '<u8'), ('at', '<u8')])
_MESSAGE_HEAD = np.dtype([
    ('opcode', 'u1'), ('length', '<u8'), ('channel', '<u2'), ('sequence', '<u4'),
    ('logged_ns', '<u8'), ('published_ns', '<u8')])
_PREFIX = 9
"""Opcode and length; what the length counts comes after"""


class BrokenIndexError(ValueError):
    """What the index says is not what the file holds."""


@dataclass(frozen=True)
class Messages:
    """The serialized messages of one topic, in the order they were logged."""

    data: np.ndarray
    """uint8, holds all of them"""
    begin: np.ndarray
    """(N,) int64 into ``data``"""
    end: np.ndarray
    """(N,) int64"""
    logged_ns: np.ndarray
    """(N,) int64"""
    place: np.ndarray
    """(N,) int64, rises in the order in which the messages of all topics were written"""
    ran_back: bool = False
    """They were not written in the order they were logged: the log's clock ran back"""


_Placed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Bytes, index entries of messages in them, for each where its chunk ends, and its place"""
BACK_NS = 500_000_000
"""Messages may be written out of order by less"""


class IndexedMcap:
    """
    An MCAP file in which every message is indexed.

    :raises BrokenIndexError: this one is not, or its summary is damaged.
    """

    def __init__(self, file: Path) -> None:
        with open_regular(file) as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        # Of a map, no more can be read than there is, whatever a record says of its length.
        summary = SeekingReader(self._map).get_summary()  # type: ignore[arg-type]
        if summary is None or summary.statistics is None or not summary.chunk_indexes:
            raise BrokenIndexError('no index')
        self.channels: dict[int, Channel] = {
            number: channel_of(said, summary.schemas) for number, said in summary.channels.items()}
        self._counts = summary.statistics.channel_message_counts
        self._chunks = sorted(summary.chunk_indexes, key=lambda c: c.chunk_start_offset)

    def find(self, channels: Collection[int]) -> dict[int, Messages]:
        """
        Return the messages of some channels; checks the sum of each chunk they are in.

        :raises BrokenIndexError: damage, or messages that are not indexed.
        """
        wanted = set(channels)
        chunks = [c for c in self._chunks if not wanted.isdisjoint(c.message_index_offsets)]
        placed = (self._unpack(wanted, chunks) if any(c.compression for c in chunks)
                  else self._in_place(wanted, chunks))
        found = {}
        for channel, (data, entries, limits, place) in placed.items():
            if len(entries) != self._counts.get(channel, 0):
                raise BrokenIndexError(f'{len(entries)} of {self._counts.get(channel, 0)} '
                                       f'messages of channel {channel} are indexed')
            found[channel] = _messages(channel, data, entries, limits, place)
        return found

    def _in_place(self, wanted: set[int], chunks: list[ChunkIndex]) -> dict[int, _Placed]:
        """Find uncompressed messages in the file itself: nothing is copied."""
        data = np.frombuffer(self._map, dtype=np.uint8)
        with ThreadPoolExecutor(_CRC_THREADS) as pool:
            spans = list(pool.map(self._span, chunks))
        parts: dict[int, list[_Placed]] = {channel: [] for channel in wanted}
        for chunk, (begin, end) in zip(chunks, spans, strict=True):
            for channel in wanted & chunk.message_index_offsets.keys():
                entries = self._index(chunk, channel)
                entries['at'] += np.uint64(begin)
                parts[channel].append((data, entries, np.full(len(entries), end),
                                       entries['at'].astype(np.int64)))
        return {channel: _join(data, each) for channel, each in parts.items()}

    def _unpack(self, wanted: set[int], chunks: list[ChunkIndex]) -> dict[int, _Placed]:
        """Copy the wanted messages out of compressed chunks; one chunk is unpacked at a time."""
        copies: dict[int, bytearray] = {channel: bytearray() for channel in wanted}
        parts: dict[int, list[_Placed]] = {channel: [] for channel in wanted}
        nothing = np.empty(0, dtype=np.uint8)
        left_bytes = budget_bytes(len(self._map))
        for number, chunk in enumerate(chunks):
            end = chunk.chunk_start_offset + chunk.chunk_length
            packed = Chunk.read(ReadDataStream(BytesIO(
                self._map[chunk.chunk_start_offset + _PREFIX:end])))
            left_bytes -= packed.uncompressed_size
            if left_bytes < 0:
                raise BrokenIndexError('chunks hold more than a file of this size may')
            records = unpack(packed.data, packed.compression, packed.uncompressed_size)
            if packed.uncompressed_crc and zlib.crc32(records) != packed.uncompressed_crc:
                raise BrokenIndexError(f'the chunk at byte {chunk.chunk_start_offset} is damaged')
            for channel in wanted & chunk.message_index_offsets.keys():
                entries, copy = self._index(chunk, channel), copies[channel]
                place = entries['at'].astype(np.int64) + (number << _CHUNK_BITS)
                limits = np.empty(len(entries), dtype=np.int64)
                for row, at in enumerate(entries['at'].tolist()):
                    length = int.from_bytes(records[at + 1:at + _PREFIX], 'little')
                    entries['at'][row] = len(copy)
                    copy += records[at:at + _PREFIX + length]
                    limits[row] = len(copy)
                parts[channel].append((nothing, entries, limits, place))
        return {channel: _join(np.frombuffer(copies[channel], dtype=np.uint8), each)
                for channel, each in parts.items()}

    def _span(self, chunk: ChunkIndex) -> tuple[int, int]:
        """Return where the records of an uncompressed chunk begin and end, its sum checked."""
        at = chunk.chunk_start_offset
        head = self._map[at:at + _CHUNK_HEAD]
        begin = at + _CHUNK_HEAD + 4 + 8
        end = begin + chunk.compressed_size
        if len(head) < _CHUNK_HEAD or head[0] != _CHUNK or end > len(self._map):
            raise BrokenIndexError(f'no chunk at byte {at}')
        crc = int.from_bytes(head[-4:], 'little')
        with memoryview(self._map) as whole, whole[begin:end] as records:
            if crc and zlib.crc32(records) != crc:
                raise BrokenIndexError(f'the chunk at byte {at} is damaged')
        return begin, end

    def _index(self, chunk: ChunkIndex, channel: int) -> np.ndarray:
        """Return a copy of a channel's entries in a chunk."""
        at = chunk.message_index_offsets[channel]
        head = self._map[at:at + _PREFIX + 6]
        size = int.from_bytes(head[-4:], 'little')
        begin = at + _PREFIX + 6
        if (len(head) < _PREFIX + 6 or head[0] != _INDEX or size % _ENTRY.itemsize
                or int.from_bytes(head[9:11], 'little') != channel
                or begin + size > len(self._map)):
            raise BrokenIndexError(f'no index of channel {channel} at byte {at}')
        return np.frombuffer(self._map[begin:begin + size], dtype=_ENTRY).copy()


def _join(data: np.ndarray, parts: list[_Placed]) -> _Placed:
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return data, np.empty(0, dtype=_ENTRY), none, none
    _, entries, limits, place = (list(each) for each in zip(*parts, strict=True))
    return data, np.concatenate(entries), np.concatenate(limits), np.concatenate(place)


def _messages(channel: int, data: np.ndarray, entries: np.ndarray,
              limits: np.ndarray, place: np.ndarray) -> Messages:
    """Check that a message of this channel and time lies at each entry, inside its chunk."""
    if np.any(entries['at'] + np.uint64(_MESSAGE_HEAD.itemsize) > limits.astype(np.uint64)):
        raise BrokenIndexError(f'channel {channel}: a message outside its chunk')
    at = entries['at'].astype(np.int64)
    heads = at[:0].astype(_MESSAGE_HEAD)
    if len(at):
        heads = np.ndarray((len(data) - _MESSAGE_HEAD.itemsize + 1,), _MESSAGE_HEAD, data,
                           0, (1,))[at]
    room = (limits - at - _PREFIX).astype(np.uint64)
    if (np.any(heads['opcode'] != _MESSAGE) or np.any(heads['channel'] != channel)
            or np.any(heads['logged_ns'] != entries['logged_ns'])
            or np.any(heads['length'] > room)):
        raise BrokenIndexError(f'channel {channel}: a message is not where its index says')
    begin = at + _MESSAGE_HEAD.itemsize
    end = at + _PREFIX + heads['length'].astype(np.int64)
    logged_ns = entries['logged_ns'].astype(np.int64)
    order = np.argsort(logged_ns, kind='stable')
    return Messages(data, begin[order], end[order], logged_ns[order], place[order],
                    ran_back(logged_ns, place))


def ran_back(logged_ns: np.ndarray, place: np.ndarray) -> bool:
    """Tell whether the clock that messages were logged by ran back while they were written."""
    if np.any(np.diff(place) < 0):
        logged_ns = logged_ns[np.argsort(place, kind='stable')]
    return bool(np.any(np.diff(logged_ns) < -BACK_NS))
