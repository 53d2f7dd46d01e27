"""
Make a new episode out of a recording: a part of it, or what others recorded. Never changes it.

The new one is written in ``.editing/`` beside its place, read back, compared to the bit with what
it was made from, and only then renamed to its name.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import shutil
import time
from typing import Any
import uuid

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome, Remark
from ilw_core.errors import EpisodeError
from ilw_core.storage.bag_files import sync_folder, write_synced
from ilw_core.storage.episode_folder import (
    META_FILE,
    QUALITY_FILE,
    SCHEMA,
    EpisodeFolder,
    calendar_s,
    read_episode,
)
from ilw_core.storage.files import json_text, open_regular
from ilw_data.bag.copy import BagCopy, offered_qos
from ilw_data.bag.raw.bag import RawBag
from ilw_data.bag.raw.messages import RawMessage
from ilw_data.bag.reader import Bag
from ilw_data.clocks.raw_stamps import Stamps
from ilw_data.clocks.stamp_rule import NEVER
from ilw_data.episode.bin import free_name, place_in_training
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.quality import quality
from ilw_data.episode.readings import why_unsound

STAGING = '.editing'
_LATCHED = ('tf_static', 'map', 'goal', 'robot_description')
"""Sent once and valid from then on, whatever their publishers' QoS says"""
_PIECE_BYTES = 1 << 20
_MAX_FACTOR = 100
"""Of a file's size to what it takes on the disk: a file system that packs saves less"""
_SURELY_BYTES = 1 << 30
"""Hashed in seconds, also where a disk has not yet said what a new file takes"""
_EARLIEST_S = 946_684_800
"""The year 2000: stamps before are of a simulated clock, not of a calendar"""

_LEFT_S = 86_400

Choose = Callable[[RawBag, Stamps], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Made:
    """An episode that was made."""

    path: Path
    steps: int
    """Steps to train from"""
    torn: str
    """What its source has lost; empty if nothing"""
    remarks: tuple[Remark, ...]
    """What of it does not count as it is, or not at all"""
    unsound: tuple[str, ...] = ()
    """Why a policy would learn from it what is not so"""


def cut(source: EpisodeFolder, contract: Contract, first: int, last: int) -> Made:
    """
    Make an episode of some ticks of another, beside it.

    :param first: index of the first tick to keep, in the ticks that the source has.
    :param last: index of the last.
    :raises EpisodeError: they are not two ticks of it, or it cannot be read.
    """
    place = place_in_training(source.path)
    whole = load_episode(source, contract)
    require_span(source.path, whole, first, last)
    span_ns = int(whole.stamps_ns[first]), int(whole.stamps_ns[last])
    ended = last == len(whole.stamps_ns) - 1
    period_s = contract.period_ns / 1e9
    meta = {
        **(dict(source.meta) or _foreign_meta(contract)),
        'span_ns': list(span_ns), 'begin_ns': span_ns[0],
        'end_ns': source.meta.get('end_ns', span_ns[1]) if ended else span_ns[1],
        'source': {**origin(source), 'cut': {
            'head_s': round(first * period_s, 6),
            'tail_s': round((len(whole.stamps_ns) - 1 - last) * period_s, 6)}}}

    def verify(made: Episode) -> None:
        same = (np.array_equal(made.stamps_ns, whole.stamps_ns[first:last + 1])
                and made.obs.tobytes() == whole.obs[first:last + 1].tobytes()
                and np.array_equal(made.obs_valid, whole.obs_valid[first:last + 1])
                and all(np.array_equal(getattr(made, kind)[name], each[first:last + 1])
                        for kind in ('images', 'images_valid')
                        for name, each in getattr(whole, kind).items())
                and made.actions.tobytes() == whole.actions[first:last].tobytes()
                and np.array_equal(made.action_valid, whole.action_valid[first:last]))
        if not same:
            raise EpisodeError(f'{source.path}: the ticks that would be kept are not what they '
                               f'were. Nothing was changed. Please report it with the bag.')

    return _make(source, contract, place.parent, meta,
                 lambda bag, stamps: _part(bag, stamps, contract, span_ns), verify, RawBag)


def require_span(path: Path, whole: Episode, first: int, last: int) -> None:
    """:raises EpisodeError: first and last are not two ticks of an episode, in this order."""
    if not 0 <= first < last < len(whole.stamps_ns):
        raise EpisodeError(f'{path} has {len(whole.actions)} steps; at least one must be left. '
                           f'Got {last - first}. Cut less.')


def adopt(source: EpisodeFolder, contract: Contract, out: Path, outcome: Outcome) -> Made:
    """
    Make an episode of what others recorded, or of what a damaged recording still holds.

    :param out: folder of episodes.
    :raises EpisodeError: the contract cannot be applied to it.
    """
    meta = {**_foreign_meta(contract), 'outcome': outcome.name.lower(),
            'source': {**origin(source), 'foreign': True}}
    out.mkdir(parents=True, exist_ok=True)
    return _make(source, contract, out.resolve(), meta, _everything, lambda made: None,
                 lambda path: RawBag(path, partial=True))


def origin(source: EpisodeFolder) -> dict[str, Any]:
    """
    Return what identifies a recording: id, folder name, sha256 of its files.

    :raises EpisodeError: a file says to be far larger than what is on the disk.
    """
    digest = hashlib.sha256()
    for file in source.bag_files:
        with open_regular(file) as stream:
            found = os.fstat(stream.fileno())
            there = found.st_blocks * 512
            if found.st_size > max(_SURELY_BYTES, _MAX_FACTOR * there):
                raise EpisodeError(f'{file} must be as large as it says. Got {there} bytes on the '
                                   f'disk of {found.st_size}: the rest is a hole. Copy what is '
                                   f'there with a tool that reads bags.')
            while piece := stream.read(_PIECE_BYTES):
                digest.update(piece)
    about: dict[str, Any] = {'episode': str(source.meta.get('episode', '')),
                             'path': source.path.name, 'sha256': digest.hexdigest()}
    if source.foreign:
        about['foreign'] = True
    return about


def _make(source: EpisodeFolder, contract: Contract, parent: Path, meta: dict[str, Any],
          choose: Choose, verify: Callable[[Episode], None],
          opened: Callable[[Path], RawBag]) -> Made:
    episode = uuid.uuid4().hex[:12]
    staging = parent / STAGING / episode
    staging.mkdir(parents=True)
    _sweep(parent / STAGING)
    try:
        bag = opened(source.path)
        stamps = Stamps(bag, contract)
        if not stamps.logged_ns:
            raise EpisodeError(f'{source.path} holds no message. There is nothing to make an '
                               f'episode of.')
        copy, kept = _write(bag, staging, episode, choose(bag, stamps), stamps)
        when = _when(source, stamps)
        begun_s = calendar_s(meta.get('recorded_at_s'), when['recorded_at_s'])
        meta = {**when, **meta, 'recorded_at_s': begun_s, 'episode': episode,
                'messages': copy.messages, 'bytes': copy.bytes}
        write_synced(staging / META_FILE, json_text(meta, indent=1))
        made = load_episode(read_episode(staging), contract)
        verify(made)
        write_synced(staging / META_FILE, json_text(
            {**meta, 'steps': made.steps_to_train}, indent=1))
        reasons = [f'The recording it was made from is not whole: {bag.torn}.'] if bag.torn else []
        unsound = why_unsound(Bag(staging), contract)
        about = quality(contract, kept, [*unsound, *reasons])
        write_synced(staging / QUALITY_FILE, json_text(
            {**about, 'verdict': 'bad'} if unsound else about, indent=1))
        day = time.strftime('%Y%m%d-%H%M%S', time.localtime(begun_s))
        path = free_name(parent / f'{day}-{episode[:8]}')
        sync_folder(staging)
        os.rename(staging, path)
        sync_folder(parent)
    except EpisodeError as error:  # it is about the source, which the person knows
        error.args = (str(error).replace(str(staging), str(source.path)),)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):
            (parent / STAGING).rmdir()  # others may be at work in it
    return Made(path, made.steps_to_train, bag.torn, made.remarks, tuple(unsound))


def _write(bag: RawBag, folder: Path, name: str, times_ns: dict[str, np.ndarray],
           stamps: Stamps) -> tuple[BagCopy, dict[str, np.ndarray]]:
    """Copy the chosen messages; returns the closed bag, and the stamps of what is in it."""
    copy = BagCopy(folder, name, bag.channels)
    try:
        seen = dict.fromkeys(times_ns, 0)
        for message in bag.messages():
            topic = message.channel.name
            row, seen[topic] = seen[topic], seen[topic] + 1
            time_ns = int(times_ns[topic][row])
            if time_ns >= 0:
                copy.write(RawMessage(message.channel, time_ns, message.published_ns,
                                      message.data))
        copy.close()
    except BaseException:
        copy.abandon()
        raise
    return copy, {topic: counts[(times >= 0) & (counts != NEVER)]
                  for topic, times in times_ns.items()
                  for counts in [stamps.stamps_ns[topic]]}


def _sweep(folder: Path) -> None:
    """Remove what edits left that were killed long ago."""
    for left in folder.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_S:
            shutil.rmtree(left, ignore_errors=True)


def _everything(_bag: RawBag, stamps: Stamps) -> dict[str, np.ndarray]:
    """Choose all messages, each logged when it was."""
    return stamps.logged_ns


def _part(bag: RawBag, stamps: Stamps, contract: Contract,
          span_ns: tuple[int, int]) -> dict[str, np.ndarray]:
    """
    Choose what the ticks of a span need: its messages, and before it what still holds.

    Where stamps are not all of one clock, what is chosen is logged when it counts: then the part
    needs nothing of the rest to tell that.

    :returns: topic -> (N,) when to log each message; -1 leaves it out.
    """
    first, last = span_ns
    tolerance = {s.topic: s.align.tolerance_ns for s in contract.sources if s.align.how == 'asof'}
    plain = stamps.times.plain
    logged_ns = stamps.logged_ns if plain else stamps.stamps_ns
    within = {name: (each >= first) & (each <= last) for name, each in stamps.stamps_ns.items()}
    starts = [int(logged_ns[name][rows].min()) for name, rows in within.items() if rows.any()]
    begin_ns = min(starts, default=first) if plain else min([first, *starts])
    held = {c.name for c in bag.channels if c.name.split('/')[-1] in _LATCHED
            or any(qos['durability'] == 'transient_local' for qos in offered_qos(c))}
    held |= {s.topic for s in contract.sources if s.align.how == 'hold'}
    chosen = {}
    for name, each in stamps.stamps_ns.items():
        logged = logged_ns[name]
        times = np.where(within[name], logged, -1)
        before = np.flatnonzero((each < first) & (each != NEVER))
        if name not in held:
            before = before[each[before] >= first - tolerance.get(name, -1)]
        if len(before):
            if name.split('/')[-1] != 'tf_static':  # each of its publishers sends its own part
                newest = before[each[before] == each[before].max()]
                before = newest[np.argsort(logged[newest], kind='stable')[-1:]]
            # A player should not wait from when they were sent to when the part begins; but where
            # the log alone says when a message is from, that must not change.
            relog = name in held and (stamps.has_header[name] or name not in contract.topics
                                      or not plain)
            times[before] = begin_ns if relog else logged[before]
        chosen[name] = times
    return chosen


def _foreign_meta(contract: Contract) -> dict[str, Any]:
    """Return what ``episode.json`` says of a recording nobody described."""
    return {'schema': SCHEMA, 'episode': '', 'task': contract.name, 'operator': '', 'notes': '',
            'recovered': False, 'contract_hash': contract.hash, 'contract_text': contract.text,
            'lidar': contract.lidar.as_data(), 'outcome': 'unknown', 'stop_reason': ''}


def _when(source: EpisodeFolder, stamps: Stamps) -> dict[str, Any]:
    """Return when a recording nobody described began and ended."""
    begin_ns = min(int(each.min()) for each in stamps.logged_ns.values())
    end_ns = max(int(each.max()) for each in stamps.logged_ns.values())
    begun_s = begin_ns / 1e9
    return {'begin_ns': begin_ns, 'end_ns': end_ns, 'recorded_at_s':
            begun_s if begun_s > _EARLIEST_S else source.bag_files[0].stat().st_mtime}
