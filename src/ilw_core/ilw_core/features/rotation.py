"""Headings out of quaternions; what is no rotation has none."""

import math
from typing import Any

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
