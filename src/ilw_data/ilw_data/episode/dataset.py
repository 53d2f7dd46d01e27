"""From episode folders to arrays: the contract applied to bags, cached, split. No torch."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
import hashlib
import os
from pathlib import Path
import tempfile
import zipfile

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import ContractError, EpisodeError
from ilw_core.features.image_decode import decoder_version
from ilw_core.features.lidar_spec import PLAIN, LidarSpec, recorded_lidar
from ilw_core.storage.episode_folder import META_FILE, EpisodeFolder, read_episode
from ilw_core.storage.files import open_regular
from ilw_data.bag.marks import bag_marks
from ilw_data.bag.reader import Bag
from ilw_data.episode.arrays import read_arrays, read_remarks
from ilw_data.episode.frames import Frames, frames_of, joined_frames, map_frames, write_frames
from ilw_data.episode.images import IMAGE, split_images
from ilw_data.episode.readings import why_unsound

_CACHE_VERSION = b'ilw.dataset/10'
_WORDS = 'words'
"""In the cache: what was remarked, then what is not so, as text; one array takes less time"""


@dataclass(frozen=True)
class Dataset:
    """Windows of many episodes, ready to train on."""

    obs: np.ndarray
    """(N, To, Do) float32; the newest observation last"""
    actions: np.ndarray
    """(N, Ta, Da) float32, contract units; the action of the window's tick first. NaN, if windows
    may be open-ended, for what is missing or past the episode's end"""
    episode: np.ndarray
    """(N,) int64 index into ``names``"""
    previous: np.ndarray
    """(N, Da) float32 the action before; NaN at the start of an episode"""
    names: tuple[str, ...]
    masked: int
    """Ticks left out because something was missing"""
    _: KW_ONLY
    images: dict[str, Frames] = field(default_factory=dict)
    """Contract entry -> (M, H, W, C) uint8, those of all episodes, once each, where they lie"""
    frames: np.ndarray | None = None
    """(N, To) int64 index into them, of each window; ``None``: there are none"""
    tick: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """(N,) int64 tick of each window's newest observation, counted in its episode"""
    weights: np.ndarray | None = None
    """(N,) float32, above 0: how much each window counts; ``None``: all alike"""

    def pick(self, episodes: Sequence[int]) -> 'Dataset':
        """Return the windows of some episodes."""
        rows = np.isin(self.episode, np.asarray(episodes, dtype=np.int64))
        return replace(self, obs=self.obs[rows], actions=self.actions[rows],
                       episode=self.episode[rows], previous=self.previous[rows],
                       frames=None if self.frames is None else self.frames[rows],
                       tick=self.tick[rows],
                       weights=None if self.weights is None else self.weights[rows])


def load_episode(
    folder: Path | EpisodeFolder, contract: Contract, *, cache: Path | None = None,
    allow_other_contract: bool = False, bag: Bag | None = None, sound: bool = False,
) -> Episode:
    """
    Apply a contract to the bag of one episode.

    The observation of each tick is built by the resampler that also runs live.

    :param cache: folder for decoded arrays, keyed as ``_key`` says.
    :param bag: its recording, where it is open already.
    :param sound: refuse a bag that tells what cannot be so, as ``readings`` finds it.
    :raises EpisodeError: the bag lacks a topic of the contract, cannot be read, or is refused.
    :raises ContractError: it was recorded under another contract.
    """
    source = folder if isinstance(folder, EpisodeFolder) else read_episode(folder)
    if source.contract_hash not in ('', contract.hash) and not allow_other_contract:
        raise ContractError(
            f'{source.path} was recorded under another contract ({source.contract_hash[:12]}, '
            f'not {contract.hash[:12]}). Use that one, or train with --allow-other-contract.')
    contract = as_recorded(source, contract)
    if cache:
        arrays = _cached(source, contract, cache)
        remarks, *reasons = arrays.pop(_WORDS).tolist()
    else:
        bag = bag or Bag(source.path)
        arrays = read_arrays(bag, contract, source.span_ns)
        remarks, reasons = str(arrays.pop('remarks')), why_unsound(bag, contract) if sound else []
    if sound and reasons:
        raise EpisodeError(f'{source.path} would teach what is not so. {" ".join(reasons)}')
    return Episode(
        name=source.path.name, outcome=source.outcome, stop_reason=source.stop_reason,
        contract_hash=contract.hash, remarks=read_remarks(remarks), **split_images(arrays))


def as_recorded(source: EpisodeFolder, contract: Contract) -> Contract:
    """
    Return the contract for the lidar that an episode was recorded with.

    What the caller declares of it goes before what the episode's notes keep.
    """
    return contract.declaring(lidar_of(source, contract))


def lidar_of(source: EpisodeFolder, contract: Contract | None) -> LidarSpec:
    """Return what is declared of the lidar of a recording: by the caller, or in its notes."""
    if contract is not None and contract.lidar != PLAIN:
        return contract.lidar
    return recorded_lidar(source.meta, str(source.path / META_FILE))


def _cached(source: EpisodeFolder, contract: Contract, cache: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a bag; its images stay on the disk until they are looked at."""
    path = cache / f'{_key(source, contract)}.npz'
    seen = {f'{IMAGE}{each.name}': path.with_suffix(f'.{each.name}.npy')
            for each in contract.images}
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files} | {
                key: map_frames(each) for key, each in seen.items()}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        bag = Bag(source.path)
        arrays = read_arrays(bag, contract, source.span_ns)
        arrays[_WORDS] = np.array([str(arrays.pop('remarks')), *why_unsound(bag, contract)])
    cache.mkdir(parents=True, exist_ok=True)
    for key, each in seen.items():
        write_frames(each, arrays[key])
        arrays[key] = map_frames(each)
    with tempfile.NamedTemporaryFile(dir=cache, delete=False) as stream:
        np.savez(stream, **{key: each for key, each in arrays.items() if key not in seen})
    os.replace(stream.name, path)
    return arrays


def _key(source: EpisodeFolder, contract: Contract) -> str:
    """Return what names the arrays of a bag under a contract."""
    digest = hashlib.sha256(_CACHE_VERSION + contract.hash.encode())
    digest.update(f'{contract.lidar.key} {source.span_ns}'.encode())
    if contract.images:
        digest.update(f'images 1, OpenCV {decoder_version()}'.encode())
    for piece in bag_marks(source.bag_files):
        digest.update(piece)
    return digest.hexdigest()


def build_dataset(
    episodes: Sequence[Episode], contract: Contract, *, history: int = 1, horizon: int = 1,
    weights: Sequence[np.ndarray] | None = None, open_ended: bool = False,
) -> Dataset:
    """
    Cut windows out of episodes; a window that touches a missing value is left out.

    :param weights: ``(T,)`` of the steps of each episode. A window counts as its least action
        does; one that counts nothing is left out.
    :param open_ended: a window needs, and counts as, its first action only. Further ones that are
        missing, past the episode's end, or count nothing, are NaN: no target.
    :raises EpisodeError: nothing is left.
    """
    parts, index, masked, at = [], [], 0, []
    frames, counts, begin = [], [], 0
    for number, episode in enumerate(episodes):
        first, begin = begin, begin + len(episode.obs)
        actions, known = (episode.actions, episode.action_valid) if not open_ended else (
            _open_ended(episode, None if weights is None else weights[number], horizon))
        # The window of tick t: observations t - history + 1 .. t, actions t .. t + horizon - 1.
        ticks = np.arange(history - 1, len(actions) - horizon + 1)
        if not len(ticks):
            continue
        seen = _windows(episode.whole, history)[:len(ticks)].all(axis=1)
        needed = 1 if open_ended else horizon
        done = _windows(known, needed)[history - 1:][:len(ticks)].all(axis=1)
        ticks = ticks[keep := seen & done]
        masked += int((~keep).sum())
        if weights is not None:
            least = _windows(weights[number], needed)[ticks].min(axis=1)
            ticks, least = ticks[least > 0.0], least[least > 0.0]
            counts.append(least)
        before = (ticks > 0) & episode.action_valid[ticks - 1]
        parts.append((
            _windows(episode.obs, history)[ticks - history + 1],
            _windows(actions, horizon)[ticks],
            np.where(before[:, None], episode.actions[ticks - 1], np.float32(np.nan))))
        index.append(np.full(len(ticks), number, dtype=np.int64))
        at.append(ticks)
        if contract.images:
            frames.append(first + ticks[:, None] + np.arange(1 - history, 1))
    if not sum(map(len, index)):
        raise EpisodeError(f'No usable step in {len(episodes)} episodes ({masked} had something '
                           f'missing). Run ./ilw episodes check to see what.')
    obs, actions, previous = (np.concatenate(each) for each in zip(*parts, strict=True))
    images = frames_of([episode.images for episode in episodes]) if contract.images else {}
    return Dataset(obs, actions, np.concatenate(index), previous,
                   tuple(e.name for e in episodes), masked, images=images,
                   frames=np.concatenate(frames) if images else None, tick=np.concatenate(at),
                   weights=np.concatenate(counts) if counts else None)


def _open_ended(episode: Episode, weights: np.ndarray | None,
                horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return actions and their mask, ``horizon - 1`` longer; NaN for what is no target."""
    known = episode.action_valid if weights is None else episode.action_valid & (weights > 0.0)
    beyond = ((0, horizon - 1), (0, 0))
    actions = np.where(known[:, None], episode.actions, np.float32(np.nan))
    return (np.pad(actions, beyond, constant_values=np.nan), np.pad(known, beyond[0]))


def joined(parts: Sequence[Dataset]) -> Dataset:
    """Return the windows of data sets of the same contract, part after part."""
    if len(parts) == 1:
        return parts[0]
    names = np.cumsum([0, *(len(part.names) for part in parts)])
    frames, images = joined_images(parts)
    weights = None if all(part.weights is None for part in parts) else np.concatenate([
        np.ones(len(part.obs), np.float32) if part.weights is None else part.weights
        for part in parts])
    obs, actions, previous, tick = (np.concatenate([getattr(part, name) for part in parts])
                                    for name in ('obs', 'actions', 'previous', 'tick'))
    return Dataset(
        obs, actions, np.concatenate([part.episode + first for part, first in zip(
            parts, names[:-1], strict=True)]), previous,
        tuple(name for part in parts for name in part.names), sum(part.masked for part in parts),
        images=images, frames=frames, tick=tick, weights=weights)


def joined_images(parts: Sequence[Dataset]) -> tuple[np.ndarray | None, dict[str, Frames]]:
    """Return ``frames`` and ``images`` of data sets of the same cameras, part after part."""
    frames, begin = [], 0
    for part in parts:
        if part.frames is None:
            return None, {}
        frames.append(part.frames + begin)
        begin += len(next(iter(part.images.values())))
    return np.concatenate(frames), {
        name: joined_frames([part.images[name] for part in parts]) for name in parts[0].images}


def _windows(values: np.ndarray, length: int) -> np.ndarray:
    """Return every run of ``length`` rows, ``(T - length + 1, length, ...)``; copies nothing."""
    return np.moveaxis(sliding_window_view(values, length, axis=0), -1, 1)


def usable(folders: Sequence[EpisodeFolder]) -> list[EpisodeFolder]:
    """Return the successes, and what nobody judged; failures and repaired takes are left out."""
    return [f for f in folders if f.outcome is Outcome.SUCCESS
            or (f.outcome is Outcome.UNKNOWN and f.foreign)]


def split_episodes(
    count: int, held_out_ratio: float, rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Return (training, held-out) episode numbers; at least one of each when there are two."""
    order = rng.permutation(count)
    held = min(max(1, round(count * held_out_ratio)), count - 1) if count > 1 else 0
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())
