"""The publisher of the robot's command; in a dry run there is none."""

from rclpy.duration import Duration
from rclpy.node import Node

from ilw_core.contract.file import Contract
from ilw_ros.convert import time_msg
from ilw_ros.qos import command
from ilw_teleop.nodes.arbiter.command_message import CommandMessage

HEARD = Duration(seconds=0.3)
"""So long the last command may take to be heard"""


class CommandOutput:
    """
    Sends commands until the last one.

    :param kind: type that the robot takes; empty: the contract's.
    :param enabled: ``False`` is a dry run: beside the robot's own controller even a publisher that
        is silent would be a rival.
    :raises IlwError: as ``CommandMessage``.
    """

    def __init__(self, node: Node, contract: Contract, kind: str, *, enabled: bool) -> None:
        self._node = node
        self._message = CommandMessage(contract.action, kind)
        self._topic = node.resolve_topic_name(contract.action.topic)
        self._publisher = node.create_publisher(
            self._message.kind, contract.action.topic, command(contract.rate_hz),
        ) if enabled else None

    def send(self, stamp_ns: int, values: list[float]) -> None:
        """Send ``(Da,)`` values; nothing happens in a dry run and after ``end``."""
        if self._publisher is not None:
            self._publisher.publish(self._message.fill(time_msg(stamp_ns), values))

    def end(self) -> None:
        """Send no more, and wait until the last command was heard."""
        last, self._publisher = self._publisher, None
        if last is not None:
            last.wait_for_all_acked(HEARD)

    def rivals(self) -> int:
        """Return how many others publish on the topic."""
        others = self._node.count_publishers(self._topic) - (self._publisher is not None)
        return max(0, others)
