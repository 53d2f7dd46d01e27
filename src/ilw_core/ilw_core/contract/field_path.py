"""Where a field is in a message, and what is there: paths as in ``points[0].positions[3]``."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
import math
from operator import attrgetter
import re
from typing import Any, NamedTuple

_MAX_LENGTH, _MAX_PLACE = 256, 4095
_STEP = re.compile(r'([A-Za-z][A-Za-z0-9_]*)((?:\[[0-9]{1,4}\])*)')
RULE = 'a field of the message, as in twist.linear.x or points[0].positions[3]'


class FieldKind(NamedTuple):
    """What a field is, or what is read of it."""

    what: str
    """``number`` (booleans, too), ``text``, or the name of a message type"""
    count: int | None = None
    """``None``: one; 0: a sequence; else an array of as many"""

    def __str__(self) -> str:
        name = f'{self.what} message' if '/' in self.what else self.what
        if self.count is None:
            return f'a {name}' if '/' in self.what else f'one {name}'
        return f'{self.count} {name}s' if self.count else f'a sequence of {name}s'


FieldsOf = Callable[[str], Mapping[str, FieldKind]]
"""Name of a message type -> what its fields are"""


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[str | int, ...]:
    """
    Return the names and places that a path goes through.

    :raises ValueError: it is no path.
    """
    steps: list[str | int] = []
    for part in path.split('.') if len(path) <= _MAX_LENGTH else ['']:
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f'{path!r} is no path of a field')
        steps.append(match[1])
        steps += [int(place) for place in re.findall(r'[0-9]+', match[2])]
    if any(isinstance(step, int) and step > _MAX_PLACE for step in steps):
        raise ValueError(f'{path!r} names a place beyond {_MAX_PLACE}')
    return tuple(steps)


def is_path(path: str) -> bool:
    """Tell whether a text is the path of a field."""
    try:
        return bool(steps_of(path))
    except ValueError:
        return False


def follow(message: Any, steps: Sequence[str | int]) -> Any:
    """
    Return what lies at the end of a path.

    :raises AttributeError: the message has no such field.
    :raises IndexError: a sequence is too short.
    """
    for step in steps:
        message = getattr(message, step) if isinstance(step, str) else message[step]
    return message


def reader_of(path: str) -> Callable[[Any], Any]:
    """Return what reads a field of a message; NaN where a sequence is too short for the path."""
    if '[' not in path:
        return attrgetter(path)
    steps = steps_of(path)

    def read(message: Any) -> Any:
        try:
            return follow(message, steps)
        except IndexError:
            return math.nan

    return read


def kind_of(path: str, msgtype: str, fields_of: FieldsOf) -> FieldKind:
    """
    Return what is at the end of a path in messages of a type.

    :raises LookupError: there is nothing; says where the path leaves the type.
    """
    kind, before = FieldKind(msgtype), ''
    for step in steps_of(path):
        if isinstance(step, int):
            if kind.count is None:
                raise LookupError(f'{before} is {kind}, no sequence')
            if 0 < kind.count <= step:
                raise LookupError(f'{before} has {kind.count} elements, from 0')
            kind, before = FieldKind(kind.what), f'{before}[{step}]'
            continue
        if kind.count is not None:
            raise LookupError(f'{before} is {kind}: name one, as {before}[0].{step}')
        if '/' not in kind.what:
            raise LookupError(f'{before} is {kind}')
        fields = fields_of(kind.what)
        if step not in fields:
            raise LookupError(f'{before or msgtype} has {", ".join(sorted(fields))}')
        kind, before = fields[step], f'{before}.{step}' if before else step
    return kind
