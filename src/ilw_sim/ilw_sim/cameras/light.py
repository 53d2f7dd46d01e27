"""The light that simulated cameras see in: how strong, and from where."""

from dataclasses import dataclass
import math
from typing import Any

_TO_LIGHT, _AMBIENT, _DIFFUSE = (0.6, -0.4, 1.5), 0.6, 0.5


@dataclass(frozen=True)
class Light:
    """The light that pictures are drawn in."""

    ratio: float = 1.0
    """Of its usual strength"""
    turn_rad: float = 0.0
    """So far it comes from further round to the left than usual, seen from above"""

    def options(self) -> dict[str, Any]:
        """Return what PyBullet's renderer takes."""
        x, y, z = _TO_LIGHT
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return {'lightDirection': [cos * x - sin * y, sin * x + cos * y, z],
                'lightColor': [1.0, 1.0, 1.0], 'lightDistance': 4.0,
                'lightAmbientCoeff': _AMBIENT * self.ratio,
                'lightDiffuseCoeff': _DIFFUSE * self.ratio, 'lightSpecularCoeff': 0.0}
