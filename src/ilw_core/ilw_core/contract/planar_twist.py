"""The planar twist: where messages and actions have forward speed and turn rate of a base."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import CommandTopic
from ilw_core.errors import ContractError

FORWARD, TURN = 'linear.x', 'angular.z'
"""What the path of the field ends in; REP 103: forward and left are positive"""
SIDEWAYS = 'linear.y'
ON_THE_PLANE = (FORWARD, SIDEWAYS, TURN)
TWIST = (FORWARD, SIDEWAYS, 'linear.z', 'angular.x', 'angular.y', TURN)
"""All six, in the order of ``geometry_msgs/Twist``"""
ASIDE = tuple(path for path in TWIST if path not in (FORWARD, TURN))
"""The other four of a twist"""
ODD = (SIDEWAYS, 'angular.x', TURN)
"""Those that change sign in a mirror (REP-103 axes)"""
ODOMETRY = (f'twist.twist.{FORWARD}', f'twist.twist.{TURN}')
"""Where ``nav_msgs/Odometry`` has forward speed and turn rate"""


def speeds_of(twist: Any) -> tuple[float, float]:
    """Return forward speed and turn rate of a ``geometry_msgs/Twist``."""
    return twist.linear.x, twist.angular.z


def sideways_of(twist: Any) -> float:
    """Return the speed to the left of a ``geometry_msgs/Twist``."""
    speed: float = twist.linear.y
    return speed


def set_speeds(twist: Any, forward_mps: float, turn_radps: float) -> None:
    """Write forward speed and turn rate into a ``geometry_msgs/Twist``."""
    twist.linear.x, twist.angular.z = float(forward_mps), float(turn_radps)


def plain_twist(forward_mps: float, turn_radps: float) -> SimpleNamespace:
    """Return a plain object shaped like a ``geometry_msgs/Twist``; its other four are 0."""
    return SimpleNamespace(linear=SimpleNamespace(x=float(forward_mps), y=0.0, z=0.0),
                           angular=SimpleNamespace(x=0.0, y=0.0, z=float(turn_radps)))


def field_index(action: ActionSpec, tail: str) -> int | None:
    """Return which field of an action has a path with this end; ``None``: none, or several."""
    found = [i for i, path in enumerate(action.paths) if path.endswith(tail)]
    return found[0] if len(found) == 1 else None


def twist_fields(action: ActionSpec, who: str) -> tuple[int, int]:
    """
    Return which fields of an action are forward speed and turn rate.

    :param who: needs them; opens the error.
    :raises ContractError: the contract commands something else than a planar twist.
    """
    forward, turn = field_index(action, FORWARD), field_index(action, TURN)
    if forward is None or turn is None:
        raise ContractError(f'{who} needs one action field that ends in {FORWARD} and one in '
                            f'{TURN}. The contract has: {", ".join(action.paths)}.')
    return forward, turn


def twist_command(action: ActionSpec) -> tuple[CommandTopic, tuple[int, int]] | None:
    """
    Return the command of a base, and where in its ``paths`` forward speed and turn rate are.

    ``None``: the action is no planar twist, or the two go out on different topics.
    """
    wanted = field_index(action, FORWARD), field_index(action, TURN)
    for command in action.commands:
        if wanted[0] in command.fields and wanted[1] in command.fields:
            return command, (command.fields.index(wanted[0]), command.fields.index(wanted[1]))
    return None


def spatial_twist(velocity: Sequence[float]) -> SimpleNamespace:
    """Return a ``geometry_msgs/Twist`` of six numbers: linear [m/s], then angular [rad/s]."""
    linear, angular = (
        SimpleNamespace(**{axis: float(v) for axis, v in zip('xyz', part, strict=True)})
        for part in (velocity[:3], velocity[3:]))
    return SimpleNamespace(linear=linear, angular=angular)
