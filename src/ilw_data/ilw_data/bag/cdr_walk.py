"""
Walk through serialized messages of one type together: where each field is, and that it is inside.

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
HEADER_BYTES = 4
PADDING_BYTES = 3
"""Some writers fill messages up to a multiple of four"""
_DTYPES: dict[str, np.dtype] = {name: np.dtype(name) for name in (
    'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float32',
    'float64')} | {'bool': np.dtype(np.bool_), 'byte': np.dtype('uint8'),
                   'char': np.dtype('uint8'), 'octet': np.dtype('uint8')}
TEXT, TEXTS = np.dtype('S'), np.dtype('O')
"""Stand for a string and for a sequence of strings, which have no dtype in the bytes"""


class DamagedError(ValueError):
    """The bytes are not messages of their type."""


class UnusualError(ValueError):
    """The bytes may be right, but this is not the code to read them."""


@dataclass(frozen=True)
class CdrField:
    """Where a field is in each message."""

    dtype: np.dtype
    at: Places
    """From the end of the header"""
    count: Places | None
    """Elements of a sequence or array, -1 where it is missing; ``None`` for a number"""
    end: Places = 0
    """Where a sequence of strings ends; unused by others"""
    there: np.ndarray | None = None
    """(N,) bool: the messages that hold it; ``None``: all do"""


@dataclass(frozen=True)
class CdrElements:
    """A sequence or array of strings or messages."""

    description: Any
    at: Places
    count: Places


class CdrWalk:
    """How far the reading of each message has come."""

    def __init__(self, data: np.ndarray, origin: np.ndarray, size: np.ndarray, order: str,
                 types: Mapping[str, Any], fields: dict[str, CdrField], at: Places = 0) -> None:
        self._data, self._origin, self._size = data, origin, size
        self._order, self._types, self.fields = order, types, fields
        self.elements: dict[str, CdrElements] = {}
        self.at = at

    def message(self, path: str, msgtype: str) -> None:
        """Pass one (nested) message."""
        for name, description in self._types[msgtype][1]:
            self._pass(f'{path}.{name}' if path else name, description)

    def element(self, path: str, place: int) -> tuple[np.ndarray, 'CdrWalk']:
        """
        Walk through one element of a sequence.

        :returns: the messages that have it, ``(M,)``, and their walk, with the fields inside.
        """
        elements = self.elements[path]
        counts = np.broadcast_to(np.asarray(elements.count), len(self._size))
        rows = np.flatnonzero(counts > place)
        at = np.broadcast_to(np.asarray(elements.at, dtype=np.int64), len(self._size))[rows]
        walk = CdrWalk(self._data, self._origin[rows], self._size[rows], self._order, self._types,
                     {}, at)
        for _ in range(place + 1 if len(rows) else 1):
            walk._pass('', elements.description)
        return rows, walk

    def _pass(self, path: str, description: Any) -> None:
        node, detail = description
        if node == Nodetype.NAME:
            self.message(path, detail)
        elif node == Nodetype.BASE and detail[0] == 'string':
            length = self._length(one=1)
            last = self._origin + self.at + length - 1
            if np.any(length == 0) or np.any(self._data[last]):
                raise DamagedError(f'{path}: a string does not end')
            self.fields[path] = CdrField(TEXT, self.at, length)
            self.at = self.at + length
        elif node == Nodetype.BASE:
            dtype = _dtype(detail[0])
            self._align(dtype.itemsize)
            self.fields[path] = CdrField(dtype, self.at, None)
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
            self.fields[path] = CdrField(dtype, self.at, count)
            self.at = self.at + count * dtype.itemsize
            self._inside()
            return
        counts = np.broadcast_to(np.asarray(count), len(self._size))
        most = count if isinstance(count, int) else int(counts.max())
        if most > _MAX_ELEMENTS:
            raise UnusualError(f'{path} has {most} elements')
        self.elements[path] = CdrElements(description, self.at, count)
        at = np.broadcast_to(np.asarray(self.at, dtype=np.int64), len(self._size)).copy()
        for element in range(most):
            rows = np.flatnonzero(counts > element)
            walk = CdrWalk(self._data, self._origin[rows], self._size[rows], self._order,
                         self._types, {}, at[rows])
            walk._pass(path, description)
            at[rows] = walk.at
        if node == Nodetype.BASE:
            begin = (self.at + 3) & -4  # where the length of the first string is
            self.fields[path] = CdrField(TEXTS, begin, count, at)
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
        lengths = gather(self._data, self._origin + place, np.dtype('uint32'), self._order)
        if np.any(self._size < self.at + lengths.astype(np.int64) * one):
            raise DamagedError('a message ends too early')
        # No message, when one asks what is inside of sequences that are all empty: as if of one.
        first = int(lengths[0]) if len(lengths) else 1
        # Mostly all are alike, and then every place after them is one number, not N.
        return first if (lengths == first).all() else lengths.astype(np.int64)


def count_fields(msgtype: str, types: Mapping[str, Any], known: dict[str, int]) -> int:
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
            total += times * count_fields(detail, types, known)
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


def gather(data: np.ndarray, at: np.ndarray, dtype: np.dtype, order: str,
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
