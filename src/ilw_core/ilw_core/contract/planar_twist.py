"""Where an action has the forward speed and the turn rate of a base that drives on the plane."""

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import CommandTopic
from ilw_core.errors import ContractError

FORWARD, TURN = 'linear.x', 'angular.z'
"""What the path of the field ends in; REP 103: forward and left are positive"""
ASIDE = ('linear.y', 'linear.z', 'angular.x', 'angular.y')
"""The other four of a twist"""


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
