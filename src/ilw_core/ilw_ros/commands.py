"""Hear the commands of a contract, which may come on several topics, as whole actions."""

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import CommandTopic
from ilw_core.contract.field_path import follow, steps_of
from ilw_ros.convert import header_ns, message_class

OnAction = Callable[[int | None, list[float]], None]
"""Stamp of the newest message's header [ns], ``None`` without one; ``(Da,)`` values"""


class CommandEar:
    """
    Calls back with the whole action once every topic has delivered.

    :param on_action: hears it at each message from then on.
    :param sent_as: of a command, the type that it comes as; by default the contract's.
    """

    def __init__(self, node: Node, action: ActionSpec, on_action: OnAction, qos: QoSProfile | int,
                 sent_as: Callable[[CommandTopic], str] = lambda command: command.type) -> None:
        self._on_action = on_action
        self._values = [float('nan')] * action.dim
        self._topics = frozenset(action.topics)
        self._unheard, self._awaited = set(self._topics), set(self._topics)
        for command in action.commands:
            kind = sent_as(command)
            steps = [steps_of(path) for path in command.paths_in(kind)]
            node.create_subscription(message_class(kind), command.topic,
                                     partial(self._on_command, command, steps), qos)

    @property
    def whole(self) -> bool:
        """Whether every topic has delivered since ``wait_anew``, or since the beginning."""
        return not self._awaited

    def wait_anew(self) -> None:
        """Wait for every topic again: what has come belongs to a decision that was carried out."""
        self._awaited = set(self._topics)

    def _on_command(self, command: CommandTopic, steps: list[tuple[str | int, ...]],
                    message: Any) -> None:
        try:
            values = [float(follow(message, each)) for each in steps]
        except IndexError:
            return  # a sequence is too short: somebody else's command
        for place, value in zip(command.fields, values, strict=True):
            self._values[place] = value
        self._unheard.discard(command.topic)
        self._awaited.discard(command.topic)
        if not self._unheard:
            self._on_action(header_ns(message), list(self._values))
