"""Headings and matrices out of quaternions; what is no rotation has none."""

import math
from typing import Any

import numpy as np

_SLACK = 0.02
"""Of a quaternion's squared length: drivers round"""


def yaw_of(orientation: Any) -> float:
    """Return the heading of a quaternion [rad], in (-pi, pi]; NaN where it is no rotation."""
    return yaw(orientation.x, orientation.y, orientation.z, orientation.w)


def yaw(x: float, y: float, z: float, w: float) -> float:
    """Return the heading of a quaternion [rad], in (-pi, pi]; NaN where it is no rotation."""
    if not abs(x * x + y * y + z * z + w * w - 1.0) <= _SLACK:
        return math.nan
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def matrices(x: np.ndarray, y: np.ndarray, z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """
    Return the rotation matrices of N quaternions, ``(N, 3, 3)``; NaN where it is no rotation.

    The columns are the axes of the turned frame, seen from the one it is given in. Sums and
    products only, so one quaternion gives the same bits alone as among others.
    """
    with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
        x, y, z, w = (np.asarray(part, dtype=np.float64) for part in (x, y, z, w))
        length = x * x + y * y + z * z + w * w
        s = np.where(np.abs(length - 1.0) <= _SLACK, 2.0 / length, np.nan)
        rows = ((1.0 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)),
                (s * (x * y + w * z), 1.0 - s * (x * x + z * z), s * (y * z - w * x)),
                (s * (x * z - w * y), s * (y * z + w * x), 1.0 - s * (x * x + y * y)))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
