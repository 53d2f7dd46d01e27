"""
Contracts of one family: alike in observation, action and rate, so that one policy can serve them.

What may differ is what the policy neither sees nor commands: the name, when an episode ends, the
reward, the simulated scene, the guards of ``safety``, the stick.
"""

from collections.abc import Sequence
from dataclasses import replace
import json
import math
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import Align, ObservedTopic
from ilw_core.contract.yaml_data import parse_yaml
from ilw_core.errors import ContractError
from ilw_core.features.spec import FeatureSpec

TASK_ENTRY = 'task'
"""The entry of an observation that tells a policy of several tasks which one it is to do"""


def why_not_one_family(one: Contract, other: Contract) -> str:
    """Return what two contracts would have to have alike, and have not; empty: one family."""
    if one.rate_hz != other.rate_hz:
        return f'{one.name} has {one.rate_hz:g} ticks a second, {other.name} {other.rate_hz:g}'
    texts = [parse_yaml(each.text, each.name) for each in (one, other)]
    for part in ('observation', 'action'):
        a, b = (text[part] for text in texts)
        for key in dict.fromkeys((*a, *b)):
            if _canonical(a.get(key)) != _canonical(b.get(key)):
                return f'{part}.{key} of {one.name} is not that of {other.name}'
        if part == 'observation' and list(a) != list(b):
            return f'{one.name} observes the same in another order than {other.name}'
    return ''


def require_family(contracts: Sequence[Contract]) -> None:
    """
    Refuse contracts that one policy cannot serve.

    :raises ContractError: they are not of one family, or two have the same name.
    """
    first, names = contracts[0], [each.name for each in contracts]
    if len({*names}) < len(names):
        raise ContractError(f'The tasks of a policy must have names of their own. Got '
                            f'{", ".join(names)}.')
    for other in contracts[1:]:
        if why := why_not_one_family(first, other):
            raise ContractError(f'One policy cannot serve {first.name} and {other.name}: {why}. '
                                f'Tasks of a policy observe and command the same.')


def with_task_entry(contract: Contract, tasks: Sequence[str]) -> Contract:
    """
    Return the contract as the network of a policy of several tasks sees it.

    One entry more is observed, ``task``: K numbers, one of them 1. No message holds it: whoever
    runs the network adds it; see ``task_values``. Hash and text stay those of the contract.

    :param tasks: (K,) names of the tasks, in the order in which the network learned them.
    :raises ContractError: the contract observes something of that name.
    """
    if any(source.name == TASK_ENTRY for source in contract.sources):
        raise ContractError(f'{contract.name} observes an entry called {TASK_ENTRY}, as what a '
                            f'policy of several tasks is told is called. Rename the entry.')
    count = len(tasks)
    feature = FeatureSpec(
        name=TASK_ENTRY, kind=TASK_ENTRY, names=tuple(f'task[{name}]' for name in tasks),
        low=(0.0,) * count, high=(1.0,) * count, fields=(), one=lambda: (math.nan,) * count,
        mirror=(tuple(range(count)), (1.0,) * count))
    return replace(contract, sources=(*contract.sources, ObservedTopic(
        TASK_ENTRY, '', '', Align('hold', 0), feature)))


def task_values(task: str, tasks: Sequence[str]) -> np.ndarray:
    """Return what ``with_task_entry`` adds to an observation, (K,) float32."""
    return np.array([name == task for name in tasks], dtype=np.float32)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
