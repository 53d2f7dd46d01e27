"""Plain objects shaped like ROS messages as the bytes of one, by Jazzy's definitions. No rclpy."""

from functools import cache
from itertools import pairwise
from types import SimpleNamespace as Plain
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

from ilw_core.contract.command_topic import CommandTopic
from ilw_core.contract.field_path import steps_of
from ilw_core.errors import IlwError

_ZEROS = {'string': '', 'bool': False}


@cache
def _store() -> Any:
    return get_typestore(Stores.ROS2_JAZZY)


def definition(kind: str) -> str:
    """Return the ``ros2msg`` schema of a type; :raises IlwError: Jazzy has no such."""
    if kind not in _store().fielddefs:
        raise IlwError(f'{kind} must be a message type that comes with ROS 2 Jazzy. Record it '
                       'with the recorder instead.')
    text: str = _store().generate_msgdef(kind)[0]
    return text


def serialized(kind: str, message: Any) -> bytes:
    """
    Return the CDR of a plain message; what it lacks is zero or empty.

    :param kind: as in ``sensor_msgs/msg/JointState``.
    """
    return bytes(_store().serialize_cdr(_typed(kind, message), kind))


def command_message(command: CommandTopic, values: Any, stamp_ns: int) -> Plain:
    """
    Return the message that sends numbers of an action, ``(Dc,)``, as the arbiter sends it.

    :param stamp_ns: for its header, where it has one.
    """
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    message = Plain(header=Plain(stamp=Plain(sec=sec, nanosec=nanosec), frame_id=''))
    pairs = [*command.constants, *zip(command.paths, map(float, values), strict=True)]
    for path, value in pairs:
        put(message, path, value)
    return message


def put(inside: Any, path: str, value: Any) -> None:
    """Set what lies at the end of a path in a plain message; make what is missing on the way."""
    steps = steps_of(path)
    for step, following in pairwise(steps):
        fresh: Any = [] if isinstance(following, int) else Plain()
        if isinstance(step, int):
            inside.extend(None for _ in range(step + 1 - len(inside)))
            inside[step] = fresh if inside[step] is None else inside[step]
            inside = inside[step]
        else:
            if not hasattr(inside, step):
                setattr(inside, step, fresh)
            inside = getattr(inside, step)
    last = steps[-1]
    if isinstance(last, int):
        inside.extend(0.0 for _ in range(last + 1 - len(inside)))
        inside[last] = value
    else:
        setattr(inside, last, value)


def _typed(kind: str, message: Any) -> Any:
    """Return a message as rosbags wants it."""
    _, fields = _store().fielddefs[kind]
    return _store().types[kind](**{
        name: _value(what, getattr(message, name, None)) for name, what in fields})


def _value(what: Any, given: Any) -> Any:
    node, of = what
    if node == Nodetype.BASE:
        return _ZEROS.get(of[0], 0) if given is None else given
    if node == Nodetype.NAME:
        return _typed(of, given)
    element, count = of
    given = given if given is not None else [None] * (count if node == Nodetype.ARRAY else 0)
    if element[0] == Nodetype.BASE and element[1][0] != 'string':
        filled = [0 if each is None else each for each in given] if isinstance(given, list) \
            else given
        return np.asarray(filled, dtype=np.uint8 if element[1][0] in ('octet', 'byte')
                          else element[1][0])
    return [_value(element, each) for each in given]
