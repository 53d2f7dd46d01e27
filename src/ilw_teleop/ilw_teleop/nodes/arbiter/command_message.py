"""The contract's command as a message, filled again and again."""

from operator import attrgetter
from typing import Any

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_types import fields_in
from ilw_core.errors import ContractError
from ilw_ros.convert import message_class


class CommandMessage:
    """
    One message object that commands the robot.

    :param kind: type that the robot takes; empty: the contract's.
    :raises ContractError: a field of the contract is not a number of this message.
    :raises IlwError: the message type is not installed.
    """

    def __init__(self, action: ActionSpec, kind: str = '') -> None:
        self.type = kind or action.type
        self.kind = message_class(self.type)
        self._message = self.kind()
        self._fields = []
        for name in fields_in(action, self.type):
            *parents, last = name.split('.')
            try:
                owner = attrgetter('.'.join(parents))(self._message) if parents else self._message
                is_number = isinstance(getattr(owner, last), float)
            except AttributeError:
                is_number = False
            if not is_number:
                raise ContractError(f'action.fields: {name!r} must be a floating point field of '
                                    f'{self.type}. It is not.')
            self._fields.append((owner, last))
        self._header = getattr(self._message, 'header', None)

    def fill(self, stamp: Any, values: list[float]) -> Any:
        """Return the message with these ``(Da,)`` values; the same object every time."""
        if self._header is not None:
            self._header.stamp = stamp
        for (owner, name), value in zip(self._fields, values, strict=True):
            setattr(owner, name, value)
        return self._message
