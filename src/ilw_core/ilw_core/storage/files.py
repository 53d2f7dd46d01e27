"""
The one way to open, read and write files that others may have put there.

Only regular files, and never through a link: a FIFO would block, a device do things when it is
opened, a link lead elsewhere. Folders on the way to a file may be links. A test in
``test/architecture`` holds everything else to these functions.
"""

import errno
import json
import math
import os
from pathlib import Path
import stat
from typing import IO, Any
import uuid

from ilw_core.errors import IlwError

_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_KINDS = {stat.S_IFLNK: 'a link', stat.S_IFDIR: 'a folder', stat.S_IFIFO: 'a pipe',
          stat.S_IFSOCK: 'a socket', stat.S_IFCHR: 'a device', stat.S_IFBLK: 'a device'}
_PIECE_BYTES, _MAX_LINE_BYTES = 1 << 16, 1 << 22


class FileRefusedError(IlwError, OSError):
    """What lies there is no regular file, or larger than it may be."""


def open_regular(path: str | Path) -> IO[bytes]:
    """
    Open a regular file for reading.

    :raises FileRefusedError: it is none: a link, a folder, a pipe, a device.
    :raises OSError: it is not there, or may not be read.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), 'rb')


def open_to_update(path: str | Path) -> IO[bytes]:
    """Open a regular file that is there for reading and writing; see ``open_regular``."""
    return os.fdopen(_opened(path, os.O_RDWR), 'r+b')


def open_to_append(path: str | Path) -> IO[bytes]:
    """Open a regular file, made if need be, to read it and write at its end, unbuffered."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    return os.fdopen(_opened(path, flags), 'a+b', buffering=0)


def create(path: str | Path, mode: int = 0o666, *, buffering: int = -1) -> IO[bytes]:
    """
    Make a file that was not there; open it for reading and writing.

    :raises FileExistsError: something is there, be it a link that leads nowhere.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, mode), 'w+b', buffering)


def write_file(path: str | Path, content: str | bytes, mode: int = 0o666) -> None:
    """
    Put content at a path in one step; a regular file there is replaced.

    :raises FileRefusedError: something else is there.
    """
    path = Path(path)
    if os.path.lexists(path):
        _check(path, os.lstat(path))
    staging = path.with_name(f'.{path.name[:64]}.{uuid.uuid4().hex[:8]}')
    try:
        with create(staging, mode) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        os.replace(staging, path)
    except BaseException:
        staging.unlink(missing_ok=True)
        raise


def write_in_place(path: str | Path, content: str | bytes) -> None:
    """Write a regular file, made if need be, and wait until it is on the disk."""
    with os.fdopen(_opened(path, os.O_WRONLY | os.O_CREAT), 'wb') as stream:
        stream.truncate(0)
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())


def read_bytes(path: str | Path, max_bytes: int) -> bytes:
    """
    Return what a regular file holds.

    :raises FileRefusedError: it is none, or larger than ``max_bytes``.
    :raises OSError: it is not there, or may not be read.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            raise FileRefusedError(f'{path} is larger than it may be: {max_bytes} bytes at most. '
                                   f'Got {size}.')
        data = stream.read(size)
        if not size and stream.read(1) and not os.fstat(stream.fileno()).st_size:
            raise FileRefusedError(f'{path} must be a file on a disk. Got one that the system '
                                   f'makes up while it is read. Name another.')
    return data


def read_json(path: str | Path, max_bytes: int) -> Any:
    """
    Return the JSON value that a regular file holds.

    :raises ValueError: see ``parse_json``.
    :raises OSError: see ``read_bytes``.
    """
    return parse_json(read_bytes(path, max_bytes))


def parse_json(text: str | bytes) -> Any:
    """
    Return a JSON value.

    :raises ValueError: it is none, nested too deeply, or holds what is no number (NaN, Infinity),
        a whole number beyond 64 bits or half a character: what reads it could not go on with them.
    """
    text = text.encode().decode() if isinstance(text, str) else text.decode()
    try:
        value = json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_whole)
        if '\\ud' in text.lower():  # it may be half of a pair
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError('it is nested too deeply') from error
    return value


def json_text(value: Any, indent: int | None = None) -> str:
    """Return JSON that ``parse_json`` takes, in ASCII; what is no number becomes null."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def read_json_lines(path: str | Path, max_bytes: int) -> list[Any]:
    """Return the JSON value of each line; see ``read_json``."""
    return [parse_json(line) for line in read_bytes(path, max_bytes).split(b'\n') if line.strip()]


def end_torn_line(stream: IO[bytes]) -> None:
    """
    End the last of the JSON lines of a file that is open to append: a crash can leave half of one.

    Half a line is taken away.
    """
    size = begin = stream.seek(0, os.SEEK_END)
    end = b''
    while begin and b'\n' not in end and len(end) < _MAX_LINE_BYTES:
        step = min(begin, _PIECE_BYTES)
        begin = stream.seek(begin - step)
        end = stream.read(step) + end
    torn = end[end.rfind(b'\n') + 1:]
    if not torn:
        return
    try:
        if len(torn) < _MAX_LINE_BYTES:
            parse_json(torn)
        stream.write(b'\n')
    except ValueError:
        stream.truncate(size - len(torn))


def is_regular(path: str | Path) -> bool:
    """Tell whether a regular file lies there, and no link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f'{text:.20} is no number')
    return number


def _whole(text: str) -> int:
    number = int(text)
    if abs(number) >= 1 << 63:
        raise ValueError('a whole number in it has more than 64 bits')
    return number


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode(errors='backslashreplace').decode()
    if isinstance(value, dict):
        return {_plain(key) if isinstance(key, str) else key: _plain(each)
                for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _opened(path: str | Path, flags: int) -> int:
    """Return a descriptor; looks before it opens, since opening a device may do something."""
    try:
        _check(path, os.lstat(path))
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    try:
        descriptor = os.open(path, flags | _ALWAYS, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # it was put there after the look
            _check(path, os.lstat(path))
        raise
    try:
        _check(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check(path: str | Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), 'something else')
        raise FileRefusedError(f'{path} must be a regular file. Got {kind}. Put the file itself '
                               f'there; links are not followed.')
