"""From episode folders to arrays: the contract applied to bags, cached, split. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import hashlib
import os
from pathlib import Path
import tempfile
from typing import Any
import zipfile

import numpy as np

from ilw_core.align import Resampler
from ilw_core.contract import Contract
from ilw_core.episode import Episode, Outcome
from ilw_core.episode_folder import EpisodeFolder, read_episode
from ilw_core.errors import ContractError, EpisodeError
from ilw_learner.bag_reader import Stamped, read_messages, topic_types
from ilw_learner.credit import credit

_CACHE_VERSION = b'ilw.dataset/3'
_REWARD = 'reward'
_MAX_TICKS = 1_000_000
"""A day at 10 Hz is 864,000; more means that the stamps jump"""


@dataclass(frozen=True)
class Dataset:
    """Windows of many episodes, ready to train on."""

    obs: np.ndarray
    """(N, To, Do) float32; the newest observation last"""
    actions: np.ndarray
    """(N, Ta, Da) float32, contract units; the action of the window's tick first"""
    episode: np.ndarray
    """(N,) int64 index into ``names``"""
    previous: np.ndarray
    """(N, Da) float32 the action before; NaN at the start of an episode"""
    names: tuple[str, ...]
    masked: int
    """Ticks left out because something was missing"""

    def pick(self, episodes: Sequence[int]) -> 'Dataset':
        """Return the windows of some episodes."""
        rows = np.isin(self.episode, np.asarray(episodes, dtype=np.int64))
        return Dataset(self.obs[rows], self.actions[rows], self.episode[rows],
                       self.previous[rows], self.names, self.masked)


def load_episode(
    folder: Path | EpisodeFolder, contract: Contract, *, cache: Path | None = None,
    allow_other_contract: bool = False,
) -> Episode:
    """
    Apply a contract to the bag of one episode.

    The observation of each tick is built by the resampler that also runs live.

    :param cache: folder for decoded arrays, keyed by the contents of bag and contract.
    :raises EpisodeError: the bag lacks a topic of the contract, or cannot be read.
    :raises ContractError: it was recorded under another contract.
    """
    source = folder if isinstance(folder, EpisodeFolder) else read_episode(folder)
    if source.contract_hash not in ('', contract.hash) and not allow_other_contract:
        raise ContractError(
            f'{source.path} was recorded under another contract ({source.contract_hash[:12]}, '
            f'not {contract.hash[:12]}). Use that one, or pass --allow-other-contract.')
    arrays = _cached(source, contract, cache) if cache else _decode(source, contract)
    return Episode(
        name=source.path.name, outcome=source.outcome, stop_reason=source.stop_reason,
        contract_hash=contract.hash, **arrays)


def _decode(source: EpisodeFolder, contract: Contract) -> dict[str, np.ndarray]:
    _require_topics(source.path, contract)
    entries: dict[str, list[str]] = {}
    for observed in contract.sources:
        entries.setdefault(observed.topic, []).append(observed.name)
    resampler = Resampler(contract, keep=None)
    commands: list[tuple[int, list[float]]] = []
    asof_stamps: list[int] = []
    presses: list[tuple[int, float]] = []
    anchor = next((s.topic for s in contract.sources if s.align.how == 'asof'),
                  contract.sources[0].topic)
    for item in _stamped(source.path, {*entries, contract.action.topic, _REWARD}):
        for name in entries.get(item.topic, ()):
            resampler.push(name, item.stamp_ns, item.message)
        if item.topic == anchor:
            asof_stamps.append(item.stamp_ns)
        if item.topic == _REWARD and getattr(item.message, 'source', '') == 'person':
            presses.append((item.stamp_ns, float(item.message.value)))
        if item.topic == contract.action.topic:
            commands.append((item.stamp_ns, [_field(item.message, n)
                                             for n in contract.action.names]))
    begin, end = resampler.begin_ns(), resampler.complete_ns()
    starts = [stamp for stamp in asof_stamps if begin is not None and stamp >= begin]
    if not starts or end is None or end - min(starts) < contract.period_ns or not commands:
        raise EpisodeError(f'{source.path} holds no complete step: some topic or the command '
                           f'never came. Drop it: ./ilw episodes check shows which.')
    if (end - min(starts)) // contract.period_ns > _MAX_TICKS:
        raise EpisodeError(f'{source.path}: its stamps span {(end - min(starts)) / 86400e9:.0f} '
                           f'days: a clock was set while recording. Record it again.')
    ticks = np.arange(min(starts), end + 1, contract.period_ns, dtype=np.int64)
    seen = [resampler.observe(int(tick)) for tick in ticks]
    actions, action_valid = _labels(ticks, commands, contract)
    return {'obs': np.stack([o.values for o in seen]), 'stamps_ns': ticks,
            'obs_valid': np.stack([o.valid for o in seen]),
            'actions': actions, 'action_valid': action_valid,
            'person_rewards': credit(ticks[:-1], presses)}


def _stamped(path: Path, topics: set[str]) -> list[Stamped]:
    """Return the messages of some topics; where nobody filled in the stamps, the log's count."""
    items = list(read_messages(path, topics))
    set_once = {item.topic for item in items if item.stamp_ns != 0}
    return [item if item.topic in set_once else replace(item, stamp_ns=item.logged_ns)
            for item in items]


def _require_topics(path: Path, contract: Contract) -> None:
    present = topic_types(path)
    for topic, kind in contract.topics.items():
        if topic not in present:
            raise EpisodeError(f'{path} has no topic {topic!r}, which the contract '
                               f'{contract.name} names. It has: {", ".join(sorted(present))}.')
        if present[topic] != kind:
            raise EpisodeError(f'{path}: topic {topic!r} must be {kind}. Got {present[topic]}. '
                               f'Correct the contract.')


def _labels(
    ticks: np.ndarray, commands: list[tuple[int, list[float]]], contract: Contract,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the newest command stamped in [t, t + period) for each tick but the last."""
    commands = sorted(commands, key=lambda c: c[0])
    stamps = np.array([stamp for stamp, _ in commands], dtype=np.int64)
    values = np.array([value for _, value in commands], dtype=np.float32)
    index = np.searchsorted(stamps, ticks[1:], side='left') - 1
    valid = (index >= 0) & (stamps[np.maximum(index, 0)] >= ticks[:-1])
    valid &= np.isfinite(values[np.maximum(index, 0)]).all(axis=1)
    return np.where(valid[:, None], values[np.maximum(index, 0)], 0.0).astype(np.float32), valid


def _field(message: Any, path: str) -> float:
    for part in path.split('.'):
        message = getattr(message, part)
    return float(message)


def _cached(source: EpisodeFolder, contract: Contract, cache: Path) -> dict[str, np.ndarray]:
    digest = hashlib.sha256(_CACHE_VERSION + contract.hash.encode())
    with source.bag_file.open('rb') as stream:
        for block in iter(lambda: stream.read(1 << 20), b''):
            digest.update(block)
    path = cache / f'{digest.hexdigest()}.npz'
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        arrays = _decode(source, contract)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, delete=False) as stream:
        np.savez(stream, **arrays)
    os.replace(stream.name, path)
    return arrays


def build_dataset(
    episodes: Sequence[Episode], contract: Contract, *, history: int = 1, horizon: int = 1,
) -> Dataset:
    """
    Cut windows out of episodes; a window that touches a missing value is left out.

    :raises EpisodeError: nothing is left.
    """
    obs, actions, index, previous, masked = [], [], [], [], 0
    for number, episode in enumerate(episodes):
        steps = len(episode.actions)
        whole = episode.obs_valid.all(axis=1)
        for t in range(history - 1, steps - horizon + 1):
            past = slice(t - history + 1, t + 1)
            if not (whole[past].all() and episode.action_valid[t:t + horizon].all()):
                masked += 1
                continue
            obs.append(episode.obs[past])
            actions.append(episode.actions[t:t + horizon])
            before = t > 0 and episode.action_valid[t - 1]
            previous.append(episode.actions[t - 1] if before
                            else np.full(contract.action.dim, np.nan, np.float32))
            index.append(number)
    if not obs:
        raise EpisodeError(f'No usable step in {len(episodes)} episodes ({masked} had something '
                           f'missing). Run ./ilw episodes check to see what.')
    return Dataset(np.stack(obs), np.stack(actions), np.array(index, dtype=np.int64),
                   np.stack(previous), tuple(e.name for e in episodes), masked)


def usable(folders: Sequence[EpisodeFolder]) -> list[EpisodeFolder]:
    """Return the successes, and what nobody judged; failures and repaired takes are left out."""
    return [f for f in folders if f.outcome is Outcome.SUCCESS
            or (f.outcome is Outcome.UNKNOWN and not f.meta)]


def split_episodes(
    count: int, held_out_ratio: float, rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Return (training, held-out) episode numbers; at least one of each when there are two."""
    order = rng.permutation(count)
    held = min(max(1, round(count * held_out_ratio)), count - 1) if count > 1 else 0
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())
