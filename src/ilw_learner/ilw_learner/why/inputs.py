"""The named inputs of a policy: which numbers of an observation each is, and what not seen is."""

from dataclasses import dataclass, replace

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic

NOTHING_SEEN, DATA_MEAN = 'nothing seen', 'mean of the data'


@dataclass(frozen=True)
class NamedInput:
    """One entry of a contract's ``observation`` that is a vector."""

    name: str
    columns: slice
    """Which numbers of an observation it is"""
    entries: tuple[str, ...]
    """(D,) what each number is, unit included"""
    blank: np.ndarray
    """(D,) float32 that stand for it when it is not to be seen"""
    blank_is: str
    """``nothing seen`` of a lidar: its largest range; else ``mean of the data``"""
    bearings_rad: np.ndarray | None = None
    """(D,) where each sector of a lidar looks, counter-clockwise from ahead; ``None``: no lidar"""
    hidden: bool = False
    """No policy sees it"""

    @property
    def dim(self) -> int:
        """Numbers in it, D."""
        return len(self.entries)


def named_inputs(contract: Contract, obs: np.ndarray) -> tuple[NamedInput, ...]:
    """
    Return the vector inputs of a contract; images are beside them.

    :param obs: ``(N, To, Do)`` observations to take means of.
    """
    found, begin = [], 0
    for source in contract.sources:
        if source.feature.is_image:
            continue
        columns = slice(begin, begin := begin + source.feature.dim)
        found.append(replace(_named(source, columns, obs[..., columns]),
                             hidden=source.name in contract.hidden))
    return tuple(found)


def _named(source: ObservedTopic, columns: slice, values: np.ndarray) -> NamedInput:
    feature, sectors = source.feature, source.feature.sectors
    if sectors is None:
        mean = values.reshape(-1, feature.dim).mean(axis=0, dtype=np.float64)
        return NamedInput(source.name, columns, feature.names, mean.astype(np.float32), DATA_MEAN)
    return NamedInput(source.name, columns, feature.names,
                      np.array(feature.high, dtype=np.float32), NOTHING_SEEN,
                      sectors.centres_rad)


def blank_observation(inputs: tuple[NamedInput, ...]) -> np.ndarray:
    """Return the observation in which nothing is seen, ``(Do,)`` float32."""
    return np.concatenate([each.blank for each in inputs])
