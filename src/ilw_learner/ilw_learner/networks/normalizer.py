"""Map each feature to zero mean and unit spread; what hardly changes is not divided by that."""

from dataclasses import dataclass
import math

import numpy as np

_STILL = 0.01
"""A spread below this part of a feature's range is noise: nothing was learned of the rest"""
_UNKNOWN, _GIVEN = 0.25, 0.01
"""Scale of such a feature in parts of its range, where it is observed and where it is acted"""


@dataclass(frozen=True)
class Normalizer:
    """``(x - mean) / scale`` and back."""

    mean: np.ndarray
    """(D,) float32"""
    scale: np.ndarray
    """(D,) float32, never zero"""

    @staticmethod
    def of_observations(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> 'Normalizer':
        """
        Measure ``(..., D)`` values within (D,) bounds.

        What hardly changed in the demonstrations, as a gripper that was never closed, and does
        later is a small change to the network, not thousands of spreads.
        """
        return _measured(values, low, high, _UNKNOWN)

    @staticmethod
    def of_actions(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> 'Normalizer':
        """Measure ``(..., D)`` values within (D,) bounds; one never changed stays what it was."""
        return _measured(values, low, high, _GIVEN)

    @staticmethod
    def of_bounds(low: np.ndarray, high: np.ndarray) -> 'Normalizer':
        """Return the map that takes (D,) bounds to -2 and 2, where no data is there to measure."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        return Normalizer((0.5 * (low + high)).astype(np.float32),
                          (0.25 * (high - low)).astype(np.float32))


def _measured(values: np.ndarray, low: np.ndarray, high: np.ndarray, still: float) -> Normalizer:
    flat = np.asarray(values, dtype=np.float64).reshape(
        math.prod(values.shape[:-1]), values.shape[-1])
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    width = np.asarray(high, dtype=np.float64) - low
    scale = np.where(spread < _STILL * width, still * width, spread)
    scale = np.where(scale > 0.0, scale, 1.0)  # bounds that leave it one value
    return Normalizer(mean.astype(np.float32), scale.astype(np.float32))
