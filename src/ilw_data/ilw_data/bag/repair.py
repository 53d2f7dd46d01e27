"""
Make a torn bag whole where it lies: cut it after its last whole chunk, write the index.

In place, because a full disk has no room for a copy. Nothing that the file says about a size is
believed before it was held against what is there, and the file is looked at through a memory map,
so that damage costs neither memory nor an error.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
import mmap
import os
from pathlib import Path
import struct
from typing import Any
import zlib

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    ChunkIndex,
    DataEnd,
    Footer,
    MessageIndex,
    Schema,
    Statistics,
)
from mcap.writer import MCAP0_MAGIC
import yaml

from ilw_core.contract.yaml_data import parse_yaml
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.bag_files import bag_metadata, write_synced
from ilw_core.storage.episode_folder import BAG_INDEX_FILE
from ilw_core.storage.files import open_regular, open_to_update
from ilw_data.bag.writer import CHUNK_BYTES, WrittenTopic, recorded

_RECORD = struct.Struct('<BQ')  # opcode, length of the content
_CHUNK = struct.Struct('<QQQII')  # first and last log time, size, CRC, length of the compression
_MESSAGE = struct.Struct('<HIQQ')  # channel, sequence, log time, publish time
MAX_CHUNKS = 250_000
"""Of one bag: a day of chunks of 0.4 s. Each takes about a kilobyte of memory"""
MAX_MESSAGES = CHUNK_BYTES // (_RECORD.size + _MESSAGE.size) + 1
"""Of one chunk, as the recorder writes them"""
MAX_TAIL_BYTES = 100_000_000
"""May be cut off as torn: a second of a stream that a power cut took. More is damage"""
MAX_DEFINITION_BYTES = 1_000_000
"""Of one schema or channel"""
_DAMAGED = (McapError, struct.error, ValueError, RecursionError)
"""What a small record raises when it is not what it claims; UnicodeDecodeError is one of them"""


@dataclass
class _Chunk:
    """One whole chunk."""

    place: ChunkIndex
    end: int
    """Offset of what comes after it and after its message indexes"""
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    """Channel -> messages"""
    data_bytes: int = 0
    missing: bytes = b''
    """Message indexes that were torn off; they belong at ``end``"""


@dataclass
class Contents:
    """What a bag holds, up to where it is whole."""

    chunks: list[_Chunk]

    @property
    def messages(self) -> int:
        """Number of messages."""
        return sum(chunk.counts.total() for chunk in self.chunks)

    @property
    def data_bytes(self) -> int:
        """Of all messages' data."""
        return sum(chunk.data_bytes for chunk in self.chunks)

    @property
    def counts(self) -> Counter[int]:
        """Channel -> messages."""
        return sum((chunk.counts for chunk in self.chunks), Counter())

    @property
    def span_ns(self) -> tuple[int, int]:
        """First and last log time; zeros without a message."""
        return (min((c.place.message_start_time for c in self.chunks), default=0),
                max((c.place.message_end_time for c in self.chunks), default=0))


def repair(file: Path, *, give_up: int = 0) -> Contents:
    """
    Finish a torn MCAP file in its place and write the ``metadata.yaml`` beside it.

    It may be done again: to what is whole, or was repaired halfway.

    :param give_up: so many chunks at the end make room for the index on a full disk.
    :returns: what it holds; without a message the file is left as it was.
    :raises OSError: the disk refuses; call it again when it does not.
    :raises EpisodeError: so much is unreadable that it is no torn end; the file is as it was.
    """
    found = read_contents(file)
    size = file.stat().st_size
    end = found.chunks[-1].end if found.chunks else size - CHUNK_BYTES
    if size - end > MAX_TAIL_BYTES or (not found.chunks and end > 0):
        raise EpisodeError(f'{file} must be torn at its end only. Got damage before: '
                           f'{found.messages} messages can be read. Try `mcap recover`.')
    del found.chunks[max(0, len(found.chunks) - give_up):]
    if found.messages == 0:
        return found
    last = found.chunks[-1]
    with open_to_update(file) as stream:
        stream.truncate(last.end)
        stream.seek(last.end)
        stream.write(last.missing)
        stream.write(_ending(found, last.end + len(last.missing)))
        stream.flush()
        os.fsync(stream.fileno())
    schemas, channels, counts = _merged(found, 'schemas'), _merged(found, 'channels'), found.counts
    topics = [recorded(_topic(channels[number], schemas), count)
              for number, count in counts.items()]
    write_synced(file.parent / BAG_INDEX_FILE, yaml.safe_dump(
        bag_metadata(file.name, topics, *found.span_ns), sort_keys=False))
    return found


def read_contents(file: Path) -> Contents:
    """Return what an MCAP file holds, up to its first damage."""
    with open_regular(file) as stream:
        if os.fstat(stream.fileno()).st_size <= len(MCAP0_MAGIC):
            return Contents([])
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
            if view[:len(MCAP0_MAGIC)] != MCAP0_MAGIC:
                return Contents([])
            return Contents(list(islice(_chunks(view), MAX_CHUNKS)))


def _records(view: mmap.mmap, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (opcode, begin, end) of the content of each whole record."""
    while begin + _RECORD.size <= end:
        opcode, length = _RECORD.unpack_from(view, begin)
        begin += _RECORD.size
        if length > end - begin:
            return
        yield opcode, begin, begin + length
        begin += length


def _chunks(view: mmap.mmap) -> Iterator[_Chunk]:
    """Yield each whole chunk; after damage nothing is to be trusted."""
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    for opcode, begin, end in _records(view, len(MCAP0_MAGIC), len(view)):
        if opcode == Opcode.CHUNK:
            chunk = _chunk(view, begin, end, schemas, channels)
            if chunk is None:
                return
            yield chunk
            if chunk.missing:
                return
        elif opcode not in (Opcode.HEADER, Opcode.MESSAGE_INDEX):
            return


def _chunk(view: mmap.mmap, begin: int, end: int, schemas: dict[int, Schema],
           channels: dict[int, Channel]) -> _Chunk | None:
    """Return a chunk, or nothing if it is damaged or not as the recorder writes them."""
    inside = begin + _CHUNK.size + 8
    if inside > end:
        return None
    first_ns, last_ns, size, crc, compression = _CHUNK.unpack_from(view, begin)
    (length,) = struct.unpack_from('<Q', view, begin + _CHUNK.size)
    if compression or length != end - inside or length != size:
        return None
    with memoryview(view) as whole, whole[inside:end] as data:
        if crc != zlib.crc32(data):
            return None
    chunk = _Chunk(ChunkIndex(
        chunk_length=end - begin + _RECORD.size, chunk_start_offset=begin - _RECORD.size,
        compression='', compressed_size=size, uncompressed_size=size, message_start_time=first_ns,
        message_end_time=last_ns, message_index_length=0, message_index_offsets={}), end)
    try:
        indexes = _walk(view, chunk, inside, end, schemas, channels)
    except _DAMAGED:
        return None
    if indexes is None:
        return None
    _index(view, chunk, indexes)
    return chunk


def _walk(view: mmap.mmap, chunk: _Chunk, begin: int, end: int, schemas: dict[int, Schema],
          channels: dict[int, Channel]) -> dict[int, MessageIndex] | None:
    """Take in what is inside a chunk; returns its message indexes, or nothing if it is strange."""
    indexes: dict[int, MessageIndex] = {}
    messages = 0
    for opcode, at, stop in _records(view, begin, end):
        if opcode == Opcode.MESSAGE:
            number, _, log_ns, _ = _MESSAGE.unpack_from(view, at)
            known = (stop - at >= _MESSAGE.size and number in channels
                     and channels[number].schema_id in schemas)
            messages += 1
            if not known or messages > MAX_MESSAGES:
                return None
            index = indexes.setdefault(number, MessageIndex(number, []))
            index.records.append((log_ns, at - _RECORD.size - begin))
            chunk.counts[number] += 1
            chunk.data_bytes += stop - at - _MESSAGE.size
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
            if stop - at > MAX_DEFINITION_BYTES:
                return None
            content = ReadDataStream(BytesIO(view[at:stop]))
            if opcode == Opcode.SCHEMA:
                schema = Schema.read(content)
                schemas[schema.id] = chunk.schemas[schema.id] = schema
            else:
                channel = Channel.read(content)
                channels[channel.id] = chunk.channels[channel.id] = channel
    return indexes


def _index(view: mmap.mmap, chunk: _Chunk, indexes: dict[int, MessageIndex]) -> None:
    """Say where the message indexes of a chunk are, or will be when they were torn off."""
    builder = RecordBuilder()
    for number, index in indexes.items():
        chunk.place.message_index_offsets[number] = chunk.end + builder.count
        index.write(builder)
    wanted = builder.end()
    chunk.place.message_index_length = len(wanted)
    if view[chunk.end:chunk.end + len(wanted)] == wanted:
        chunk.end += len(wanted)
    else:
        chunk.missing = wanted


def _ending(found: Contents, begin: int) -> bytes:
    """Return what comes after the last chunk: end of the data, summary, footer."""
    head, builder = RecordBuilder(), RecordBuilder()
    DataEnd(0).write(head)
    data_end = head.end()
    schemas, channels = _merged(found, 'schemas'), _merged(found, 'channels')
    for record in (*schemas.values(), *channels.values()):
        record.write(builder)
    first_ns, last_ns = found.span_ns
    Statistics(
        attachment_count=0, metadata_count=0, channel_count=len(channels),
        schema_count=len(schemas), chunk_count=len(found.chunks), message_count=found.messages,
        channel_message_counts=found.counts, message_start_time=first_ns,
        message_end_time=last_ns).write(builder)
    for chunk in found.chunks:
        chunk.place.write(builder)
    summary = builder.end()
    start = begin + len(data_end)
    crc = zlib.crc32(struct.pack('<BQQQ', Opcode.FOOTER, 20, start, 0), zlib.crc32(summary))
    Footer(summary_start=start, summary_offset_start=0, summary_crc=crc).write(head)
    return data_end + summary + head.end() + MCAP0_MAGIC


def _merged(found: Contents, name: str) -> dict[int, Any]:
    return {number: record for chunk in found.chunks
            for number, record in getattr(chunk, name).items()}


def _topic(channel: Channel, schemas: dict[int, Schema]) -> WrittenTopic:
    schema = schemas[channel.schema_id]
    try:
        qos = parse_yaml(channel.metadata.get('offered_qos_profiles') or '[]', channel.topic)
    except IlwError:
        qos = []
    return WrittenTopic(channel.topic, schema.name, schema.data.decode(errors='replace'),
                        qos if isinstance(qos, list) else [],
                        channel.metadata.get('topic_type_hash', ''))
