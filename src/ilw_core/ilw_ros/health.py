"""Say on /diagnostics how a node is."""

from collections import Counter
from weakref import WeakKeyDictionary

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ilw_ros.qos import EVENT

OK, WARN, ERROR, STALE = (DiagnosticStatus.OK, DiagnosticStatus.WARN,
                          DiagnosticStatus.ERROR, DiagnosticStatus.STALE)

_DROPPED: WeakKeyDictionary[Node, Counter[str]] = WeakKeyDictionary()
_SAY_AGAIN_S = 10.0


def note_dropped(node: Node, topic: str) -> None:
    """Count a message that was no use, for the node's diagnostics, and say so now and then."""
    counts = _DROPPED.setdefault(node, Counter())
    counts[topic] += 1
    node.get_logger().warning(f'Dropped {counts[topic]} message(s) of {topic}: nonsense.',
                              throttle_duration_sec=_SAY_AGAIN_S)


class Diagnostics:
    """Publishes one status of one node, with how many messages it had to drop."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = f'{node.get_name()}: {name}'
        self._hardware = node.get_fully_qualified_name()
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', EVENT)

    def publish(self, level: bytes, text: str, values: dict[str, object] | None = None) -> None:
        """
        Publish the status now.

        :param level: ``OK``, ``WARN``, ``ERROR`` or ``STALE`` of this module.
        """
        dropped = {f'dropped: {k}': v for k, v in _DROPPED.get(self._node, {}).items()}
        status = DiagnosticStatus(
            level=level, name=self._name, message=text, hardware_id=self._hardware,
            values=[KeyValue(key=k, value=str(v)) for k, v in ((values or {}) | dropped).items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
