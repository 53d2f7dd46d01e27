"""
Read an MCAP file from its start to its end, without its index: also one that was never finished.

Lengths are checked against the file before they are used, and chunks are unpacked within bounds.
A file that ends as MCAP files end must be whole, to its checksums and counts; one that does not is
read to its last whole record. See the MCAP specification, "Records".
"""

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
import mmap
from pathlib import Path
import struct
import zlib

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.records import Channel as ChannelRecord
from mcap.records import Schema

from ilw_core.storage.files import open_regular
from ilw_data.bag.raw.messages import Channel, DamagedBagError, RawMessage, Reading
from ilw_data.bag.unpack import PackedError, budget_bytes, unpack

MAGIC = b'\x89MCAP0\r\n'
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = 2, 3, 4, 5, 6
_STATISTICS, _DATA_END = 11, 15
_PREFIX = struct.Struct('<BQ')
_MESSAGE_HEAD = struct.Struct('<HIQQ')
_CHUNK_HEAD = struct.Struct('<QQQII')
_BAD = (McapError, struct.error, ValueError, PackedError)
"""What wrong bytes raise"""


class McapFile:
    """
    One file; ``messages`` may be called again.

    :param partial: go on after a chunk that is damaged.
    """

    def __init__(self, path: Path, *, partial: bool = False) -> None:
        self._path, self._partial = path, partial

    def messages(self, reading: Reading) -> Iterator[RawMessage]:
        """
        Yield every message in the order of the file.

        :param reading: receives the channels and how far it went.
        :raises DamagedBagError: a finished file has a wrong byte.
        """
        size = self._path.stat().st_size
        if size < len(MAGIC):
            reading.torn = f'{self._path.name} is empty'
            return
        with open_regular(self._path) as stream:
            view = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        if view[:len(MAGIC)] != MAGIC:
            raise DamagedBagError(f'{self._path.name} is not an MCAP file')
        walk = _Walk(view, reading, self._partial)
        try:
            yield from walk.messages()
        except _BAD as error:
            why = f'{self._path.name}, byte {walk.at} of {size}: {_line(error)}'
            why = '; '.join([*walk.lost, why])
            if walk.finished:
                raise DamagedBagError(why) from error
            reading.torn = why
        else:
            reading.torn = f'{self._path.name}, {"; ".join(walk.lost)}' if walk.lost else ''


class _Walk:
    """From record to record."""

    def __init__(self, view: memoryview, reading: Reading, partial: bool) -> None:
        self._view, self._reading, self._partial = view, reading, partial
        self.lost: list[str] = []
        """Damaged chunks that were passed over"""
        self.at = len(MAGIC)
        self.finished = len(view) >= 2 * len(MAGIC) and view[-len(MAGIC):] == MAGIC
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._left_bytes = budget_bytes(len(view))
        self._ended = False

    def messages(self) -> Iterator[RawMessage]:
        end = len(self._view) - (len(MAGIC) if self.finished else 0)
        opcode = 0
        if self._partial and self.finished:
            self._announce(end)
        for opcode, begin, stop in self._records(self._view, self.at, end):
            record = self._view[begin:stop]
            if opcode == _CHUNK:
                try:
                    yield from self._chunk(record)
                except _BAD as error:
                    if not self._partial:
                        raise
                    self.lost.append(f'the chunk at byte {self.at}: {_line(error)}')
            elif opcode == _DATA_END and not self.lost:
                self._check_sum(record, begin - _PREFIX.size)
            elif opcode == _STATISTICS and self.finished and not self.lost:
                self._check_count(record)
            elif not self._ended:  # the summary says channels and schemas once more
                yield from self._take(opcode, record)
            self.at = stop
        if not self.finished:
            raise ValueError('it was never finished' if opcode else 'it holds nothing')
        if opcode != _FOOTER:
            raise ValueError('it has no footer')

    def _announce(self, end: int) -> None:
        """Learn the channels that the end of a file repeats: their own chunk may be damaged."""
        with suppress(*_BAD):
            for opcode, begin, stop in self._records(self._view, self.at, end):
                if opcode in (_SCHEMA, _CHANNEL):
                    list(self._take(opcode, self._view[begin:stop]))
        self.at = len(MAGIC)

    def _chunk(self, record: memoryview) -> Iterator[RawMessage]:
        chunk = memoryview(self._unpack(record))
        for inner, a, b in self._records(chunk, 0, len(chunk), outer=False):
            yield from self._take(inner, chunk[a:b])

    def _records(self, view: memoryview, at: int, end: int, *,
                 outer: bool = True) -> Iterator[tuple[int, int, int]]:
        """Yield opcode, begin and end of each record's content."""
        while at < end:
            if outer:
                self.at = at
            if at + _PREFIX.size > end:
                raise ValueError('a record ends too early')
            opcode, length = _PREFIX.unpack_from(view, at)
            begin = at + _PREFIX.size
            if opcode == 0 or length > end - begin:
                raise ValueError(f'a record of kind {opcode} and {length} bytes does not fit')
            at = begin + length
            yield opcode, begin, at

    def _take(self, opcode: int, record: memoryview) -> Iterator[RawMessage]:
        if opcode == _MESSAGE:
            number, _, logged_ns, published_ns = _MESSAGE_HEAD.unpack_from(record)
            if max(logged_ns, published_ns) >= 1 << 63:
                raise ValueError('a time beyond 292 years')
            channel = self._channels.get(number)
            if channel is None:
                raise ValueError(f'a message of channel {number}, which was not announced')
            self._reading.messages += 1
            yield RawMessage(channel, logged_ns, published_ns,
                             bytes(record[_MESSAGE_HEAD.size:]))
        elif opcode == _SCHEMA:
            schema = Schema.read(ReadDataStream(BytesIO(record)))
            self._schemas[schema.id] = schema
        elif opcode == _CHANNEL:
            said = ChannelRecord.read(ReadDataStream(BytesIO(record)))
            if said.id not in self._channels:
                self._channels[said.id] = channel = channel_of(said, self._schemas)
                self._reading.channels.append(channel)

    def _unpack(self, record: memoryview) -> bytes:
        _, _, size, crc, name_length = _CHUNK_HEAD.unpack_from(record)
        at = _CHUNK_HEAD.size + name_length
        how = str(record[_CHUNK_HEAD.size:at], 'utf-8')
        (packed,) = struct.unpack_from('<Q', record, at)
        if packed != len(record) - at - 8:
            raise ValueError('a chunk is not as long as it says')
        if size > self._left_bytes:
            raise ValueError('chunks hold more than a file of this size may')
        self._left_bytes -= size
        data = unpack(record[at + 8:], how, size)
        if crc and zlib.crc32(data) != crc:
            raise ValueError('the checksum of a chunk is wrong')
        return data

    def _check_sum(self, record: memoryview, end: int) -> None:
        (crc,) = struct.unpack_from('<I', record)
        if crc and zlib.crc32(self._view[:end]) != crc:
            raise ValueError('the checksum of the data is wrong')
        self._ended = True

    def _check_count(self, record: memoryview) -> None:
        (count,) = struct.unpack_from('<Q', record)
        if count != self._reading.messages:
            raise ValueError(f'it holds {self._reading.messages} of {count} messages')


def channel_of(said: ChannelRecord, schemas: dict[int, Schema]) -> Channel:
    """Return a channel with its type; a definition in bytes that are no text comes along."""
    schema = schemas.get(said.schema_id) or Schema(0, b'', '', '')
    return Channel(
        said.topic, schema.name, said.message_encoding,
        schema.data.decode(errors='surrogateescape'), schema.encoding,
        said.metadata.get('offered_qos_profiles', ''), said.metadata.get('topic_type_hash', ''))


def _line(error: Exception) -> str:
    return ' '.join(str(error).split()) or type(error).__name__
