"""Which nodes are there, how often topics come, and what the nodes say of themselves."""

import json
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from ilw_ros.qos import STATE
from ilw_web.view.news import status

MOST = 200
"""Statuses that are kept; the oldest go"""
OLD_S = 10.0


class HealthBoard:
    """Follows ``/diagnostics`` and the graph."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._said: dict[str, tuple[float, dict[str, Any]]] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, STATE)

    def text(self, rates: dict[str, int]) -> str:
        """Return the news of the last second."""
        now = time.monotonic()
        names = sorted({f'{space.rstrip("/")}/{name}' for name, space
                        in self._node.get_node_names_and_namespaces()})
        said = [{**told, 'age': round(now - at), 'old': now - at > OLD_S}
                for at, told in self._said.values()]
        return json.dumps({'t': 'health', 'nodes': names[:MOST], 'rates': rates,
                           'diagnostics': said})

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for each in array.status[:MOST]:
            told = status(each)
            self._said.pop(told['name'], None)
            self._said[told['name']] = (time.monotonic(), told)
            while len(self._said) > MOST:
                del self._said[next(iter(self._said))]
