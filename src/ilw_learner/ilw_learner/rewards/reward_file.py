"""
A recovered reward as a file: plain data, for one contract, that says itself whether it is whole.

``reward.yaml`` holds a weight per feature of ``step_features.py``, perhaps a map of places, where
all of it came from, the contract, and the sha256 of the rest. Reading one runs no code from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ilw_core.contract.file import Contract, parse_contract
from ilw_core.contract.schema import LARGEST, Section, shown
from ilw_core.contract.yaml_data import parse_yaml, read_text, yaml_text
from ilw_core.errors import ContractError
from ilw_core.storage.files import write_file
from ilw_learner.rewards.step_features import StepTensors, features_of, measure, pose_columns

SCHEMA = 'ilw.reward/1'
MAX_BYTES = 8_000_000
_DIGITS = 9


@dataclass(frozen=True)
class PlaceRewards:
    """A reward per step that depends on the place it leads to."""

    origin: tuple[float, float]
    """Lower x and y [m]"""
    size: tuple[float, float]
    """Of a place [m]"""
    values: np.ndarray
    """(nx, ny) float64"""


@dataclass(frozen=True)
class RecoveredReward:
    """What was found: the reward of a step is linear in its features."""

    contract: Contract
    method: str
    """How it was found"""
    weights: dict[str, float]
    """Feature -> reward per unit of it"""
    places: PlaceRewards | None = None
    discount: float = 1.0
    """What a step counts in an episode's return, to the power of the steps before it"""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Feature -> where its weight is with 95 % certainty; of every feature that was tried"""
    provenance: dict[str, Any] = field(default_factory=dict)
    """What it was recovered from, and how well that went"""
    hash: str = ''
    """sha256 hex of the file's content; empty before it was saved"""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Features that were tried, and of which nothing was shown: they earn nothing."""
        return tuple(name for name in self.intervals if name not in self.weights)

    @property
    def taken(self) -> tuple[str, ...]:
        """Features whose weight follows from the others': nothing was shown of it by itself."""
        return tuple(name for name in self.weights
                     if self.intervals and name not in self.intervals)

    def of(self, steps: StepTensors) -> Tensor:
        """Return the reward of each step, (N,) float32, on the device of the steps."""
        weights = torch.tensor(list(self.weights.values()), device=steps.before.device)
        reward: Tensor = measure(self.contract, list(self.weights), steps).float() @ weights
        if self.places is not None:
            reward = reward + self._of_place(steps.after)
        return reward

    def _of_place(self, obs: Tensor) -> Tensor:
        assert self.places is not None
        x, y, _, _ = pose_columns(self.contract)
        values = torch.tensor(self.places.values, dtype=torch.float32, device=obs.device)
        at = [((obs[:, column] - low) / size).floor().long().clamp(0, count - 1)
              for column, low, size, count in zip(
                  (x, y), self.places.origin, self.places.size, values.shape, strict=True)]
        found: Tensor = values[at[0], at[1]]
        return found

    def times(self, factor: float) -> 'RecoveredReward':
        """Return it in another measure, whose factor is above 0: what is best stays best."""
        places = self.places and replace(self.places, values=factor * self.places.values)
        return replace(
            self, places=places,
            weights={name: factor * value for name, value in self.weights.items()},
            intervals={name: (factor * low, factor * high)
                       for name, (low, high) in self.intervals.items()})


def save_reward(path: Path, reward: RecoveredReward) -> RecoveredReward:
    """Write a reward; return it as it is read back."""
    data: dict[str, Any] = {
        'schema': SCHEMA, 'task': reward.contract.name, 'contract_hash': reward.contract.hash,
        'method': reward.method,
        'weights': {name: round(value, _DIGITS) for name, value in reward.weights.items()},
        'discount': reward.discount}
    if reward.intervals:
        data['intervals'] = {name: [round(end, _DIGITS) for end in ends]
                             for name, ends in reward.intervals.items()}
    if reward.places is not None:
        data['places'] = {
            'origin_m': list(reward.places.origin), 'size_m': list(reward.places.size),
            'values': np.round(reward.places.values, _DIGITS).tolist()}
    data |= {'provenance': reward.provenance, 'contract_text': reward.contract.text}
    data['hash'] = _digest(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, yaml_text(data, short_lists=True))
    return load_reward(path)


def load_reward(path: Path, contract: Contract | None = None) -> RecoveredReward:
    """
    Read and check a reward.

    :param contract: the contract in use; ``None`` accepts any.
    :raises ContractError: it is no such file, was changed since, or is for another contract.
    """
    try:
        text = read_text(path, 'a reward', MAX_BYTES)
    except ContractError as error:
        raise ContractError(f'{error} Make one: ./ilw reward recover EPISODES --task TASK '
                            f'--out FILE.') from error
    data = parse_yaml(text, str(path))
    root = Section(data, str(path))
    schema = root.text('schema')
    if schema != SCHEMA:
        raise root.error('schema', f'{SCHEMA!r}, the only one this ILW knows', schema)
    digest = root.text('hash')
    if digest != _digest({key: value for key, value in data.items() if key != 'hash'}):
        raise ContractError(f'{path} is not the file that was saved: its hash differs. Recover '
                            f'the reward again or copy it anew.')
    own = parse_contract(root.text('contract_text'), f'{path}: contract_text')
    if own.hash != root.text('contract_hash') or own.name != root.text('task'):
        raise ContractError(f'{path}: contract_hash and task must be those of contract_text. '
                            f'Recover the reward again.')
    if contract is not None and own.hash != contract.hash:
        raise ContractError(
            f'{path} is a reward for the contract {own.name} ({own.hash[:12]}), but '
            f'{contract.name} ({contract.hash[:12]}) is in use. Recover one for this task.')
    section = root.section('weights')
    known = features_of(own)
    weights = {name: section.number(name, 0.0, low=-LARGEST, high=LARGEST) for name in known
               if section.has(name)}
    section.done()
    discount = root.number('discount', 1.0, low=0.0, high=1.0)  # older files have none
    intervals = _intervals(root.section('intervals'), known) if root.has('intervals') else {}
    root.take('intervals')
    method, provenance = root.text('method'), root.take('provenance', {})
    places = _places(root.section('places'), own) if root.has('places') else None
    root.take('places')
    root.done()
    if not weights:
        raise ContractError(f'{path}: weights must have at least one of {", ".join(known)}.')
    if not isinstance(provenance, dict):
        raise root.error('provenance', 'a mapping (key: value)', shown(provenance))
    return RecoveredReward(own, method, weights, places, discount, intervals, provenance, digest)


def _intervals(section: Section, known: Iterable[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for name in known:
        if section.has(name):
            low, high = section.numbers(name, 2)
            if low > high:
                raise section.error(name, 'the lower number first', [low, high])
            found[name] = (low, high)
    section.done()
    return found


def _places(section: Section, contract: Contract) -> PlaceRewards:
    pose_columns(contract)
    origin, size = section.numbers('origin_m', 2), section.numbers('size_m', 2)
    rows = section.take('values', required=True)
    section.done()
    try:
        values = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 2 or not values.size or not (np.abs(values) <= LARGEST).all():
        raise section.error('values', 'rows of finite numbers, all of one length', rows)
    if min(size) <= 0.0:
        raise section.error('size_m', 'two numbers above 0', size)
    return PlaceRewards((origin[0], origin[1]), (size[0], size[1]), values)


def _digest(data: dict[str, Any]) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(',', ':'), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
