"""Left and right are alike: reflect observations and actions, where the contract says how."""

from dataclasses import replace

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import ODD
from ilw_core.episode import Episode
from ilw_core.errors import ContractError


def reflections(contract: Contract) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Return how a mirror changes an observation and an action.

    :returns: ``(Do,)`` source index, ``(Do,)`` sign, ``(Da,)`` sign of each action value.
    :raises ContractError: an observation has no reflection (a pose on a map, say).
    """
    index, sign, offset = [], [], 0
    for source in contract.sources:
        if source.feature.mirror is None:
            raise ContractError(f'{source.name} ({source.feature.kind}) has no mirror image; '
                                f'set mirror: false in the training configuration.')
        order, signs = source.feature.mirror
        index += [offset + i for i in order]
        sign += signs
        offset += source.feature.dim
    odd = [-1.0 if path.endswith(ODD) else 1.0 for path in contract.action.paths]
    return np.array(index), np.array(sign, np.float32), np.array(odd, np.float32)


def mirrored(episode: Episode, contract: Contract) -> Episode:
    """Return the reflection of an episode."""
    index, sign, odd = reflections(contract)
    return replace(episode, obs=episode.obs[:, index] * sign,
                   obs_valid=episode.obs_valid[:, index], actions=episode.actions * odd)


def with_mirror_images(
    obs: np.ndarray, actions: np.ndarray, contract: Contract,
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(N, To, Do)`` and ``(N, Ta, Da)`` followed by their reflections, 2N in all."""
    index, sign, odd = reflections(contract)
    return (np.concatenate([obs, obs[..., index] * sign]),
            np.concatenate([actions, actions * odd]))
