"""What two contracts have in common: which numbers and commands are the same, by name."""

from collections.abc import Sequence

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic


def places(names: Sequence[str], of: Sequence[str]) -> np.ndarray:
    """Return where each name stands in another list, (D,) int64; -1: nowhere."""
    return np.array([of.index(name) if name in of else -1 for name in names], dtype=np.int64)


def same_observed(contract: Contract, other: Contract) -> np.ndarray:
    """
    Return where another contract has each observed number, (Do,) int64; -1: nowhere.

    The same is what has the same name, is read by the same codec, and of a lidar looks the same
    way: ``lidar.3_m`` of 36 sectors is another thing than that of 18.
    """
    found = places(contract.obs_names, other.obs_names)
    known = {source.name: source for source in other.sources}
    offset = 0
    for source in contract.sources:
        end = offset + source.feature.dim
        if not _alike(source, known.get(source.name)):
            found[offset:end] = -1
        offset = end
    return found


def _alike(one: ObservedTopic, other: ObservedTopic | None) -> bool:
    return (other is not None and one.feature.kind == other.feature.kind
            and one.feature.sectors == other.feature.sectors)


def why_it_cannot_drive(policy: Contract, task: Contract) -> str:
    """
    Return why a policy of one contract cannot drive the task of another; empty if it can.

    It can where its ticks are as long, the task observes all that it sees, and it commands all
    that the task's robot obeys. Ranges may differ: they are the task's.
    """
    if policy.rate_hz != task.rate_hz:
        return f'{policy.name} has {policy.rate_hz:g} ticks a second, {task.name} {task.rate_hz:g}'
    if policy.images or task.images:
        return 'a policy that sees images is driven in its own task only'
    unseen = [name for name, place in zip(policy.obs_names, same_observed(policy, task),
                                          strict=True) if place < 0]
    if unseen:
        return f'{task.name} does not observe {_listed(unseen)}'
    idle = [name for name in task.action.names if name not in policy.action.names]
    if idle:
        return f'a policy of {policy.name} does not command {_listed(idle)}'
    return ''


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} more'
