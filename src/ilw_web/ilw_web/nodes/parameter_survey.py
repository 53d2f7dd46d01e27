"""Ask every node for its parameters, once each time that it appears."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python


class ParameterSurvey:
    """
    Looks at the graph when told to.

    :param tell: called with ``<node>.<parameter>`` -> value.
    """

    def __init__(self, node: Node, tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._node, self._tell = node, tell
        self._asked: dict[str, tuple[Client, Client]] = {}
        self._done: set[str] = set()

    def look(self) -> None:
        """Ask the nodes that are new, and forget those that are gone."""
        own = self._node.get_fully_qualified_name()
        there = {f'{space.rstrip("/")}/{name}' for name, space
                 in self._node.get_node_names_and_namespaces()} - {own}
        for name in self._asked.keys() - there:
            for client in self._asked.pop(name):
                self._node.destroy_client(client)
        self._done &= there
        for name in there - self._done:
            listing, getting = self._asked.get(name) or self._ask(name)
            if listing.service_is_ready() and getting.service_is_ready():
                self._done.add(name)
                listing.call_async(ListParameters.Request()).add_done_callback(
                    partial(self._on_names, name, getting))

    def _ask(self, name: str) -> tuple[Client, Client]:
        clients = (self._node.create_client(ListParameters, f'{name}/list_parameters'),
                   self._node.create_client(GetParameters, f'{name}/get_parameters'))
        self._asked[name] = clients
        return clients

    def _on_names(self, name: str, getting: Client, answered: Any) -> None:
        names = list(answered.result().result.names)
        getting.call_async(GetParameters.Request(names=names)).add_done_callback(
            partial(self._on_values, name, names))

    def _on_values(self, name: str, names: list[str], answered: Any) -> None:
        values = [parameter_value_to_python(each) for each in answered.result().values]
        self._tell({f'{name}.{key}': value if isinstance(value, (bool, int, float, str))
                    else list(value) for key, value in zip(names, values, strict=True)
                    if value is not None})
