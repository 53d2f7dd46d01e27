"""Places in a ROS message that numbers go to; sequences on the way are made long enough."""

from array import array
from collections.abc import Iterable, Sequence
from importlib import import_module
import re
from typing import Any

import numpy as np

from ilw_core.contract.field_path import steps_of
from ilw_core.errors import ContractError

Steps = tuple[str | int, ...]
_OF_MESSAGES = re.compile(r'sequence<([A-Za-z0-9_]+)/([A-Za-z0-9_]+)(?:, [0-9]+)?>')


class Slot:
    """
    One number of a message.

    :param where: the command's entry in the contract; opens errors.
    :raises ContractError: there is no number at this path.
    """

    def __init__(self, message: Any, path: str, steps: Steps, where: str) -> None:
        self._owner, self._last = reach(message, path, steps, where)
        now = _value(self._owner, self._last)
        if isinstance(now, (bool, np.bool_)) or not isinstance(now, (int, float, np.number)):
            raise ContractError(f'{where}: {path!r} must be a number of {_name(message)}. It is '
                                f'not.')
        self._whole = isinstance(now, (int, np.integer))

    def put(self, value: float) -> None:
        """Write a number; into a field of whole numbers the nearest of those."""
        number = round(value) if self._whole else value
        if isinstance(self._last, str):
            setattr(self._owner, self._last, number)
        else:
            self._owner[self._last] = number


def reach(message: Any, path: str, steps: Steps, where: str) -> tuple[Any, str | int]:
    """
    Return what holds the end of a path, and the name or place in it.

    :raises ContractError: the message has no such field, or an array of fixed length is shorter.
    """
    owner: Any = message
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, str) and not hasattr(owner, step):
            raise ContractError(f'{where}: {path!r} must be a field of {_name(message)}. '
                                f'{_name(owner)} has no {step!r}.')
        if isinstance(step, str) and isinstance(following, int):
            _lengthen(owner, step, following + 1, path, where)
        if following is None:
            return owner, step
        owner = _value(owner, step)
    raise ValueError('a path has at least one step')


def set_constant(message: Any, path: str, value: Any, where: str) -> None:
    """
    Write what a command always says.

    :raises ContractError: the field is not there, or of another type.
    """
    owner, last = reach(message, path, steps_of(path), where)
    now = _value(owner, last)
    given = value if isinstance(value, list) else [value]
    several = isinstance(now, (list, array, np.ndarray))
    if isinstance(value, list) != several:
        raise ContractError(f'{where}.set: {path} must be {"a list" if several else "one value"}. '
                            f'Got {value!r}.')
    if several:
        kind: type = float if isinstance(now, array) and now.typecode in 'fd' else (
            int if isinstance(now, array) else type(now[0].item()) if isinstance(now, np.ndarray)
            else _element(owner, last))
    else:
        kind = type(now)
    if not all(type(each) is kind or (kind is float and type(each) is int) for each in given):
        raise ContractError(f'{where}.set: {path} must be {kind.__name__}. Got {value!r}.')
    if isinstance(now, np.ndarray) and len(given) != len(now):
        raise ContractError(f'{where}.set: {path} must have {len(now)} values. Got {value!r}.')
    converted = [kind(each) for each in given]
    try:
        if isinstance(last, str):
            setattr(owner, last, converted if several else converted[0])
        else:
            owner[last] = converted[0]
    except (AssertionError, TypeError, ValueError, OverflowError) as error:
        raise ContractError(f'{where}.set: {path} cannot be {value!r} ({error}).') from error


def unset(message: Any, fields: Iterable[Steps], constants: Iterable[Steps]) -> str:
    """
    Return an element of a sequence that no path sets, though it sets one of its neighbours.

    :returns: its path; empty if there is none.
    """
    given = [*fields, *constants]
    known = set(given)
    for steps in given:
        for at, step in enumerate(steps):
            if not isinstance(step, int):
                continue
            sequence = _value_at(message, steps[:at])
            # The rest of an array of fixed length is there in any case.
            for place in range(0 if isinstance(sequence, np.ndarray) else len(sequence)):
                prefix = (*steps[:at], place)
                if prefix[:at] not in known and not any(
                        each[:at + 1] == prefix for each in given):
                    return _text(prefix)
    return ''


def _lengthen(owner: Any, name: str, length: int, path: str, where: str) -> None:
    sequence = getattr(owner, name)
    if isinstance(sequence, np.ndarray):
        if length > len(sequence):
            raise ContractError(f'{where}: {path!r}: {name} of {_name(owner)} has {len(sequence)} '
                                f'elements.')
    elif isinstance(sequence, array):
        sequence.extend([0] * (length - len(sequence)))
    elif isinstance(sequence, list):
        kind = _element(owner, name)
        sequence.extend(kind() for _ in range(length - len(sequence)))
    else:
        raise ContractError(f'{where}: {path!r}: {name} of {_name(owner)} must be a sequence. It '
                            f'is not.')


def _element(owner: Any, name: str | int) -> type:
    """Return what a list in a message holds."""
    described = owner.get_fields_and_field_types()[name]
    match = _OF_MESSAGES.fullmatch(described)
    if match is not None:
        kind: type = getattr(import_module(f'{match[1]}.msg'), match[2])
        return kind
    return bool if 'bool' in described else str


def _value(owner: Any, step: str | int) -> Any:
    return getattr(owner, step) if isinstance(step, str) else owner[step]


def _value_at(message: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        message = _value(message, step)
    return message


def _name(message: Any) -> str:
    return type(message).__name__


def _text(steps: Steps) -> str:
    return ''.join(f'[{step}]' if isinstance(step, int) else f'.{step}' for step in steps)[1:]
