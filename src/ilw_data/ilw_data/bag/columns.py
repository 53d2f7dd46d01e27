"""
Read one field of many messages at once, straight out of their serialized bytes. No ROS, no files.

ROS 2 serializes with CDR: fields in order, each number aligned to its size, counted from the end
of a four-byte header; strings and sequences begin with their length. So a type is walked once, for
all messages of a topic together, with the place it has come to in each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype

Places = int | np.ndarray
"""A byte position: one for all messages, or (N,) int64"""

_MAX_ELEMENTS = 256
"""Strings or messages in a sequence; of more, decoding one message after the other is faster"""
_MAX_FIELDS = 10_000
"""In one message, nested ones counted; what a bag says of its types may be made to never end"""
_HEADER_BYTES = 4
_PADDING_BYTES = 3
"""Some writers fill messages up to a multiple of four"""
_DTYPES: dict[str, np.dtype] = {name: np.dtype(name) for name in (
    'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float32',
    'float64')} | {'bool': np.dtype(np.bool_), 'byte': np.dtype('uint8'),
                   'char': np.dtype('uint8'), 'octet': np.dtype('uint8')}


_TEXT = np.dtype('S')


class DamagedError(ValueError):
    """The bytes are not messages of their type."""


class UnusualError(ValueError):
    """The bytes may be right, but this is not the code to read them."""


@dataclass(frozen=True)
class _Field:
    dtype: np.dtype
    at: Places
    """From the end of the header"""
    count: Places | None
    """Elements of a sequence or array; ``None`` for a number"""


class Columns:
    """
    The serialized messages of one topic.

    Every length is checked when this is made, so reading a field later stays inside its message.

    :param data: uint8, holds all the messages.
    :param begin: (N,) int64, where each message begins in it.
    :param end: (N,) int64, where each ends.
    :param types: field definitions by type name, as rosbags parses them.
    :raises DamagedError: a message is shorter, or longer, than its own lengths say.
    :raises UnusualError: an encoding that is not read here.
    """

    def __init__(self, data: np.ndarray, begin: np.ndarray, end: np.ndarray, msgtype: str,
                 types: Mapping[str, Any]) -> None:
        self._data, self._origin = data, begin + _HEADER_BYTES
        size = end - self._origin
        self._fields: dict[str, _Field] = {}
        self._order = '<'
        if not len(begin):
            return
        if begin.min() < 0 or end.max() > len(data) or size.min() < 0:
            raise DamagedError('a message has no header')
        kind = data[begin].astype(np.int64) << 8 | data[begin + 1]
        if kind.min() != kind.max() or kind[0] not in (0, 1):
            raise UnusualError(f'encapsulation {int(kind.max())}')
        self._order = '<' if kind[0] else '>'
        try:
            _count_fields(msgtype, types, {})
        except RecursionError as error:
            raise UnusualError(f'{msgtype} is nested too deeply') from error
        walk = _Walk(data, self._origin, size, self._order, types, self._fields)
        walk.message('', msgtype)
        if np.any(size < walk.at) or np.any(size > walk.at + _PADDING_BYTES):
            raise DamagedError(f'a message is not as long as {msgtype} says')

    def __len__(self) -> int:
        return len(self._origin)

    def __contains__(self, path: str) -> bool:
        return path in self._fields

    @property
    def paths(self) -> list[str]:
        """Fields that can be read; those inside sequences of messages cannot."""
        return list(self._fields)

    def lengths(self, path: str) -> np.ndarray | None:
        """Return how many elements a sequence has in each message, ``(N,)``; None: it is none."""
        field = self._fields[path]
        return None if field.count is None or field.dtype == _TEXT else np.broadcast_to(
            np.asarray(field.count, dtype=np.int64), len(self))

    def column(self, path: str, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """
        Return one field of some messages.

        :param path: dotted, as in ``twist.linear.x``.
        :returns: ``(N,)``, of ``str`` objects for a string; of a sequence ``(N, L)``, whose
            lengths must agree.
        :raises ValueError: they do not.
        """
        field = self._fields[path]
        at = (self._origin + field.at)[rows]
        if field.count is None:
            return _gather(self._data, at, field.dtype, self._order)
        counts = np.broadcast_to(np.asarray(field.count), len(self))[rows]
        if field.dtype == _TEXT:
            ends = at + counts - 1
            return np.array([self._data[a:b].tobytes().decode(errors='replace')
                             for a, b in zip(at.tolist(), ends.tolist(), strict=True)], object)
        length = int(counts[0]) if len(counts) else 0
        if np.any(counts != length):
            raise ValueError(f'{path} has {counts.min()} to {counts.max()} elements')
        return _gather(self._data, at, field.dtype, self._order, length)

    def views(self, path: str) -> list[np.ndarray]:
        """Return the ``uint8[]`` of each message in place, ``(L,)``; copies nothing."""
        begin = self._origin + self._fields[path].at
        end = begin + np.asarray(self.lengths(path))
        return [self._data[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]


class _Walk:
    """How far the reading of each message has come."""

    def __init__(self, data: np.ndarray, origin: np.ndarray, size: np.ndarray, order: str,
                 types: Mapping[str, Any], fields: dict[str, _Field], at: Places = 0) -> None:
        self._data, self._origin, self._size = data, origin, size
        self._order, self._types, self._fields = order, types, fields
        self.at = at

    def message(self, path: str, msgtype: str) -> None:
        """Pass one (nested) message."""
        for name, description in self._types[msgtype][1]:
            self._pass(f'{path}.{name}' if path else name, description)

    def _pass(self, path: str, description: Any) -> None:
        node, detail = description
        if node == Nodetype.NAME:
            self.message(path, detail)
        elif node == Nodetype.BASE and detail[0] == 'string':
            length = self._length(one=1)
            last = self._origin + self.at + length - 1
            if np.any(length == 0) or np.any(self._data[last]):
                raise DamagedError(f'{path}: a string does not end')
            self._fields[path] = _Field(_TEXT, self.at, length)
            self.at = self.at + length
        elif node == Nodetype.BASE:
            dtype = _dtype(detail[0])
            self._align(dtype.itemsize)
            self._fields[path] = _Field(dtype, self.at, None)
            self.at = self.at + dtype.itemsize
        elif node == Nodetype.ARRAY:
            self._elements(path, *detail)
        else:
            self._elements(path, detail[0], self._length(one=1))

    def _elements(self, path: str, description: Any, count: Places) -> None:
        node, detail = description
        if node == Nodetype.BASE and detail[0] != 'string':
            dtype = _dtype(detail[0])
            before = self.at
            self._align(dtype.itemsize)
            if isinstance(count, int):
                self.at = self.at if count else before  # an empty sequence is not padded
            else:
                self.at = np.where(count > 0, self.at, before)
            self._fields[path] = _Field(dtype, self.at, count)
            self.at = self.at + count * dtype.itemsize
            self._inside()
            return
        counts = np.broadcast_to(np.asarray(count), len(self._size))
        if counts.max() > _MAX_ELEMENTS:
            raise UnusualError(f'{path} has {counts.max()} elements')
        at = np.broadcast_to(np.asarray(self.at, dtype=np.int64), len(self._size)).copy()
        for element in range(int(counts.max())):
            rows = np.flatnonzero(counts > element)
            walk = _Walk(self._data, self._origin[rows], self._size[rows], self._order,
                         self._types, {}, at[rows])
            walk._pass(path, description)
            at[rows] = walk.at
        self.at = at

    def _align(self, size: int) -> None:
        self.at = (self.at + size - 1) & -size

    def _inside(self) -> None:
        if np.any(self._size < self.at):
            raise DamagedError('a message ends too early')

    def _length(self, *, one: int) -> Places:
        """Pass a length and return it; each element takes at least ``one`` byte."""
        self._align(4)
        place, self.at = self.at, self.at + 4
        self._inside()
        lengths = _gather(self._data, self._origin + place, np.dtype('uint32'), self._order)
        if np.any(self._size < self.at + lengths.astype(np.int64) * one):
            raise DamagedError('a message ends too early')
        first = int(lengths[0])
        # Mostly all are alike, and then every place after them is one number, not N.
        return first if (lengths == first).all() else lengths.astype(np.int64)


def _count_fields(msgtype: str, types: Mapping[str, Any], known: dict[str, int]) -> int:
    """Return how many numbers and texts there are in a type, before anything is read by it."""
    if known.setdefault(msgtype, -1) >= 0:
        return known[msgtype]
    total = 1
    try:
        fields = types[msgtype][1]
    except KeyError as error:
        raise UnusualError(f'{msgtype} is not defined') from error
    for _, (node, detail) in fields:
        times = 1
        if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            (node, detail), times = detail[0], max(1, detail[1] if node == Nodetype.ARRAY else 1)
        if node == Nodetype.NAME:
            if known.get(detail) == -1:
                raise UnusualError(f'{detail} contains itself')
            total += times * _count_fields(detail, types, known)
        else:
            total += times if detail[0] == 'string' else 1
        if total > _MAX_FIELDS:
            raise UnusualError(f'{msgtype} has more than {_MAX_FIELDS} fields')
    known[msgtype] = total
    return total


def _dtype(name: str) -> np.dtype:
    try:
        return _DTYPES[name]
    except KeyError:
        raise UnusualError(f'{name} has no column') from None


def _gather(data: np.ndarray, at: np.ndarray, dtype: np.dtype, order: str,
            length: int | None = None) -> np.ndarray:
    """Return the numbers that begin at each place, in this machine's byte order."""
    width = dtype.itemsize * (1 if length is None else length)
    if not len(at) or not width:
        return np.empty(len(at) if length is None else (len(at), length), dtype)
    shape: tuple[int, ...] = (len(data) - width + 1,)
    strides: tuple[int, ...] = (1,)
    if length is not None:
        shape, strides = (*shape, length), (1, dtype.itemsize)
    view = np.ndarray(shape, np.dtype(order + dtype.str[1:]), data, 0, strides)
    numbers: np.ndarray = view[at].astype(dtype, copy=False)
    return numbers
