"""
Unpack zstd and lz4 without trusting what the packed bytes say about their size. No files' meaning.

Both formats can name a size of many gigabytes in a few bytes, and libraries take that much memory
at once. Here bytes are unpacked piece by piece, and no further than a bound.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
import shutil

import lz4.frame
import zstandard

from ilw_core.storage.files import create, open_regular

MAX_CHUNK_BYTES = 256 << 20
"""One chunk or message may hold this much; recorders end a chunk at a few megabytes"""
_RATIO, _SLACK_BYTES = 200, 64 << 20
"""Robots' data pack to a tenth or, of empty laser scans, a fiftieth"""
_PIECE_BYTES = 1 << 20
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


class PackedError(ValueError):
    """The bytes are not what they say, or hold more than they may."""


def budget_bytes(packed_bytes: int) -> int:
    """Return how much may come out of a recording of this size."""
    return _RATIO * packed_bytes + _SLACK_BYTES


def unpack(data: bytes | memoryview, how: str, size: int | None = None) -> bytes:
    """
    Return what was packed.

    :param how: ``zstd``, ``lz4`` or empty.
    :param size: what it must come to; ``None`` where nobody said.
    :raises PackedError: it does not, or exceeds ``MAX_CHUNK_BYTES``.
    """
    if size is not None and size > MAX_CHUNK_BYTES:
        raise PackedError(f'a chunk of {size} bytes')
    limit, parts, got = MAX_CHUNK_BYTES if size is None else size, [], 0
    for part in _pieces(data, how):
        got += len(part)
        if got > limit:
            raise PackedError(f'more than the {limit} bytes it says')
        parts.append(part)
    if size is not None and got != size:
        raise PackedError(f'{got} bytes, not the {size} it says')
    return b''.join(parts)


def unpack_file(source: Path, target: Path) -> None:
    """
    Unpack a zstd file as far as it goes; whether it is whole, what is in it tells.

    :raises PackedError: it holds more than its size allows, or than fits half the free disk.
    """
    limit = min(budget_bytes(source.stat().st_size), shutil.disk_usage(target.parent).free // 2)
    got = 0
    with open_regular(source) as packed, create(target) as out, suppress(zstandard.ZstdError):
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        while part := reader.read(_PIECE_BYTES):
            got += len(part)
            if got > limit:
                raise PackedError(f'{source.name} holds more than {limit} bytes')
            out.write(part)


def _pieces(data: bytes | memoryview, how: str) -> Iterator[bytes]:
    if how == '':
        yield bytes(data)
    elif how == 'zstd':
        reader = zstandard.ZstdDecompressor().stream_reader(data)
        try:
            while part := reader.read(_PIECE_BYTES):
                yield part
        except zstandard.ZstdError as error:
            raise PackedError(str(error)) from error
    elif how == 'lz4':
        unpacker = lz4.frame.LZ4FrameDecompressor()
        try:
            part = unpacker.decompress(data, _PIECE_BYTES)
            while part:
                yield part
                part = b'' if unpacker.eof else unpacker.decompress(b'', _PIECE_BYTES)
        except (RuntimeError, EOFError) as error:
            raise PackedError(str(error)) from error
    else:
        raise PackedError(f'compression {how!r}')
