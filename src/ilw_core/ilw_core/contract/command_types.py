"""Where an action's fields are in a command message: a twist may come with or without a stamp."""

from ilw_core.contract.action import ActionSpec
from ilw_core.errors import ContractError

_TWISTS = {'geometry_msgs/msg/TwistStamped': 'twist.', 'geometry_msgs/msg/Twist': ''}
"""Type -> what the path of a twist's field begins with"""


def same_command(kind: str, other: str) -> bool:
    """Tell whether two message types hold the same command."""
    return kind == other or {kind, other} <= set(_TWISTS)


def fields_in(action: ActionSpec, kind: str) -> tuple[str, ...]:
    """
    Return the dotted path of each action field in messages of ``kind``, ``(Da,)``.

    :raises ContractError: messages of this type cannot hold the action.
    """
    if kind == action.type:
        return action.names
    if not same_command(kind, action.type):
        raise ContractError(f'A command of type {action.type} cannot be sent as {kind}. Use the '
                            f'type of the contract, or a Twist for a TwistStamped.')
    before, now = _TWISTS[action.type], _TWISTS[kind]
    return tuple(now + name.removeprefix(before) for name in action.names)
