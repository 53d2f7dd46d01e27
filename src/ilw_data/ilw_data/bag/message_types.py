"""
What fields a message type has, from the definition that a recording keeps of it.

Recordings hold types that nobody asked for, in forms that are not read here. So types are looked
up one by one, and only one that is needed can be missing.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
import re
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore

from ilw_core.contract.field_path import FieldKind, FieldsOf
from ilw_core.errors import EpisodeError
from ilw_data.bag.raw.messages import Channel

READ_FORMATS = ('ros2msg', 'ros2idl')
_MAX_REASON = 200
_SEPARATOR = re.compile(r'^={20,}\s*$', re.MULTILINE)
_MSG_FIELD = re.compile(r'^\s*([\w/]+(?:<=\d+)?(?:\[[^\]]*\])?)\s+(\w+)(\s*=)?')
_BOUNDED_WSTRING = re.compile(r'^wstring<=\d+')


class TypeUnknownError(EpisodeError):
    """
    The messages of a topic cannot be read, because of their type or encoding.

    :param why: in a few words, without the topic.
    """

    def __init__(self, text: str, why: str) -> None:
        super().__init__(text)
        self.why = why


def type_fields(channels: Collection[Channel]) -> dict[str, Any]:
    """
    Return field definitions by type, as rosbags parses them.

    :raises TypeUnknownError: one has no definition that can be read.
    """
    fields: dict[str, Any] = {}
    for channel in channels:
        fields.update(fields_of(channel))
    return fields


def fields_of(channel: Channel) -> Mapping[str, Any]:
    """
    Return the field definitions of a topic's type and of those in it; Jazzy's for types of its
    own that come without one.

    :raises TypeUnknownError: there is none.
    """
    if channel.encoding != 'cdr':
        raise TypeUnknownError(
            f'topic {channel.name!r} must be encoded as cdr. Got {channel.encoding!r}: ROS 2 did '
            f'not write it. Leave that topic out of the contract.',
            f'encoded as {channel.encoding or "nothing known"}')
    jazzy = get_typestore(Stores.ROS2_JAZZY).fielddefs
    why = 'the recording has no definition of it'
    if channel.definition and channel.definition_format in READ_FORMATS:
        try:
            fields = _parsed(channel.type, channel.definition, channel.definition_format)
            missing = _missing(channel.type, fields)
            if not missing:
                return fields
            if not (missing := _missing(channel.type, {**jazzy, **fields})):
                return {**jazzy, **fields}
            why = ('it holds a wstring, which is not read' if missing.endswith('/wstring') else
                   f'its definition leaves out {missing}')
        except Exception as error:  # the parser raises anything
            why = 'its definition cannot be read: ' + ' '.join(
                str(error).split())[:_MAX_REASON].rstrip('.')
    elif channel.type in jazzy:
        return jazzy
    elif channel.definition:
        why = f'its definition is {channel.definition_format or "of no format"}'
    raise TypeUnknownError(
        f'topic {channel.name!r} is of type {channel.type}, whose fields are not known: {why}. '
        f'Leave that topic out of the contract, or record it again where the package of '
        f'{channel.type.partition("/")[0]} is installed.', f'{channel.type}: {why}')


def field_kinds(types: Mapping[str, Any]) -> FieldsOf:
    """Return what tells the kinds of a type's fields, by definitions as rosbags parses them."""
    def kind(node: Nodetype, detail: Any) -> FieldKind:
        if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            count = detail[1] if node == Nodetype.ARRAY else 0
            return kind(*detail[0])._replace(count=count)
        if node == Nodetype.NAME:
            return FieldKind(detail)
        return FieldKind('text' if detail[0] in ('string', 'wstring') else 'number')

    return lambda msgtype: {name: kind(*each) for name, each in types[msgtype][1]}


@lru_cache(maxsize=256)
def _parsed(msgtype: str, definition: str, form: str) -> Mapping[str, Any]:
    found = dict(get_typestore(Stores.EMPTY).fielddefs)  # left out of definitions: Time, Duration
    if form == 'ros2idl':
        for part in _SEPARATOR.split(definition):
            text = '\n'.join(_idl_lines(part))
            found.update(get_types_from_idl(text) if text.strip() else {})
        return found
    return found | get_types_from_msg('\n'.join(_msg_lines(definition)), msgtype)


def _idl_lines(part: str) -> Iterator[str]:
    """Yield IDL without the name of a part and what is for a preprocessor: parts are all here."""
    for line in part.splitlines():
        if not line.lstrip().startswith(('#', 'IDL:')):
            yield line


def _msg_lines(definition: str) -> Iterator[str]:
    """Yield fields alone: constants, defaults and comments change nothing of the bytes."""
    for line in definition.splitlines():
        if line.startswith(('===', 'MSG:')):
            yield line.rstrip()
            continue
        line = line.partition('#')[0]
        field = _MSG_FIELD.match(line)
        if field is None:
            yield line.strip()  # for the parser to refuse, if it is not empty
        elif not field[3]:
            yield f'{_BOUNDED_WSTRING.sub("wstring", field[1])} {field[2]}'


def _missing(msgtype: str, fields: Mapping[str, Any], seen: set[str] | None = None) -> str:
    """Return a type that one needs and that is not defined; empty if all are."""
    seen = set() if seen is None else seen
    if msgtype in seen:
        return ''
    seen.add(msgtype)
    if msgtype not in fields:
        return msgtype
    for _, (node, detail) in fields[msgtype][1]:
        if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
            node, detail = detail[0]
        if node == Nodetype.NAME and (missing := _missing(detail, fields, seen)):
            return missing
    return ''
