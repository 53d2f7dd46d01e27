"""Where a goal lies, seen from the robot."""

import math

from ilw_core.contract.schema import Section
from ilw_core.features.rotation import yaw
from ilw_core.features.spec import QUATERNION, FeatureSpec, paths


def goal_polar(name: str, options: Section) -> FeatureSpec:
    pose_entry = options.text('pose_from')
    distance_max_m = options.number('distance_max_m', 20.0, low=0.1, high=1e6)

    def one(goal_x: float, goal_y: float, x: float, y: float,
            *orientation: float) -> tuple[float, ...]:
        dx, dy = goal_x - x, goal_y - y
        if not math.isfinite(dx + dy):  # a goal at infinity is none
            return math.nan, math.nan, math.nan
        bearing = math.atan2(dy, dx) - yaw(*orientation)
        return min(math.hypot(dx, dy), distance_max_m), math.sin(bearing), math.cos(bearing)

    return FeatureSpec(
        name, 'goal_polar', (f'{name}.distance_m', f'{name}.bearing_sin', f'{name}.bearing_cos'),
        (0.0, -1.0, -1.0), (distance_max_m, 1.0, 1.0),
        paths(name, 'pose.position.x', 'pose.position.y') + paths(
            pose_entry, 'pose.pose.position.x', 'pose.pose.position.y', *QUATERNION),
        one, mirror=((0, 1, 2), (1.0, -1.0, 1.0)))
