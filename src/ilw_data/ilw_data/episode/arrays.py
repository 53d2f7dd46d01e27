"""Apply a contract to the columns of a bag: all ticks of an episode at once. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, replace
import json

import numpy as np

from ilw_core.align import sample_rows
from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import same_command
from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.episode import Remark
from ilw_core.errors import ContractMisfitError, EpisodeError
from ilw_core.text.printable import pasteable
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.clocks.main_clock import Series
from ilw_data.clocks.stamp_rule import (
    CLOCK,
    CLOCK_TYPE,
    NEVER,
    Times,
    how_used,
    times_of,
)
from ilw_data.episode.credit import credit
from ilw_data.episode.driver import ARBITER_STATE, drivers
from ilw_data.episode.fit import require_fields
from ilw_data.episode.images import image_arrays

_REWARD, _REWARD_TYPE = 'reward', 'ilw_msgs/msg/Reward'
_MAX_TICKS = 1_000_000
"""A day at 10 Hz is 864,000; more means that the stamps jump"""


def read_arrays(
    bag: Bag, contract: Contract, span_ns: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """
    Return what an ``Episode`` is made of, by its field names; images as ``images.py`` names them.

    Each tick holds what the resampler that runs live would give it, to the bit.

    :param span_ns: first tick, and the last or a later instant; found in the bag by default.
    :raises EpisodeError: the bag lacks a topic or field of the contract, or cannot be read.
    """
    _require_topics(bag, contract)
    wanted = set(contract.topics)
    if bag.types.get(_REWARD) == _REWARD_TYPE:
        wanted.add(_REWARD)
    topics = bag.topics(wanted | {ARBITER_STATE})
    decisions = topics.pop(ARBITER_STATE, None)
    _require_messages(bag, contract, topics)
    require_fields(bag, contract, topics)
    used = how_used(contract)
    times = times_of({name: topic.series(used.get(name, 'other'))
                      for name, topic in topics.items()}, lambda: _clock(bag))
    ticks = _ticks(bag, contract, times, span_ns)
    rows = {source.name: _rows(times, source.topic, ticks,
                               None if source.align.how == 'hold' else source.align.tolerance_ns)
            for source in contract.sources}
    entries = {source.name: topics[source.topic] for source in contract.sources}
    values = np.concatenate([np.empty((len(ticks), 0), dtype=np.float32)] + [
        _encode(source, entries, rows, len(ticks)) for source in contract.sources
        if not source.feature.is_image], axis=1)
    images: dict[str, np.ndarray] = {}
    for source in contract.images:
        images |= image_arrays(source, entries[source.name], rows[source.name])
    valid = np.isfinite(values)
    actions, action_valid = _labels(bag, contract.action, ticks, times, topics)
    return {'obs': np.where(valid, values, np.float32(0.0)), 'obs_valid': valid,
            'stamps_ns': ticks, 'actions': actions, 'action_valid': action_valid,
            'person_rewards': credit(ticks[:-1], _presses(topics.get(_REWARD), times)),
            'remarks': np.array(json.dumps([asdict(each) for each in times.remarks])),
            **drivers(ticks, decisions), **images}


def read_remarks(text: str) -> tuple[Remark, ...]:
    """Return the remarks among the arrays of ``read_arrays``, which keeps them as text."""
    return tuple(Remark(**each) for each in json.loads(text))


def _require_topics(bag: Bag, contract: Contract) -> None:
    for topic, kind in contract.topics.items():
        if topic not in bag.types:
            raise ContractMisfitError(
                f'{bag.folder} has no topic {topic!r}, which the contract {contract.name} names. '
                f'It has: {", ".join(sorted(bag.types))}.', pasteable(bag.folder))
        same = same_command if topic in contract.action.topics else str.__eq__
        if not same(bag.types[topic], kind):
            raise ContractMisfitError(
                f'{bag.folder}: topic {topic!r} must be {kind}. Got '
                f'{bag.types[topic] or "no type"}. Correct the contract {contract.name}.',
                pasteable(bag.folder))


def _require_messages(bag: Bag, contract: Contract, topics: Mapping[str, BagTopic]) -> None:
    silent = [name for name in contract.topics
              if name not in topics or not len(topics[name].logged_ns)]
    if silent:
        raise ContractMisfitError(
            f'{bag.folder} holds no complete step: no message came on {", ".join(silent)}, which '
            f'the contract {contract.name} needs. Record it while its publisher runs.',
            pasteable(bag.folder))


def _clock(bag: Bag) -> Series | None:
    """Return ``/clock`` of a recording; ``None`` if it has none that can be read."""
    if bag.types.get(CLOCK) != CLOCK_TYPE:
        return None
    try:
        topic = bag.topics({CLOCK})[CLOCK]
        stamps_ns = (topic.fields.column('clock.sec').astype(np.int64) * 1_000_000_000
                     + topic.fields.column('clock.nanosec'))
    except (EpisodeError, KeyError):
        return None  # nothing of the contract is in it
    return replace(topic.series('other'), stamps_ns=stamps_ns)


def _rows(times: Times, topic: str, ticks: np.ndarray,
          tolerance_ns: int | None = None) -> np.ndarray:
    """Return the row of a topic that counts at each tick, ``(T,)``; -1 where there is none."""
    counts, kept = times.counts_ns[topic], times.kept(topic)
    if kept is None:
        return sample_rows(counts, ticks, tolerance_ns)
    rows = sample_rows(counts[kept], ticks, tolerance_ns)
    return np.where(rows >= 0, np.append(kept, -1)[rows], -1)


def _ticks(bag: Bag, contract: Contract, times: Times,
           span_ns: tuple[int, int] | None) -> np.ndarray:
    """Return the ticks at which every topic has delivered and still delivers, ``(T+1,)`` int64."""
    if span_ns is None:
        first, end = _span(bag, contract, times)
    else:
        first, end = span_ns
    if end - first < contract.period_ns:
        raise EpisodeError(f'{bag.folder} holds no complete step of the contract {contract.name}: '
                           f'{_why_none(contract, times)}. Record it while all of them run.')
    if (end - first) // contract.period_ns > _MAX_TICKS:
        raise EpisodeError(f'{bag.folder}: its stamps span {(end - first) / 86400e9:.0f} '
                           f'days: a clock was set while recording. Record it again.')
    return np.arange(first, end + 1, contract.period_ns, dtype=np.int64)


def _span(bag: Bag, contract: Contract, times: Times) -> tuple[int, int]:
    """Return the first tick and the last instant at which all that is observed is known."""
    counts = {name: each[each != NEVER] for name, each in times.counts_ns.items()}
    flowing = [s.topic for s in contract.sources if s.align.how == 'asof']
    observed = [s.topic for s in contract.sources]
    if any(not len(counts[topic]) for topic in contract.topics):
        return 0, 0
    begin = max(times.begin_ns, *(int(counts[topic].min()) for topic in observed))
    if not flowing:  # what holds goes on to hold for as long as commands come
        return begin, min(int(counts[topic].max()) for topic in contract.action.topics)
    anchor = counts[flowing[0]]
    starts = anchor[anchor >= begin]
    return (int(starts.min()) if len(starts) else begin,
            min(int(counts[topic].max()) for topic in flowing))


def _why_none(contract: Contract, times: Times) -> str:
    """Say when each topic came, in seconds from the bag's beginning."""
    said = []
    for topic in contract.topics:
        counts = times.counts_ns[topic]
        seconds = (counts[counts != NEVER] - times.begin_ns) / 1e9
        said.append(f'{topic} came from {seconds.min():.1f} s to {seconds.max():.1f} s'
                    if len(seconds) else f'no message of {topic} can be used')
    return ', '.join(said)


def _encode(
    source: ObservedTopic, topics: Mapping[str, BagTopic], rows: Mapping[str, np.ndarray],
    ticks: int,
) -> np.ndarray:
    """Return one feature at every tick, ``(T+1, D)`` float32; NaN where something is missing."""
    feature = source.feature
    values = np.full((ticks, feature.dim), np.nan, dtype=np.float32)
    used = np.stack([rows[entry] for entry in feature.needs])
    there = np.flatnonzero((used >= 0).all(axis=0))
    if not len(there):
        return values
    # A message that serves several ticks is turned into numbers once.
    each, back = np.unique(used[:, there], axis=1, return_inverse=True)
    row = dict(zip(feature.needs, each, strict=True))
    encoded = np.empty((each.shape[1], feature.dim), dtype=np.float32)
    lengths = [count[row[entry]] for entry, path in feature.fields
               if (count := topics[entry].fields.lengths(path)) is not None]
    for group in _alike(lengths, each.shape[1]):
        encoded[group] = feature.encode_columns(
            [topics[entry].fields.column(path, row[entry][group])
             for entry, path in feature.fields])
    values[there] = encoded[back.reshape(-1)]
    return values


def _alike(lengths: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Return the indices of messages whose sequences are equally long, group by group."""
    if not lengths:
        return [np.arange(count)]
    _, kind = np.unique(np.stack(lengths), axis=1, return_inverse=True)
    kind = kind.reshape(-1)
    return [np.flatnonzero(kind == k) for k in range(kind.max() + 1)]


def _labels(bag: Bag, action: ActionSpec, ticks: np.ndarray, times: Times,
            topics: Mapping[str, BagTopic]) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the newest commands that count in [t, t + period) for each tick but the last.

    :returns: ``(T, Da)`` float32, and ``(T,)`` bool: every topic had a command that is numbers.
    """
    values = np.empty((len(ticks) - 1, action.dim), dtype=np.float32)
    valid = np.ones(len(values), dtype=bool)
    for command in action.commands:
        rows = _rows(times, command.topic, ticks[1:] - 1)
        valid &= (rows >= 0) & (times.counts_ns[command.topic][rows] >= ticks[:-1])
        # A robot may take another twist than the contract says.
        for field, path in zip(command.fields, command.paths_in(bag.types[command.topic]),
                               strict=True):
            values[:, field] = topics[command.topic].fields.column(path, rows)
    valid &= np.isfinite(values).all(axis=1)
    return np.where(valid[:, None], values, np.float32(0.0)), valid


def _presses(rewards: BagTopic | None, times: Times) -> list[tuple[int, float]]:
    """Return when each reward that a person gave counts, and its value."""
    if rewards is None or any(path not in rewards.fields for path in ('source', 'value')):
        return []
    given = np.flatnonzero(rewards.fields.column('source') == 'person')
    return list(zip(times.counts_ns[_REWARD][given].tolist(),
                    rewards.fields.column('value', given).astype(float).tolist(), strict=True))
