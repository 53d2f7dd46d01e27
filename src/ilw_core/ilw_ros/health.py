"""Say on /diagnostics how a node is."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ilw_ros.qos import EVENT

OK, WARN, ERROR, STALE = (DiagnosticStatus.OK, DiagnosticStatus.WARN,
                          DiagnosticStatus.ERROR, DiagnosticStatus.STALE)


class Diagnostics:
    """Publishes one status of one node."""

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
        status = DiagnosticStatus(
            level=level, name=self._name, message=text, hardware_id=self._hardware,
            values=[KeyValue(key=k, value=str(v)) for k, v in (values or {}).items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
