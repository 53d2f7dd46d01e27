"""Read one field of many messages at once, straight out of their bytes."""

from collections.abc import Mapping
import re
from typing import Any

import numpy as np

from ilw_data.bag.cdr_walk import (
    HEADER_BYTES,
    PADDING_BYTES,
    TEXT,
    TEXTS,
    CdrField,
    CdrWalk,
    DamagedError,
    UnusualError,
    count_fields,
    gather,
)

__all__ = ['Columns', 'DamagedError', 'UnusualError']

_ELEMENT = re.compile(r'([^\[]+)\[([0-9]{1,4})\](?:\.(.+))?')
"""Of a path: a sequence, the place in it, and what is named inside of that element"""


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
        self._data, self._origin = data, begin + HEADER_BYTES
        size = end - self._origin
        self._fields: dict[str, CdrField] = {}
        self._found: dict[str, CdrField] = {}
        """Inside sequences; looked for when they are asked for"""
        self._walk: CdrWalk | None = None
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
            count_fields(msgtype, types, {})
        except RecursionError as error:
            raise UnusualError(f'{msgtype} is nested too deeply') from error
        self._walk = walk = CdrWalk(data, self._origin, size, self._order, types, self._fields)
        walk.message('', msgtype)
        if np.any(size < walk.at) or np.any(size > walk.at + PADDING_BYTES):
            raise DamagedError(f'a message is not as long as {msgtype} says')

    def __len__(self) -> int:
        return len(self._origin)

    def __contains__(self, path: str) -> bool:
        try:
            return self._field(path) is not None
        except KeyError:
            return False

    @property
    def paths(self) -> list[str]:
        """Fields outside of sequences; those inside are read as in ``points[0].positions``."""
        return list(self._fields)

    def lengths(self, path: str) -> np.ndarray | None:
        """
        Return how many elements a sequence has in each message, ``(N,)``; None: it is none.

        -1 says that the message has no such sequence, because one around it is too short.
        """
        field = self._field(path)
        return None if field.count is None or field.dtype == TEXT else np.broadcast_to(
            np.asarray(field.count, dtype=np.int64), len(self))

    def column(self, path: str, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """
        Return one field of some messages.

        :param path: as in ``twist.linear.x`` or ``points[0].positions[3]``.
        :returns: ``(N,)``, of ``str`` objects for a string; of a sequence ``(N, L)``, whose
            lengths must agree. Where a sequence is too short for the path, NaN: ``(N,)``.
        :raises ValueError: the lengths do not agree.
        :raises KeyError: messages of this type have no such field.
        """
        field = self._field(path)
        if field.there is not None and not field.there[rows].all():
            return self._where_there(path, field, np.arange(len(self))[rows])
        at = (self._origin + field.at)[rows]
        if field.count is None:
            return gather(self._data, at, field.dtype, self._order)
        counts = np.broadcast_to(np.asarray(field.count), len(self))[rows]
        if field.dtype == TEXT:
            ends = at + counts - 1
            return np.array([self._data[a:b].tobytes().decode(errors='replace')
                             for a, b in zip(at.tolist(), ends.tolist(), strict=True)], object)
        length = int(counts[0]) if len(counts) else 0
        if np.any(counts != length):
            raise ValueError(f'{path} has {counts.min()} to {counts.max()} elements')
        if field.dtype == TEXTS:
            return self._texts(at, (self._origin + field.end)[rows], length)
        return gather(self._data, at, field.dtype, self._order, length)

    def _where_there(self, path: str, field: CdrField, rows: np.ndarray) -> np.ndarray:
        known = field.there[rows]  # type: ignore[index]  # the caller has looked
        text = field.dtype in (TEXT, TEXTS)
        values = np.full(len(rows), np.nan, dtype=object if text else np.float64)
        if known.any():
            there = self.column(path, rows[known])
            if there.ndim > 1:
                raise ValueError(f'{path} is missing in {np.sum(~known)} of {len(rows)} messages')
            values[known] = there
        return values

    def _texts(self, begin: np.ndarray, end: np.ndarray, length: int) -> np.ndarray:
        # Names of joints are the same in each message, so most bytes were seen before.
        known: dict[bytes, list[str]] = {}
        found = []
        for a, b in zip(begin.tolist(), end.tolist(), strict=True):
            raw = self._data[a:b].tobytes()
            if raw not in known:
                known[raw] = _split(raw, length, self._order)
            found.append(known[raw])
        return np.array(found, dtype=object).reshape(len(found), length)

    def _field(self, path: str) -> CdrField:
        """Find a field; ``KeyError`` if messages of this type have none."""
        field = self._fields.get(path) or self._found.get(path)
        if field is None:
            try:
                field = self._found[path] = self._inside(path)
            except UnusualError as error:
                raise KeyError(path) from error
        return field

    def _inside(self, path: str) -> CdrField:
        """Find a field inside a sequence, by walking through its elements once more."""
        walk, rows, left = self._walk, None, path
        while walk is not None and left not in walk.fields:
            match = _ELEMENT.fullmatch(left)
            if match is None:
                break
            head, place, left = match[1], int(match[2]), match[3] or ''
            if head in walk.elements:
                inside, walk = walk.element(head, place)
                rows = inside if rows is None else rows[inside]
            elif not left and _holds_numbers(walk.fields.get(head)):
                field = _number_at(walk.fields[head], place, len(self) if rows is None
                                   else len(rows))
                return field if rows is None else _spread(field, rows, len(self))
            else:
                break
        if walk is None or left not in walk.fields or rows is None:
            raise KeyError(path)
        return _spread(walk.fields[left], rows, len(self))

    def views(self, path: str) -> list[np.ndarray]:
        """Return the ``uint8[]`` of each message in place, ``(L,)``; copies nothing."""
        begin = self._origin + self._fields[path].at
        end = begin + np.asarray(self.lengths(path))
        return [self._data[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]


def _holds_numbers(field: CdrField | None) -> bool:
    return field is not None and field.count is not None and field.dtype not in (TEXT, TEXTS)


def _number_at(field: CdrField, place: int, count: int) -> CdrField:
    """Return one number of a sequence or array of ``count`` messages."""
    at = field.at + place * field.dtype.itemsize
    if isinstance(field.count, int) and field.count > place:
        return CdrField(field.dtype, at, None)
    there = np.broadcast_to(np.asarray(field.count), count) > place
    return CdrField(field.dtype, at, None, there=there)


def _spread(field: CdrField, rows: np.ndarray, count: int) -> CdrField:
    """Return a field of some messages as one of all ``count``, missing in the others."""
    def spread(values: Any, missing: int) -> np.ndarray:
        among = np.full(count, missing, dtype=np.int64)
        among[rows] = values
        return among

    there = np.zeros(count, dtype=bool)
    there[rows] = True if field.there is None else field.there
    return CdrField(field.dtype, spread(field.at, 0),
                  None if field.count is None else spread(field.count, -1),
                  spread(field.end, 0), there)


def _split(raw: bytes, count: int, order: str) -> list[str]:
    """Return the strings of a sequence."""
    found, at = [], 0
    for _ in range(count):
        at = (at + 3) & -4
        end = at + 4 + int.from_bytes(raw[at:at + 4], 'little' if order == '<' else 'big')
        found.append(raw[at + 4:end - 1].decode(errors='replace'))
        at = end
    return found


