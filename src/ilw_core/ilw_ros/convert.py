"""Between ROS messages and the plain values the cores work with."""

from array import array
from collections.abc import Iterable
from functools import cache
from importlib import import_module
import re
from typing import Any

from ament_index_python.resources import get_resource
from builtin_interfaces.msg import Time
import numpy as np

from ilw_core.contract.field_path import FieldKind, follow, steps_of
from ilw_core.errors import IlwError

_SEQUENCE, _ARRAY = re.compile(r'sequence<(.*?)(?:, \d+)?>'), re.compile(r'(.*)\[(\d+)\]')


def stamp_ns(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` as integer nanoseconds."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def is_time(stamp: Any) -> bool:
    """Tell whether a ``builtin_interfaces/Time`` is one: not negative, nanoseconds below 1e9."""
    return bool(stamp.sec >= 0 and stamp.nanosec < 1_000_000_000)


def header_ns(message: Any) -> int | None:
    """Return the stamp in a message's header; ``None`` for a type without a header."""
    header = getattr(message, 'header', None)
    return None if header is None else stamp_ns(header.stamp)


def time_msg(nanoseconds: int) -> Time:
    """Return integer nanoseconds (not negative) as a ``builtin_interfaces/Time``."""
    sec, nanosec = divmod(nanoseconds, 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


@cache
def message_class(kind: str) -> Any:
    """
    Return the Python class of ``package/msg/Name``.

    :raises IlwError: the package is not installed, or has no such message.
    """
    package, _, name = kind.split('/')
    try:
        # Importing any other package would run code that a contract merely names.
        get_resource('rosidl_interfaces', package)
        return getattr(import_module(f'{package}.msg'), name)
    except (LookupError, OSError, ImportError, AttributeError) as error:
        raise IlwError(f'Message type {kind} is not installed. Install the package {package}, '
                       f'or correct the type in the contract.') from error


@cache
def field_kinds(kind: str) -> dict[str, FieldKind]:
    """
    Return what the fields of ``package/msg/Name`` are.

    :raises IlwError: the package is not installed, or has no such message.
    """
    return {name: _kind(text) for name, text
            in message_class(kind).get_fields_and_field_types().items()}


def _kind(text: str) -> FieldKind:
    """Read a type as rosidl writes it: ``double[9]``, ``sequence<string, 5>``, ``a/Name``."""
    if match := _SEQUENCE.fullmatch(text):
        return _kind(match[1])._replace(count=0)
    if match := _ARRAY.fullmatch(text):
        return _kind(match[1])._replace(count=int(match[2]))
    if '/' in text:
        return FieldKind('/msg/'.join(text.split('/')))
    return FieldKind('text' if 'string' in text else 'number')


def get_field(message: Any, path: str) -> Any:
    """Return the field at a path, as in ``twist.linear.x``."""
    return follow(message, steps_of(path))


def set_field(message: Any, path: str, value: Any) -> None:
    """Set the field at a dotted path."""
    *parents, last = path.split('.')
    for part in parents:
        message = getattr(message, part)
    setattr(message, last, value)


def fill(message: Any, reading: Any) -> Any:
    """
    Copy a plain object with the field names of a message into the message, nested ones too.

    :returns: the message.
    :raises AttributeError: the object has a field that the message has not.
    """
    for name, value in vars(reading).items():
        if isinstance(value, np.ndarray):
            current = getattr(message, name)
            if isinstance(current, array):
                typed = value.astype(current.typecode, copy=False)
                setattr(message, name, array(current.typecode, typed.tobytes()))
            else:
                setattr(message, name, value)
        elif hasattr(value, '__dict__'):
            fill(getattr(message, name), value)
        elif isinstance(value, Iterable) and not isinstance(value, str):
            setattr(message, name, list(value))
        else:
            setattr(message, name, value)
    return message
