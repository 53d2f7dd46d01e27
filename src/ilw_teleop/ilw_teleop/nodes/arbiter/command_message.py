"""One command of the contract as a message, filled again and again."""

from typing import Any

from ilw_core.contract.command_topic import CommandTopic
from ilw_core.contract.field_path import steps_of
from ilw_core.errors import ContractError
from ilw_ros.convert import message_class
from ilw_ros.message_slots import Slot, set_constant, unset


class CommandMessage:
    """
    One message object that commands the robot.

    :param kind: type that the robot takes; empty: the contract's.
    :raises ContractError: a field of the contract is not a number of this message, or nothing sets
        a neighbour of it in a sequence.
    :raises IlwError: the message type is not installed.
    """

    def __init__(self, command: CommandTopic, kind: str = '') -> None:
        self.type = kind or command.type
        self.kind = message_class(self.type)
        self._message = self.kind()
        constants = command.constants if self.type == command.type else ()
        for path, value in constants:
            set_constant(self._message, path, value, command.where)
        paths = {path: steps_of(path) for path in command.paths_in(self.type)}
        self._slots = [Slot(self._message, path, steps, command.where)
                       for path, steps in paths.items()]
        gap = unset(self._message, paths.values(), [steps_of(path) for path, _ in constants])
        if gap:
            raise ContractError(f'{command.where}: {gap} must be set by a field of the action or '
                                f'under `set`, as its neighbours are. It is not.')
        self._header = getattr(self._message, 'header', None)

    def fill(self, stamp: Any, values: list[float]) -> Any:
        """Return the message with these ``(Dc,)`` values; the same object every time."""
        if self._header is not None:
            self._header.stamp = stamp
        for slot, value in zip(self._slots, values, strict=True):
            slot.put(value)
        return self._message
