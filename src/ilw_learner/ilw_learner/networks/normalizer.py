"""Map each feature to zero mean and unit spread; constant ones are named, not divided by."""

from dataclasses import dataclass
import math

import numpy as np

_CONSTANT = 1e-6
"""A spread below this part of the feature's magnitude is no spread"""


@dataclass(frozen=True)
class Normalizer:
    """``(x - mean) / scale`` and back."""

    mean: np.ndarray
    """(D,) float32"""
    scale: np.ndarray
    """(D,) float32, never zero"""
    constant: tuple[int, ...]
    """Features that never changed; their scale is 1"""

    @staticmethod
    def fit(values: np.ndarray) -> 'Normalizer':
        """Measure ``(..., D)`` values."""
        flat = np.asarray(values, dtype=np.float64).reshape(
            math.prod(values.shape[:-1]), values.shape[-1])
        mean, spread = flat.mean(axis=0), flat.std(axis=0)
        still = spread <= _CONSTANT * np.maximum(1.0, np.abs(mean))
        scale = np.where(still, 1.0, spread)
        return Normalizer(mean.astype(np.float32), scale.astype(np.float32),
                          tuple(np.flatnonzero(still).tolist()))

    @staticmethod
    def of_bounds(low: np.ndarray, high: np.ndarray) -> 'Normalizer':
        """Return the map that takes (D,) bounds to -2 and 2, where no data is there to measure."""
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        return Normalizer((0.5 * (low + high)).astype(np.float32),
                          (0.25 * (high - low)).astype(np.float32), ())
