"""Apply a contract to the columns of a bag: all ticks of an episode at once. No torch."""

from collections.abc import Mapping

import numpy as np

from ilw_core.align import sample_rows
from ilw_core.command_types import fields_in, same_command
from ilw_core.contract import Contract, Source
from ilw_core.errors import EpisodeError
from ilw_learner.bag_reader import Bag, Topic
from ilw_learner.credit import credit

_REWARD = 'reward'
_MAX_TICKS = 1_000_000
"""A day at 10 Hz is 864,000; more means that the stamps jump"""


def read_arrays(
    bag: Bag, contract: Contract, span_ns: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """
    Return what an ``Episode`` is made of, by its field names.

    Each tick holds what the resampler that runs live would give it, to the bit.

    :param span_ns: first tick, and the last or a later instant; found in the bag by default.
    :raises EpisodeError: the bag lacks a topic or field of the contract, or cannot be read.
    """
    _require_topics(bag, contract)
    topics = bag.topics({*contract.topics, _REWARD})
    stamps = {name: topic.stamps_ns for name, topic in topics.items()}
    ticks = _ticks(bag, contract, stamps, span_ns)
    for source in contract.sources:
        for entry, path in source.feature.fields:
            topic = next(s.topic for s in contract.sources if s.name == entry)
            _require_field(bag, topics, topic, path)
    for path in _command_fields(bag, contract):
        _require_field(bag, topics, contract.action.topic, path)
    rows = {source.name: sample_rows(
        stamps[source.topic], ticks,
        None if source.align.how == 'hold' else source.align.tolerance_ns)
        for source in contract.sources}
    entries = {source.name: topics[source.topic] for source in contract.sources}
    values = np.concatenate([_encode(source, entries, rows, len(ticks))
                             for source in contract.sources], axis=1)
    valid = np.isfinite(values)
    command = contract.action.topic
    actions, action_valid = _labels(ticks, stamps[command], topics[command],
                                    _command_fields(bag, contract))
    return {'obs': np.where(valid, values, np.float32(0.0)), 'obs_valid': valid,
            'stamps_ns': ticks, 'actions': actions, 'action_valid': action_valid,
            'person_rewards': credit(ticks[:-1], _presses(topics.get(_REWARD)))}


def _require_topics(bag: Bag, contract: Contract) -> None:
    for topic, kind in contract.topics.items():
        if topic not in bag.types:
            raise EpisodeError(f'{bag.folder} has no topic {topic!r}, which the contract '
                               f'{contract.name} names. It has: {", ".join(sorted(bag.types))}.')
        same = same_command if topic == contract.action.topic else str.__eq__
        if not same(bag.types[topic], kind):
            raise EpisodeError(f'{bag.folder}: topic {topic!r} must be {kind}. '
                               f'Got {bag.types[topic]}. Correct the contract.')


def _command_fields(bag: Bag, contract: Contract) -> tuple[str, ...]:
    """Return where the action is in the commands recorded: a robot may take another twist."""
    return fields_in(contract.action, bag.types[contract.action.topic])


def _require_field(bag: Bag, topics: Mapping[str, Topic], topic: str, path: str) -> None:
    if path not in topics[topic].fields:
        raise EpisodeError(f'{bag.folder}: topic {topic!r} must have the field {path}. '
                           f'{bag.types[topic]} has none. Correct the contract.')


def _ticks(bag: Bag, contract: Contract, stamps: Mapping[str, np.ndarray],
           span_ns: tuple[int, int] | None) -> np.ndarray:
    """Return the ticks at which every topic has delivered and still delivers, ``(T+1,)`` int64."""
    flowing = [s.topic for s in contract.sources if s.align.how == 'asof']
    observed = [s.topic for s in contract.sources]
    anchor = stamps.get((flowing or observed)[0], np.empty(0, dtype=np.int64))
    silent = any(not len(stamps.get(topic, ())) for topic in contract.topics)
    begin = 0 if silent else max(int(stamps[topic].min()) for topic in observed)
    starts = anchor[anchor >= begin]
    first = int(starts.min()) if len(starts) and not silent else 0
    end = 0 if silent else min(int(stamps[topic].max()) for topic in flowing or observed)
    if span_ns is not None and not silent:
        first, end = span_ns
        starts = anchor
    if silent or not len(starts) or end - first < contract.period_ns:
        raise EpisodeError(f'{bag.folder} holds no complete step: some topic or the command '
                           f'never came. Drop it: ./ilw episodes check shows which.')
    if (end - first) // contract.period_ns > _MAX_TICKS:
        raise EpisodeError(f'{bag.folder}: its stamps span {(end - first) / 86400e9:.0f} '
                           f'days: a clock was set while recording. Record it again.')
    return np.arange(first, end + 1, contract.period_ns, dtype=np.int64)


def _encode(
    source: Source, topics: Mapping[str, Topic], rows: Mapping[str, np.ndarray], ticks: int,
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


def _labels(
    ticks: np.ndarray, stamps_ns: np.ndarray, commands: Topic, paths: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the newest command stamped in [t, t + period) for each tick but the last.

    A command without a stamp counts from when it was logged.
    """
    rows = sample_rows(stamps_ns, ticks[1:] - 1)
    valid = (rows >= 0) & (stamps_ns[rows] >= ticks[:-1])
    values = np.stack([commands.fields.column(path, rows).astype(np.float32)
                       for path in paths], axis=1)
    valid &= np.isfinite(values).all(axis=1)
    return np.where(valid[:, None], values, np.float32(0.0)), valid


def _presses(rewards: Topic | None) -> list[tuple[int, float]]:
    """Return the stamp and value of each reward that a person gave."""
    if rewards is None or any(path not in rewards.fields for path in ('source', 'value')):
        return []
    given = np.flatnonzero(rewards.fields.column('source') == 'person')
    return list(zip(rewards.stamps_ns[given].tolist(),
                    rewards.fields.column('value', given).astype(float).tolist(), strict=True))
