"""The publishers of the robot's commands; in a dry run there are none."""

from collections.abc import Callable
import math

from rclpy.duration import Duration
from rclpy.node import Node

from ilw_core.contract.command_topic import CommandTopic
from ilw_core.contract.file import Contract
from ilw_ros.convert import time_msg
from ilw_ros.qos import command as command_qos
from ilw_teleop.nodes.arbiter.command_message import CommandMessage

HEARD = Duration(seconds=0.3)
"""So long the last command may take to be heard"""


class CommandOutput:
    """
    Sends all commands of a decision together, until the last one.

    :param sent_as: the type that the robot takes a command as.
    :param enabled: ``False`` is a dry run: beside the robot's own controller even a publisher that
        is silent would be a rival.
    :raises IlwError: as ``CommandMessage``.
    """

    def __init__(self, node: Node, contract: Contract, sent_as: Callable[[CommandTopic], str], *,
                 enabled: bool) -> None:
        self._node, self._commands = node, contract.action.commands
        self._messages = [CommandMessage(each, sent_as(each)) for each in self._commands]
        self._topics = [node.resolve_topic_name(each.topic) for each in self._commands]
        self._publishers = [
            node.create_publisher(message.kind, each.topic, command_qos(contract.rate_hz))
            for each, message in zip(self._commands, self._messages, strict=True)
        ] if enabled else []

    def send(self, stamp_ns: int, values: list[float]) -> None:
        """
        Send ``(Da,)`` values; nothing happens in a dry run and after ``end``.

        A command of which a value is not known yet is not sent.
        """
        if not self._publishers:
            return
        stamp, ready = time_msg(stamp_ns), []
        for i, each in enumerate(self._commands):
            mine = [values[field] for field in each.fields]
            if not any(map(math.isnan, mine)):
                ready.append((self._publishers[i], self._messages[i].fill(stamp, mine)))
        for publisher, message in ready:
            publisher.publish(message)

    def end(self) -> None:
        """Send no more, and wait until the last commands were heard."""
        last, self._publishers = self._publishers, []
        for publisher in last:
            publisher.wait_for_all_acked(HEARD)

    def rivals(self) -> int:
        """Return how many others publish on a command's topic, of the topic with most."""
        return max(0, *(self._node.count_publishers(topic) - bool(self._publishers)
                        for topic in self._topics))
