"""Read a training configuration: one algorithm, its values, and what single tasks do otherwise."""

from collections.abc import Mapping
from dataclasses import fields
import math
from pathlib import Path
from typing import Any

from ilw_core.contract.schema import shown
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError
from ilw_learner.algorithms import ALGORITHMS, Algorithm
from ilw_learner.training.options import TrainConfig

MAX_BYTES = 100_000
_LARGEST = 1_000_000_000


def load_config(path: Path, task: str,
                algorithms: Mapping[str, Algorithm] = ALGORITHMS) -> tuple[str, TrainConfig]:
    """
    Return the algorithm's name and its values for a task.

    :param path: a file as ``config/train/bc.yaml``; keys under ``tasks: TASK:`` go before others.
    :raises ContractError: not YAML, an unknown key, or a value of the wrong kind.
    """
    data = read_yaml(path, 'a training configuration', MAX_BYTES)
    known = isinstance(data, dict) and isinstance(data.get('algorithm'), str)
    if not known or data['algorithm'] not in algorithms:
        raise ContractError(f'{path}: algorithm must be one of {", ".join(algorithms)}.')
    algorithm = data.pop('algorithm')
    kind = algorithms[algorithm].config
    tasks = data.pop('tasks', None) or {}
    if not isinstance(tasks, dict) or not all(isinstance(v, dict) for v in tasks.values()):
        raise ContractError(f'{path}: tasks must map the name of a contract to keys and values.')
    for name, section in (('', data), *((f'tasks.{n}.', values) for n, values in tasks.items())):
        for key, value in section.items():
            _check(kind, path, f'{name}{key}', key, value)
    try:
        values = {k: tuple(v) if isinstance(v, list) else v
                  for k, v in {**data, **tasks.get(task, {})}.items()}
        return algorithm, kind(**values)
    except ValueError as error:
        raise ContractError(f'{path}: {error}') from error


def _check(values: Any, path: Path, where: str, key: str, value: Any) -> None:
    known = {f.name: type(f.default) for f in fields(values)}
    if key not in known:
        raise ContractError(f'{path} has unknown key {shown(where)}. Known: {", ".join(known)}.')
    expected = known[key]
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(v, (int, float)) and not (math.isfinite(v) and abs(v) <= _LARGEST)
           for v in numbers):
        raise ContractError(f'{path}: {where} must be finite and at most {_LARGEST}. '
                            f'Got {shown(value)}.')
    if expected is tuple and isinstance(value, list) and all(type(v) is int for v in value):
        return
    if type(value) is not expected and not (expected is float and type(value) is int):
        kind = 'list of whole numbers' if expected is tuple else expected.__name__
        raise ContractError(f'{path}: {where} must be a {kind}. Got {shown(value)}.')
