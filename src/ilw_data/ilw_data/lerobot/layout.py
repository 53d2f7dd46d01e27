"""What a LeRobot data set, version 3, calls things; and what ILW notes beside, in it."""

from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.storage.files import is_regular, read_json

STATE, ACTION, IMAGES = 'observation.state', 'action', 'observation.images.'
HIDDEN = 'hidden'
"""What only says how an episode ends: no policy of LeRobot reads it under this name"""
DONE, SUCCESS = 'next.done', 'next.success'
NOTES_FILE, NOTES_SCHEMA = 'meta/ilw.json', 'ilw.lerobot/1'
"""Outcome and begin of each episode, and the contract; LeRobot leaves it alone"""
MAX_JSON_BYTES = 64_000_000
INFO_FILE = 'meta/info.json'
_PICTURES = ('image', 'video')
_NUMBERS = ('float32', 'float64', 'float16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool')


@dataclass(frozen=True)
class Numbers:
    """A feature that is a vector."""

    key: str
    names: tuple[str, ...]
    """(D,) what each number is"""


@dataclass(frozen=True)
class Picture:
    """A feature that is a camera's."""

    key: str
    height: int
    width: int

    @property
    def name(self) -> str:
        """Of the camera."""
        return self.key.rsplit('.', 1)[-1]


@dataclass(frozen=True)
class Layout:
    """What a data set holds for a policy."""

    fps: float
    robot_type: str
    observed: tuple[Numbers, ...]
    action: Numbers
    pictures: tuple[Picture, ...]
    told: bool
    """Whether it tells which episodes succeeded"""


def require_version_3(folder: Path) -> None:
    """
    See that LeRobot's library will read a folder, without asking it.

    :raises IlwError: it is no data set, or one of another version.
    """
    if not is_regular(folder / INFO_FILE):
        raise IlwError(f'{folder} must be a LeRobot data set. Got no {INFO_FILE} in it. Name the '
                       f'folder that has meta/ and data/.')
    try:
        info = read_json(folder / INFO_FILE, MAX_JSON_BYTES)
        version = str(info['codebase_version'])
    except (ValueError, KeyError, TypeError) as error:
        raise IlwError(f'{folder / INFO_FILE} must say codebase_version. It cannot be read '
                       f'({error}). Copy the data set again.') from error
    if not version.startswith('v3.'):
        raise IlwError(f'{folder} must be a LeRobot data set of version v3. Got {version[:20]}. '
                       f'Convert it with LeRobot itself: python -m '
                       f'lerobot.datasets.v30.convert_dataset_v21_to_v30 --repo-id=NAME.')


def read_notes(folder: Path) -> dict[str, Any]:
    """Return what ILW noted in a data set that it wrote; empty of any other."""
    if not is_regular(folder / NOTES_FILE):
        return {}
    try:
        notes = read_json(folder / NOTES_FILE, MAX_JSON_BYTES)
    except ValueError as error:
        raise IlwError(f'{folder / NOTES_FILE} cannot be read ({error}). Remove it: the data set '
                       f'is whole without it.') from error
    known = isinstance(notes, dict) and notes.get('schema') == NOTES_SCHEMA
    return notes if known and isinstance(notes.get('episodes'), list) else {}


def layout_of(answer: dict[str, Any], where: Path) -> Layout:
    """
    Return the layout of a data set by what LeRobot's reader says of it.

    :raises IlwError: it holds no action, or nothing observed.
    """
    features = answer['features']
    observed = [_numbers(key, each) for key, each in features.items()
                if (key.startswith('observation.') or key == HIDDEN) and _is_vector(each)]
    if ACTION not in features or not _is_vector(features[ACTION]):
        raise IlwError(f'{where} must hold a vector named {ACTION}. It has: '
                       f'{", ".join(sorted(features))}.')
    pictures = [_picture(key, each) for key, each in features.items()
                if each['dtype'] in _PICTURES]
    if not observed and not pictures:
        raise IlwError(f'{where} must hold something observed, as {STATE}. It has: '
                       f'{", ".join(sorted(features))}.')
    return Layout(float(answer['fps']), str(answer['robot_type']), tuple(observed),
                  _numbers(ACTION, features[ACTION]), tuple(pictures), SUCCESS in features)


def shown_and_hidden(contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Return which numbers of an observation a policy sees, and which only judge, as rows."""
    hidden = np.isin(contract.entry_names, contract.hidden)
    return np.flatnonzero(~hidden), np.flatnonzero(hidden)


def numbers_feature(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the entry of a float32 vector in a data set's features."""
    return {'dtype': 'float32', 'shape': [len(names)], 'names': list(names)}


def _is_vector(feature: dict[str, Any]) -> bool:
    return feature['dtype'] in _NUMBERS and len(feature['shape']) == 1 and feature['shape'][0] > 0


def _numbers(key: str, feature: dict[str, Any]) -> Numbers:
    count, given = math.prod(feature['shape']), feature.get('names')
    if isinstance(given, dict):  # {'motors': [...]}
        given = [name for names in given.values() if isinstance(names, list) for name in names]
    names = [str(name) for name in given] if isinstance(given, list) else []
    if len(names) != count or len(set(names)) != count:
        names = [f'{key.rsplit(".", 1)[-1]}_{i}' for i in range(count)]
    return Numbers(key, tuple(names))


def _picture(key: str, feature: dict[str, Any]) -> Picture:
    shape = list(feature['shape'])
    height, width = shape[1:] if shape[0] in (1, 3) and shape[2] not in (1, 3) else shape[:2]
    return Picture(key, int(height), int(width))
