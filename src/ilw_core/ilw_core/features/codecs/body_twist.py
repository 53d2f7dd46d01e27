"""How fast a base drives and turns."""

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.features.spec import FeatureSpec, paths


def body_twist(name: str, options: Section) -> FeatureSpec:
    speed_max_mps = options.number('speed_max_mps', 2.0, low=0.01, high=100.0)
    turn_max_radps = options.number('turn_max_radps', 6.0, low=0.01, high=100.0)

    def one(forward_mps: float, turn_radps: float) -> tuple[float, ...]:
        return forward_mps, turn_radps

    def many(forward_mps: np.ndarray, turn_radps: np.ndarray) -> np.ndarray:
        return np.stack([forward_mps, turn_radps], axis=1).astype(np.float32)

    return FeatureSpec(
        name, 'body_twist', (f'{name}.forward_mps', f'{name}.turn_radps'),
        (-speed_max_mps, -turn_max_radps), (speed_max_mps, turn_max_radps),
        paths(name, 'twist.twist.linear.x', 'twist.twist.angular.z'), one, many,
        ((0, 1), (1.0, -1.0)))
