"""Read a training configuration: one algorithm, its values, and what single tasks do otherwise."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
import math
from pathlib import Path
import re
from typing import Any

from ilw_core.contract.schema import shown
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms import ALGORITHMS, Algorithm
from ilw_learner.training.options import TrainConfig

MAX_BYTES = 100_000
_LARGEST = 1_000_000_000
_NAME = re.compile(r'[A-Za-z0-9_]{1,64}')


@dataclass(frozen=True)
class ConfigValue:
    """One value of a training, and where it comes from."""

    name: str
    value: Any
    origin: str
    """File and section; ``default`` where no file says it"""


def load_config(path: Path, task: str,
                algorithms: Mapping[str, Algorithm] = ALGORITHMS) -> tuple[str, TrainConfig]:
    """
    Return the algorithm's name and its values for a task.

    :param path: a file as ``config/train/bc.yaml``; see ``explain_config``.
    :raises ContractError: not YAML, an unknown key, or a value of the wrong kind.
    """
    algorithm, config, _ = explain_config(path, task, algorithms)
    return algorithm, config


def explain_config(path: Path, task: str, algorithms: Mapping[str, Algorithm] = ALGORITHMS,
                   ) -> tuple[str, TrainConfig, list[ConfigValue]]:
    """
    Return the algorithm's name, its values, and each of them with its origin.

    What counts, the last first: ``tasks: TASK:`` of the file, its other keys, the same two of the
    file that ``base`` names, the default.

    :raises ContractError: not YAML, an unknown key, or a value of the wrong kind.
    """
    data = _read(path)
    if data.get('algorithm') not in algorithms:
        raise ContractError(f'{path}: algorithm must be one of {", ".join(algorithms)}.')
    algorithm = str(data['algorithm'])
    kind = algorithms[algorithm].config
    found = {each.name: ConfigValue(each.name, each.default, 'default') for each in fields(kind)
             if each.default is not MISSING}
    base = data.pop('base', None)
    if base is not None:
        if not isinstance(base, str) or not _NAME.fullmatch(base):
            raise ContractError(f'{path}: base must be the name of a file in config/train, as '
                                f'dqn. Got {shown(base)}.')
        file = config_file('train', base)
        under = _read(file)
        if 'base' in under:
            raise ContractError(f'{path}: base must name a file without a base. {file} has one.')
        other = algorithms.get(under['algorithm'], ALGORITHMS.get(under['algorithm']))
        if other is None or other.config is not kind:
            raise ContractError(f'{path}: base must be of an algorithm with the same values as '
                                f'{algorithm}. Got {base}, of {under["algorithm"]}.')
        found |= _given(kind, file, under, task)
    found |= _given(kind, path, data, task)
    try:
        config = kind(**{name: each.value for name, each in found.items()})
    except ValueError as error:
        raise ContractError(f'{path}: {error}') from error
    return algorithm, config, list(found.values())


def _read(path: Path) -> dict[str, Any]:
    data = read_yaml(path, 'a training configuration', MAX_BYTES)
    if not isinstance(data, dict) or not isinstance(data.get('algorithm'), str):
        raise ContractError(f'{path}: algorithm must be one of {", ".join(ALGORITHMS)}.')
    return data


def _given(kind: type[TrainConfig], path: Path, data: dict[str, Any],
           task: str) -> dict[str, ConfigValue]:
    """Return what a file says for a task, checked whole."""
    values = {key: value for key, value in data.items() if key not in ('algorithm', 'tasks')}
    tasks = data.get('tasks') or {}
    if not isinstance(tasks, dict) or not all(isinstance(v, dict) for v in tasks.values()):
        raise ContractError(f'{path}: tasks must map the name of a contract to keys and values.')
    for name, section in (('', values), *((f'tasks.{n}.', each) for n, each in tasks.items())):
        for key, value in section.items():
            _check(kind, path, f'{name}{key}', key, value)
    of_task = {key: f'{path}, tasks.{task}' for key in tasks.get(task, {})}
    return {key: ConfigValue(key, tuple(value) if isinstance(value, list) else value,
                             of_task.get(key, str(path)))
            for key, value in {**values, **tasks.get(task, {})}.items()}


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
