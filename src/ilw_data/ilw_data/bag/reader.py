"""Read a recording: columns, or decoded messages, of the topics asked for."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
import re
import struct
from typing import Any
import zlib

from mcap.exceptions import McapError
import numpy as np
from rosbags.typesys import Stores, TypesysError, get_typestore

from ilw_core.contract.field_path import reader_of
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import storage_files
from ilw_data.bag.columns import Columns, DamagedError, UnusualError
from ilw_data.bag.index import read_index
from ilw_data.bag.message_types import TypeUnknownError, fields_of, type_fields
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.mcap_index import IndexedMcap, Messages, ran_back
from ilw_data.bag.raw.messages import Channel, RawMessage
from ilw_data.bag.unpack import ZSTD_MAGIC
from ilw_data.clocks.main_clock import Series

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
        decode = decoder([c for c in bag.channels if topics is None or c.name in topics])
        for raw in sorted(bag.messages(topics), key=lambda each: each.logged_ns):
            message = decode(raw.data, raw.channel.type)
            yield Stamped(raw.channel.name, _stamp_ns(message, raw.logged_ns), raw.logged_ns,
                          message)


def topic_types(folder: Path) -> dict[str, str]:
    """Return topic (no leading slash) -> type of everything in a bag."""
    return Bag(folder).types


class BagTopic:
    """The messages of one topic, in the order they were logged, as columns."""

    def __init__(self, logged_ns: np.ndarray, fields: 'Columns | Decoded',
                 place: np.ndarray | None = None, *, ran_back: bool = False,
                 types: Mapping[str, Any] | None = None) -> None:
        self.logged_ns, self.fields = logged_ns, fields
        self.types: Mapping[str, Any] = types or {}
        """Definitions of its type and of those in it, as rosbags parses them"""
        self._place, self._ran_back = place, ran_back

    def series(self, how: str) -> Series:
        """Return when its messages were logged and stamped; ``how`` it is used."""
        return Series(how, self.logged_ns, self._headers(), self._place, self._ran_back)

    def _headers(self) -> np.ndarray | None:
        if 'header.stamp.sec' not in self.fields:
            return None
        stamps_ns = self.fields.column('header.stamp.sec').astype(np.int64) * 1_000_000_000
        return np.asarray(stamps_ns + self.fields.column('header.stamp.nanosec'))

    @property
    def stamps_ns(self) -> np.ndarray:
        """Header stamps, ``(N,)`` int64; where there are none, or all are 0, the log's times."""
        stamps_ns = self._headers()
        return self.logged_ns if stamps_ns is None or not stamps_ns.any() else stamps_ns


class Decoded:
    """Messages that were decoded one by one, read like ``Columns``."""

    def __init__(self, messages: list[Any]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, path: str) -> bool:
        try:
            return len(self._messages) > 0 and reader_of(path)(self._messages[0]) is not None
        except (AttributeError, TypeError, ValueError):
            return False

    def lengths(self, path: str) -> np.ndarray | None:
        """Return how many elements a sequence has, ``(N,)``, as ``Columns.lengths`` does."""
        values = list(map(reader_of(path), self._messages))
        if not any(map(_is_sequence, values)):
            return None
        return np.array([len(value) if _is_sequence(value) else -1 for value in values],
                        dtype=np.int64)

    def column(self, path: str, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return one field of some messages, as ``Columns.column`` does."""
        get = reader_of(path)
        values = [get(self._messages[i]) for i in np.arange(len(self._messages))[rows]]
        lengths = {len(value) if _is_sequence(value) else -1 for value in values}
        if len(lengths) > 1:
            raise ValueError(f'{path} has {min(lengths)} to {max(lengths)} elements')
        text = any(isinstance(each, str) for value in values
                   for each in (value if isinstance(value, list) else (value,)))
        return np.array(values, dtype=object if text else None)

    def views(self, path: str) -> list[np.ndarray]:
        """Return the ``uint8[]`` of each message, ``(L,)``."""
        return [np.asarray(reader_of(path)(m), dtype=np.uint8) for m in self._messages]


def _is_sequence(value: Any) -> bool:
    return hasattr(value, '__len__') and not isinstance(value, str)


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
            self.types = {c.name: c.type for c in self._mcap.channels.values()}
            return
        with damage(f'{folder} cannot be opened as a bag'):
            self._raw = RawBag(folder)
            self.types, self.torn = self._raw.types, self._raw.torn

    def topics(self, names: Collection[str]) -> dict[str, BagTopic]:
        """
        Return the messages of those topics that are there.

        :raises EpisodeError: some cannot be read.
        """
        if self._mcap is not None:
            with suppress(*_DAMAGE):
                return self._indexed_topics(self._mcap, names)
        return self._other_topics(names)

    def unreadable(self, names: Collection[str]) -> dict[str, str]:
        """Return those of the named topics whose messages are not read here, and why."""
        found = {}
        channels = self._raw.channels if self._mcap is None else self._mcap.channels.values()
        for channel in channels:
            if channel.name in names:
                try:
                    fields_of(channel)
                except TypeUnknownError as error:
                    found[channel.name] = error.why
        return found

    def _indexed_topics(self, mcap: IndexedMcap, names: Collection[str]) -> dict[str, BagTopic]:
        channels = {number: c for number, c in mcap.channels.items() if c.name in names}
        found = {}
        for number, messages in mcap.find(channels).items():
            if len(messages.begin) and messages.data[messages.begin[0]] == ZSTD_MAGIC[0]:
                raise UnusualError('each message is packed')
            found[channels[number].name] = self._columns(channels[number], messages)
        return found

    def _other_topics(self, names: Collection[str]) -> dict[str, BagTopic]:
        with damage(f'{self.folder} cannot be read to its end'):
            parts: dict[str, list[RawMessage]] = {}
            places: dict[str, list[int]] = {}
            raw = RawBag(self.folder) if self._mcap is not None else self._raw
            for place, message in enumerate(raw.messages(names)):
                if message.channel.type != self.types[message.channel.name]:
                    raise EpisodeError(
                        f'{self.folder}: topic {message.channel.name!r} must have one type. Got '
                        f'{self.types[message.channel.name]} and {message.channel.type}.')
                parts.setdefault(message.channel.name, []).append(message)
                places.setdefault(message.channel.name, []).append(place)
            return {topic: self._columns(each[0].channel, _joined(each, places[topic]))
                    for topic, each in parts.items()}

    def _columns(self, channel: Channel, messages: Messages) -> BagTopic:
        try:
            types = fields_of(channel)
        except TypeUnknownError as error:
            raise TypeUnknownError(f'{self.folder}: {error}', error.why) from error
        try:
            return BagTopic(messages.logged_ns, Columns(
                messages.data, messages.begin, messages.end, channel.type, types),
                messages.place, ran_back=messages.ran_back, types=types)
        except (DamagedError, UnusualError):
            decoded = list(read_messages(self.folder, {channel.name}))
            return BagTopic(np.array([m.logged_ns for m in decoded], dtype=np.int64),
                            Decoded([m.message for m in decoded]),
                            messages.place, ran_back=messages.ran_back, types=types)


def decoder(channels: Collection[Channel]) -> Callable[[bytes, str], Any]:
    """Return what makes a message of serialized bytes and the name of their type."""
    store = get_typestore(Stores.EMPTY)
    builtin = store.fielddefs
    store.register({name: fields for name, fields in type_fields(channels).items()
                    if name not in builtin})
    return store.deserialize_cdr


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
        names = [channel.name for channel in mcap.channels.values()]
        return mcap if len(set(names)) == len(names) else None
    return None


def _joined(parts: list[RawMessage], places: list[int]) -> Messages:
    """Return messages in the order they were logged."""
    logged_ns = np.array([each.logged_ns for each in parts], dtype=np.int64)
    order = np.argsort(logged_ns, kind='stable')
    ends = np.cumsum([len(each.data) for each in parts], dtype=np.int64)
    data = np.frombuffer(b''.join(each.data for each in parts), dtype=np.uint8)
    place = np.array(places, dtype=np.int64)
    return Messages(data, np.concatenate([[0], ends[:-1]]).astype(np.int64)[order], ends[order],
                    logged_ns[order], place[order], ran_back(logged_ns, place))


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
        raise EpisodeError(f'{what}: {reason}. Import what can still be read: ./ilw episodes '
                           f'import BAG --task TASK') from error


def _stamp_ns(message: Any, logged_ns: int) -> int:
    header = getattr(message, 'header', None)
    if header is None:
        return logged_ns
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
