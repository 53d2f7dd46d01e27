"""What a reward may depend on: features of a step, made of what a contract observes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import ContractError

NEAR_M = 0.5
"""What is nearer than this counts as near"""
GAINS = ('goal', 'progress_m')
"""Features of which an episode has only so much, whoever drives; of the others a driver can have
as much as there is time for"""


@dataclass(frozen=True)
class StepTensors:
    """N steps."""

    before: Tensor
    """(N, Do) what was observed, contract units"""
    after: Tensor
    """(N, Do) what the step led to"""
    arrived: Tensor
    """(N,) bool: it ended with success"""
    collided: Tensor
    """(N,) bool: it ended without, before the time was up"""


Feature = Callable[[StepTensors], Tensor]
"""Steps -> (N,) float32"""


def features_of(contract: Contract) -> dict[str, Feature]:
    """
    Return what can be known of a step of a contract, by name.

    ``goal`` and ``collision``: 1 in the step that ends so. ``step``: 1 in each. ``progress_m``:
    how much nearer the goal came [m]. ``near``: 0 from ``NEAR_M`` on, 1 where the nearest lidar
    return touches the lidar. ``turn_rad``: how far it turned, either way [rad].
    """
    found: dict[str, Feature] = {
        'goal': lambda steps: steps.arrived.float(),
        'collision': lambda steps: steps.collided.float(),
        'step': lambda steps: torch.ones_like(steps.before[:, 0])}
    names = list(contract.obs_names)
    beams = [names.index(name) for name in _of(contract, 'lidar_sectors')]
    if distance := _only(contract, 'goal_polar', '.distance_m'):
        at = names.index(distance)
        found['progress_m'] = lambda steps: steps.before[:, at] - steps.after[:, at]
    if beams:
        found['near'] = lambda steps: (
            1.0 - steps.after[:, beams].amin(dim=1) / NEAR_M).clamp(min=0.0)
    if turn := _only(contract, 'body_twist', '.turn_radps'):
        column, period_s = names.index(turn), 1.0 / contract.rate_hz
        found['turn_rad'] = lambda steps: steps.after[:, column].abs() * period_s
    return found


def measure(contract: Contract, names: Sequence[str], steps: StepTensors) -> Tensor:
    """
    Return the named features of steps, (N, F).

    :raises ContractError: the contract does not observe what one of them needs.
    """
    known = features_of(contract)
    for name in names:
        if name not in known:
            raise ContractError(f'{contract.name}: a reward may use {", ".join(known)}. Got '
                                f'{shown(name)}. Recover it anew, for this contract.')
    return torch.stack([known[name](steps) for name in names], dim=1)


def pose_columns(contract: Contract) -> tuple[int, int, int, int]:
    """
    Return where x, y, sine and cosine of the heading are in an observation.

    :raises ContractError: the contract observes no ``pose2d``.
    """
    names = list(contract.obs_names)
    poses = _of(contract, 'pose2d')
    if len(poses) != 4:
        raise ContractError(f'{contract.name}: a map of rewards needs one pose2d among the '
                            f'observations. Recover the reward with --method linear.')
    x, y, sin, cos = (names.index(name) for name in poses)
    return x, y, sin, cos


def goal_columns(contract: Contract) -> tuple[int, int, int] | None:
    """Return where distance, sine and cosine of the bearing of the one goal are; None: none is."""
    names = list(contract.obs_names)
    found = [_only(contract, 'goal_polar', tail)
             for tail in ('.distance_m', '.bearing_sin', '.bearing_cos')]
    distance, sin, cos = (None if each is None else names.index(each) for each in found)
    return None if distance is None or sin is None or cos is None else (distance, sin, cos)


def steps_of(episode: Episode) -> StepTensors:
    """Return all T steps of a recorded episode; what was not observed is 0 in them."""
    last = np.arange(len(episode.actions)) == len(episode.actions) - 1
    return of_arrays(episode.obs[:-1], episode.obs[1:],
                     last & (episode.outcome is Outcome.SUCCESS),
                     last & (episode.stop_reason == 'collision'))


def of_arrays(before: np.ndarray, after: np.ndarray, arrived: np.ndarray,
              collided: np.ndarray) -> StepTensors:
    """Return steps that are arrays."""
    return StepTensors(*(torch.as_tensor(np.ascontiguousarray(each)) for each in (
        before, after, arrived, collided)))


def _of(contract: Contract, kind: str) -> tuple[str, ...]:
    """Return the observed numbers of a codec."""
    return tuple(name for source in contract.sources if source.feature.kind == kind
                 for name in source.feature.names)


def _only(contract: Contract, kind: str, tail: str) -> str | None:
    """Return the one observed number of a codec whose name ends so; ``None``: not one."""
    found = [name for name in _of(contract, kind) if name.endswith(tail)]
    return found[0] if len(found) == 1 else None
