"""Where a base stands on the plane, and its heading."""

import math

from ilw_core.contract.schema import Section
from ilw_core.features.rotation import yaw
from ilw_core.features.spec import QUATERNION, FeatureSpec, paths


def pose2d(name: str, options: Section) -> FeatureSpec:
    x_min, x_max = options.numbers('x_m', 2)
    y_min, y_max = options.numbers('y_m', 2)

    def one(x: float, y: float, *orientation: float) -> tuple[float, ...]:
        heading = yaw(*orientation)
        return x, y, math.sin(heading), math.cos(heading)

    return FeatureSpec(
        name, 'pose2d', (f'{name}.x_m', f'{name}.y_m', f'{name}.yaw_sin', f'{name}.yaw_cos'),
        (x_min, y_min, -1.0, -1.0), (x_max, y_max, 1.0, 1.0),
        paths(name, 'pose.pose.position.x', 'pose.pose.position.y', *QUATERNION), one)
