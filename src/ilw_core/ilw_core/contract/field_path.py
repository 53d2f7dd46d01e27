"""Where a field is in a message: names and places, as in ``points[0].positions[3]``."""

from collections.abc import Callable, Sequence
from functools import lru_cache
import math
from operator import attrgetter
import re
from typing import Any

_MAX_LENGTH, _MAX_PLACE = 256, 4095
_STEP = re.compile(r'([A-Za-z][A-Za-z0-9_]*)((?:\[[0-9]{1,4}\])*)')
RULE = 'a field of the message, as in twist.linear.x or points[0].positions[3]'


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
