"""Read a recording: columns, or decoded messages, of the topics asked for. No ROS."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
import re
import struct
from typing import Any
import zlib

from mcap.exceptions import McapError
import numpy as np
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from ilw_core.episode_folder import storage_files
from ilw_core.errors import EpisodeError, IlwError
from ilw_learner.bag_index import read_index
from ilw_learner.columns import Columns, DamagedError, UnusualError
from ilw_learner.mcap_index import IndexedMcap, Messages
from ilw_learner.raw_bag import RawBag
from ilw_learner.raw_messages import Channel, RawMessage
from ilw_learner.unpack import ZSTD_MAGIC

_DAMAGE = (ArithmeticError, LookupError, ValueError, EOFError, OSError, MemoryError,
           RecursionError, struct.error, zlib.error, IlwError, McapError, TypesysError)
"""What bytes that are not what they claim raise; a mistake in the code raises something else"""
_MAX_REASON = 300
"""Characters; some errors quote the bytes they are about"""


@dataclass(frozen=True)
class Stamped:
    """One message of a bag."""

    topic: str
    """Without a leading slash"""
    stamp_ns: int
    """Header stamp; the time it was logged when it has no header"""
    logged_ns: int
    message: Any


def read_messages(folder: Path, topics: Collection[str] | None = None) -> Iterator[Stamped]:
    """
    Yield messages in the order they were logged.

    :param topics: names without a leading slash; ``None`` for all.
    :raises EpisodeError: the bag is damaged, or is none.
    """
    with damage(f'{folder} cannot be read to its end'):
        bag = RawBag(folder)
        decode = decoder(bag.channels)
        for raw in sorted(bag.messages(topics), key=lambda each: each.logged_ns):
            message = decode(raw.data, raw.channel.type)
            yield Stamped(raw.channel.name, _stamp_ns(message, raw.logged_ns), raw.logged_ns,
                          message)


def topic_types(folder: Path) -> dict[str, str]:
    """Return topic (no leading slash) -> type of everything in a bag."""
    return Bag(folder).types


class Topic:
    """The messages of one topic, in the order they were logged, as columns."""

    def __init__(self, logged_ns: np.ndarray, fields: 'Columns | Decoded') -> None:
        self.logged_ns, self.fields = logged_ns, fields

    @property
    def stamps_ns(self) -> np.ndarray:
        """Header stamps, ``(N,)`` int64; where there are none, or all are 0, the log's times."""
        if 'header.stamp.sec' not in self.fields:
            return self.logged_ns
        stamps_ns = (self.fields.column('header.stamp.sec').astype(np.int64) * 1_000_000_000
                     + self.fields.column('header.stamp.nanosec'))
        return stamps_ns if stamps_ns.any() else self.logged_ns


class Decoded:
    """Messages that were decoded one by one, read like ``Columns``."""

    def __init__(self, messages: list[Any]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, path: str) -> bool:
        try:
            return len(self._messages) > 0 and attrgetter(path)(self._messages[0]) is not None
        except AttributeError:
            return False

    def lengths(self, path: str) -> np.ndarray | None:
        """Return how many elements a sequence has in each message, ``(N,)``; None: it is none."""
        values = [attrgetter(path)(message) for message in self._messages]
        if not values or isinstance(values[0], str) or not hasattr(values[0], '__len__'):
            return None
        return np.array([len(value) for value in values], dtype=np.int64)

    def column(self, path: str, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return one field of some messages, as ``Columns.column`` does."""
        get = attrgetter(path)
        values = [get(self._messages[i]) for i in np.arange(len(self._messages))[rows]]
        return np.array(values, dtype=object if values and isinstance(values[0], str) else None)

    def views(self, path: str) -> list[np.ndarray]:
        """Return the ``uint8[]`` of each message, ``(L,)``."""
        return [np.asarray(attrgetter(path)(m), dtype=np.uint8) for m in self._messages]


class Bag:
    """
    A recording, read by topic.

    One finished MCAP file is read in place, by its index. What that does not manage (another
    storage, packed messages, several files, no index, a type with something unusual, damage) is
    read from start to end, which has the last word on errors.

    :raises EpisodeError: there is no recording, or it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mcap = _indexed(folder)
        self.types: dict[str, str]
        """Topic (no leading slash) -> type"""
        self.torn = ''
        """What is missing at its end; empty when it is whole"""
        if self._mcap is not None:
            self.types = {c.topic.lstrip('/'): self._mcap.schemas[c.schema_id].name
                          for c in self._mcap.channels}
            return
        with damage(f'{folder} cannot be opened as a bag'):
            self._raw = RawBag(folder)
            self.types, self.torn = self._raw.types, self._raw.torn

    def topics(self, names: Collection[str]) -> dict[str, Topic]:
        """
        Return the messages of those topics that are there.

        :raises EpisodeError: some cannot be read.
        """
        if self._mcap is not None:
            with suppress(*_DAMAGE):
                return self._indexed_topics(self._mcap, names)
        return self._other_topics(names)

    def _indexed_topics(self, mcap: IndexedMcap, names: Collection[str]) -> dict[str, Topic]:
        channels = {c.id: c for c in mcap.channels if c.topic.lstrip('/') in names}
        found = {}
        for number, messages in mcap.find(channels).items():
            topic = channels[number].topic.lstrip('/')
            schema = mcap.schemas[channels[number].schema_id]
            if len(messages.begin) and messages.data[messages.begin[0]] == ZSTD_MAGIC[0]:
                raise UnusualError('each message is packed')
            found[topic] = self._columns(topic, messages, schema.name, _types(
                schema.name, schema.data.decode(), 'ros2msg'))
        return found

    def _other_topics(self, names: Collection[str]) -> dict[str, Topic]:
        with damage(f'{self.folder} cannot be read to its end'):
            parts: dict[str, list[RawMessage]] = {}
            raw = RawBag(self.folder) if self._mcap is not None else self._raw
            for message in raw.messages(names):
                if message.channel.type != self.types[message.channel.name]:
                    raise EpisodeError(
                        f'{self.folder}: topic {message.channel.name!r} must have one type. Got '
                        f'{self.types[message.channel.name]} and {message.channel.type}.')
                if message.channel.encoding != 'cdr':
                    raise EpisodeError(f'{self.folder}: topic {message.channel.name!r} must be '
                                       f'encoded as cdr. Got {message.channel.encoding!r}.')
                parts.setdefault(message.channel.name, []).append(message)
            types = type_fields(raw.channels)
            return {topic: self._columns(topic, _joined(each), self.types[topic], types)
                    for topic, each in parts.items()}

    def _columns(self, topic: str, messages: Messages, msgtype: str,
                 types: Mapping[str, Any]) -> Topic:
        try:
            return Topic(messages.logged_ns, Columns(
                messages.data, messages.begin, messages.end, msgtype, types))
        except (DamagedError, UnusualError):
            decoded = list(read_messages(self.folder, {topic}))
            return Topic(np.array([m.logged_ns for m in decoded], dtype=np.int64),
                         Decoded([m.message for m in decoded]))


def decoder(channels: Collection[Channel]) -> Callable[[bytes, str], Any]:
    """Return what makes a message of serialized bytes and the name of their type."""
    store = get_typestore(Stores.EMPTY)
    builtin = store.fielddefs
    store.register({name: fields for name, fields in type_fields(channels).items()
                    if name not in builtin})
    return store.deserialize_cdr


def type_fields(channels: Collection[Channel]) -> dict[str, Any]:
    """Return field definitions by type, as rosbags parses them; Jazzy's where a bag has none."""
    fields: dict[str, Any] = {}
    if any(not channel.definition for channel in channels):
        fields.update(get_typestore(Stores.ROS2_JAZZY).fielddefs)
    for channel in channels:
        if channel.definition:
            fields.update(_types(channel.type, channel.definition, channel.definition_format))
    return fields


def _indexed(path: Path) -> IndexedMcap | None:
    """Return a recording's only file, if every topic in it can be found by its index."""
    files = storage_files(path)
    if len(files) != 1 or files[0].suffix != '.mcap':
        return None
    with suppress(Exception):  # on damaged bytes it raises anything
        if re.search(r'_\d+$', files[0].stem) and (said := read_index(path)) \
                and len(said.files) > 1:
            return None  # the other parts are missing
        mcap = IndexedMcap(files[0])
        names = [c.topic.lstrip('/') for c in mcap.channels]
        plain = all(c.message_encoding == 'cdr' and mcap.schemas[c.schema_id].encoding == 'ros2msg'
                    and mcap.schemas[c.schema_id].data for c in mcap.channels)
        return mcap if plain and len(set(names)) == len(names) else None
    return None


@lru_cache(maxsize=256)
def _types(msgtype: str, definition: str, form: str) -> Mapping[str, Any]:
    builtin = get_typestore(Stores.EMPTY).fielddefs  # definitions leave these out: Time, Duration
    if form != 'ros2idl':
        return {**builtin, **get_types_from_msg(definition, msgtype)}
    found = dict(builtin)
    for part in definition.split(f'{"=" * 80}\n'):
        text = part.partition('\n')[2] if part.startswith('IDL: ') else part
        found.update(get_types_from_idl(text) if text.strip() else {})
    return found


def _joined(parts: list[RawMessage]) -> Messages:
    """Return messages in the order they were logged."""
    logged_ns = np.array([each.logged_ns for each in parts], dtype=np.int64)
    order = np.argsort(logged_ns, kind='stable')
    ends = np.cumsum([len(each.data) for each in parts], dtype=np.int64)
    data = np.frombuffer(b''.join(each.data for each in parts), dtype=np.uint8)
    return Messages(data, np.concatenate([[0], ends[:-1]]).astype(np.int64)[order], ends[order],
                    logged_ns[order])


@contextmanager
def damage(what: str) -> Iterator[None]:
    """Turn whatever the decoders raise on damaged bytes, MemoryError too, into one line."""
    try:
        yield
    except EpisodeError:
        raise
    except Exception as error:
        reason = (' '.join(str(error).split())[:_MAX_REASON].rstrip('.')
                  or type(error).__name__)
        raise EpisodeError(f'{what}: {reason}. If the recorder was killed, start it again: it '
                           f'repairs what it left.') from error


def _stamp_ns(message: Any, logged_ns: int) -> int:
    header = getattr(message, 'header', None)
    if header is None:
        return logged_ns
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
