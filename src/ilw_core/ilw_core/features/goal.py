"""Where a goal lies, seen from the robot, and when a success there can hardly be one."""

from collections.abc import Sequence
import math

from ilw_core.contract.file import Contract

FARTHEST_M = 1e6
FAR_RATIO = 1.5
"""Of the goal's radius: odometry drifts, so a success a little outside is none to ask about"""


def polar(pose: Sequence[float], goal: Sequence[float]) -> tuple[float, float]:
    """
    Return distance [m] and bearing [rad, in (-pi, pi], left positive] of a goal.

    :param pose: x, y, yaw of the robot, in the frame of the goal.
    """
    dx, dy = goal[0] - pose[0], goal[1] - pose[1]
    bearing = math.atan2(dy, dx) - pose[2]
    return math.hypot(dx, dy), math.atan2(math.sin(bearing), math.cos(bearing))


def somewhere(*numbers: float) -> bool:
    """Tell whether coordinates [m] and angles [rad] can be of a place on a map."""
    return all(math.isfinite(number) and abs(number) < FARTHEST_M for number in numbers)


def far_from_goal(distance_m: float, radius_m: float) -> bool:
    """Tell whether a success at this distance is to be doubted; never where no radius counts."""
    return 0.0 < FAR_RATIO * radius_m < distance_m


def bearing_text(bearing_rad: float) -> str:
    """Return a bearing as a person says it."""
    degrees = round(math.degrees(bearing_rad))
    if abs(degrees) <= 5:
        return 'ahead'
    if abs(degrees) >= 175:
        return 'behind'
    return f'{abs(degrees)}° {"left" if degrees > 0 else "right"}'


def topics_of(contract: Contract) -> tuple[str, str]:
    """
    Return the topics of odometry and goal: the contract's, else the usual ones.

    A pose that holds until the next is a goal; others tell where a tool or a thing is.
    """
    by_type = {source.type: source.topic for source in reversed(contract.sources)
               if source.type != 'geometry_msgs/msg/PoseStamped' or source.align.how == 'hold'}
    return (by_type.get('nav_msgs/msg/Odometry', 'odom'),
            by_type.get('geometry_msgs/msg/PoseStamped', 'goal'))
