"""What a recording holds, topic by topic, whoever recorded it: one pass, two messages decoded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.errors import EpisodeError
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.messages import Channel, RawMessage
from ilw_data.bag.reader import damage, decoder

_MOST_FIELDS = 10
_MOST_DIGITS = 4


@dataclass(frozen=True)
class TopicSummary:
    """One topic."""

    topic: str
    """Without a leading slash"""
    type: str
    messages: int
    rate_hz: float
    """Between the first and the last message, as they arrived; 0 for fewer than two"""
    duration_s: float
    first: str
    """The main fields of the first message; empty where it cannot be read"""
    last: str
    unreadable: str = ''
    """Why its messages cannot be read; empty if they can"""


@dataclass(frozen=True)
class BagSummary:
    """A whole recording."""

    topics: tuple[TopicSummary, ...]
    """By name"""
    duration_s: float
    torn: str
    """What is missing of it; empty when it is whole"""


@dataclass
class _Seen:
    count: int
    first: RawMessage
    last: RawMessage


def summarise(path: Path) -> BagSummary:
    """
    Return what a recording holds; what is damaged is read as far as it goes.

    :raises EpisodeError: there is no recording, or nothing of it can be read.
    """
    with damage(f'{path} cannot be opened as a bag'):
        bag = RawBag(path, partial=True)
        seen: dict[Channel, _Seen] = {}
        for message in bag.messages():
            known = seen.setdefault(message.channel, _Seen(0, message, message))
            known.count += 1
            known.first = min(known.first, message, key=_logged_ns)
            known.last = max(known.last, message, key=_logged_ns)
    topics = [_summary(channel, seen.get(channel)) for channel in bag.channels]
    ends = [(each.first.logged_ns, each.last.logged_ns) for each in seen.values()]
    span_ns = max(e for _, e in ends) - min(b for b, _ in ends) if ends else 0
    return BagSummary(tuple(sorted(topics, key=lambda each: each.topic)), span_ns / 1e9, bag.torn)


def _logged_ns(message: RawMessage) -> int:
    return message.logged_ns


def _summary(channel: Channel, seen: _Seen | None) -> TopicSummary:
    if seen is None:
        return TopicSummary(channel.name, channel.type, 0, 0.0, 0.0, '', '')
    duration_s = (seen.last.logged_ns - seen.first.logged_ns) / 1e9
    rate_hz = (seen.count - 1) / duration_s if duration_s > 0.0 else 0.0
    first = last = why = ''
    try:
        if channel.encoding != 'cdr':
            raise EpisodeError(f'it is encoded as {channel.encoding!r}, not cdr')
        with damage(''):
            decode = decoder([channel])
            first, last = (compact(decode(each.data, channel.type))
                           for each in (seen.first, seen.last))
    except EpisodeError as error:
        why = str(error).removeprefix(': ').partition('. If the recorder')[0]
    return TopicSummary(channel.name, channel.type, seen.count, rate_hz, duration_s, first, last,
                        why)


def compact(message: Any) -> str:
    """Return the main numbers and texts of a message in one line."""
    parts = _parts(message, '')
    more = ' ...' if len(parts) > _MOST_FIELDS else ''
    return ' '.join(f'{name}={value}' for name, value in parts[:_MOST_FIELDS]) + more


def _parts(value: Any, path: str) -> list[tuple[str, str]]:
    """Return (name, text) of everything below, without stamps, covariances and leading zeros."""
    fields = getattr(value, '__dataclass_fields__', None)
    if fields is None:
        return [(path, _text(value))]
    if {'x', 'y', 'z'} <= set(fields) <= {*'xyzw', '__msgtype__'}:
        axes = [axis for axis in 'xyzw' if axis in fields]
        return [(path, '(' + ' '.join(_text(getattr(value, axis)) for axis in axes) + ')')]
    if {'sec', 'nanosec'} <= set(fields):
        return [(path, f'{value.sec + value.nanosec / 1e9:.3f}s')] if path else []
    found: list[tuple[str, str]] = []
    for name in fields:
        if name.startswith('__') or name == 'covariance':
            continue
        if name == 'header':
            frame = str(value.header.frame_id)
            found += [('frame', frame)] if frame else []
            continue
        # `pose.pose.position.x` says no more than `position.x`.
        plain = path.rsplit('.', 1)[-1] in ('', name, 'pose', 'twist')
        found += _parts(getattr(value, name), name if plain else f'{path}.{name}')
    return found


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return _numbers(value)
    if isinstance(value, (list, tuple)):
        return f'[{len(value)}]'
    if isinstance(value, float):
        return f'{value + 0.0:.{_MOST_DIGITS}g}'  # no -0
    return repr(value[:40]) if isinstance(value, str) else str(value)


def _numbers(values: np.ndarray) -> str:
    if values.size == 0:
        return '[]'
    if values.dtype == np.uint8 or values.dtype.kind not in 'fiu':
        return f'[{values.size}]'
    finite = values[np.isfinite(values)]
    if not len(finite):
        return f'[{values.size}: none finite]'
    return f'[{values.size}: {finite.min():.4g} to {finite.max():.4g}]'


def as_json(summary: BagSummary) -> Mapping[str, Any]:
    """Return the same as plain data."""
    return {'topics': {each.topic: each.type for each in summary.topics},
            'contents': [vars(each) for each in summary.topics],
            'duration_s': round(summary.duration_s, 6), 'unfinished': summary.torn}
