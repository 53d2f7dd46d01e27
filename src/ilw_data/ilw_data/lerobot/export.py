"""Episodes into a data set of LeRobot: what the contract reads of each bag, step by step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
import shutil
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_core.storage.files import json_text, write_file
from ilw_data.episode.dataset import load_episode
from ilw_data.lerobot.layout import (
    ACTION,
    DONE,
    HIDDEN,
    IMAGES,
    NOTES_FILE,
    NOTES_SCHEMA,
    STATE,
    SUCCESS,
    numbers_feature,
    shown_and_hidden,
)
from ilw_data.lerobot.side import LeRobotSide

VIDEO = {'codec': 'h264', 'pixels': 'yuv444p', 'crf': 18}
"""LeRobot's own (AV1, 4:2:0, 30) halves the colours: 35 dB is all that is left of a small picture
with sharp edges, however large the file. This leaves 42 dB, and is smaller."""
_FEWEST = 2
"""Steps; of one LeRobot knows no rate"""


@dataclass(frozen=True)
class Exported:
    """What came of it; ``--json`` shows it under these names."""

    folder: str
    episodes: int
    """Of the data set: a gap parts an episode in two"""
    steps: int
    recorded: int
    """Episodes that were read"""
    left_out: tuple[str, ...] = field(default_factory=tuple)
    """Why some are not in it, a sentence each"""


def export_episodes(
    folders: Sequence[EpisodeFolder], contract: Contract, out: Path, side: LeRobotSide, *,
    video: bool, task: str, progress: Callable[[int], None],
) -> Exported:
    """
    Write a data set; a step needs all that is observed, and a command.

    :param out: a new folder.
    :param task: what is to be done, in words.
    :param progress: told how many episodes are through.
    :raises IlwError: nothing is left to write, or the contract's rate is not whole.
    """
    if contract.rate_hz != int(contract.rate_hz):
        raise IlwError(f'rate_hz must be a whole number for LeRobot. Got {contract.rate_hz:g} in '
                       f'the contract {contract.name}.')
    side.ask('create', root=str(out.absolute()), fps=int(contract.rate_hz), robot_type='', **VIDEO,
             features=_features(contract, 'video' if video else 'image'))
    try:
        notes, steps, left_out = _written(folders, contract, side, task, progress)
        side.ask('finish')
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)  # half of one cannot be read
        raise
    write_file(out / NOTES_FILE, json_text({
        'schema': NOTES_SCHEMA, 'contract_hash': contract.hash, 'contract_text': contract.text,
        'episodes': notes}, indent=1))
    return Exported(str(out), len(notes), steps, len(folders), tuple(left_out))


def _written(folders: Sequence[EpisodeFolder], contract: Contract, side: LeRobotSide, task: str,
             progress: Callable[[int], None]) -> tuple[list[dict[str, Any]], int, list[str]]:
    """Write episodes; return what is noted of each, how many steps, and what was left out."""
    notes: list[dict[str, Any]] = []
    left_out, steps = [], 0
    for done, folder in enumerate(folders, start=1):
        try:
            episode = load_episode(folder, contract)
            parts = list(_whole_parts(episode))
            if not parts:
                raise EpisodeError(f'{folder.path} has no {_FEWEST} whole steps in a row.')
        except EpisodeError as error:
            left_out.append(str(error))
            parts = []
        for first, end in parts:
            last = end == parts[-1][1]
            outcome = folder.outcome if last else Outcome.UNKNOWN
            side.add(_columns(episode, contract, first, end, outcome), task)
            steps += end - first
            notes.append({'episode': folder.path.name, 'outcome': outcome.name.lower(),
                          'stop_reason': folder.stop_reason if last else '',
                          'begin_ns': int(episode.stamps_ns[first])})
        progress(done)
    if not notes:
        raise EpisodeError(f'No episode can be exported. {left_out[0]}')
    return notes, steps, left_out


def _features(contract: Contract, pictures: str) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for key, rows in zip((STATE, HIDDEN), shown_and_hidden(contract), strict=True):
        if len(rows):
            features[key] = numbers_feature(tuple(contract.obs_names[row] for row in rows))
    features[ACTION] = numbers_feature(contract.action.names)
    for source in contract.images:
        height, width, _ = source.feature.shape
        features[f'{IMAGES}{source.name}'] = {
            'dtype': pictures, 'shape': [height, width, 3],
            'names': ['height', 'width', 'channels']}
    return features | {key: {'dtype': 'bool', 'shape': [1], 'names': None}
                       for key in (DONE, SUCCESS)}


def _whole_parts(episode: Episode) -> Iterator[tuple[int, int]]:
    """Give the first step, and that after the last, of each run of whole ones."""
    whole = episode.whole[:-1] & episode.action_valid
    edges = np.flatnonzero(np.diff(np.concatenate([[False], whole, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2).tolist():
        if end - first >= _FEWEST:
            yield first, end


def _columns(episode: Episode, contract: Contract, first: int, end: int,
             outcome: Outcome) -> dict[str, np.ndarray]:
    columns = {ACTION: episode.actions[first:end]}
    for key, rows in zip((STATE, HIDDEN), shown_and_hidden(contract), strict=True):
        if len(rows):
            columns[key] = episode.obs[first:end, rows]
    for source in contract.images:
        seen = episode.images[source.name][first:end]
        columns[f'{IMAGES}{source.name}'] = np.repeat(seen, 3, axis=3) \
            if seen.shape[3] == 1 else seen
    ended = np.zeros((end - first, 1), dtype=bool)
    ended[-1] = True
    return {**columns, DONE: ended, SUCCESS: ended & (outcome is Outcome.SUCCESS)}
