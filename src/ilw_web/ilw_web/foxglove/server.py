"""Foxglove's WebSocket server: channels of raw CDR, services, parameters. Takes no commands."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
import importlib
import socket
from typing import Any

from ilw_core.errors import IlwError

_TRIGGER, _ANSWER = 'std_srvs/srv/Trigger', 'bool success\nstring message\n'


def foxglove_sdk() -> Any:
    """
    Return Foxglove's SDK, which is optional.

    :raises IlwError: it is not installed; says how.
    """
    try:
        importlib.import_module('foxglove.websocket')
        return importlib.import_module('foxglove')
    except ModuleNotFoundError as error:
        raise IlwError('Foxglove\'s SDK is not installed. Install it (19 MB): .venv/bin/python -m '
                       'pip install --require-hashes -r requirements/lock-foxglove.txt') from error


def require_port(host: str, port: int) -> None:
    """:raises IlwError: a server cannot listen there."""
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    with closing(socket.socket(family)) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except (OSError, OverflowError) as error:
            raise IlwError(f'{host} port {port} cannot be had: '
                           f'{getattr(error, "strerror", error)}. Choose another: '
                           f'./ilw up foxglove --port {port % 65_000 + 1}.') from error


class FoxgloveServer:
    """
    Serves what it is given; the SDK's threads call back, the owner's thread calls in.

    :param sdk: as ``foxglove_sdk`` returns it.
    :param triggers: absolute name -> calls a ``std_srvs/Trigger`` and returns its answer's CDR.
    :raises IlwError: the port is taken.
    """

    def __init__(self, sdk: Any, host: str, port: int,
                 triggers: Mapping[str, Callable[[], bytes]]) -> None:
        require_port(host, port)
        websocket = sdk.websocket
        self._sdk, self._context = sdk, sdk.Context()
        self._channels: dict[str, Any] = {}
        self._kinds: dict[str, str] = {}
        self._viewers: Counter[str] = Counter()
        self._fresh: set[str] = set()
        self._parameters: dict[str, Any] = {}
        self._server = sdk.start_server(
            name='ILW', host=host, port=port, server_listener=self, context=self._context,
            capabilities=[websocket.Capability.Services, websocket.Capability.Parameters],
            services=[self._service(name, call) for name, call in triggers.items()])

    @property
    def advertised(self) -> dict[str, str]:
        """Topic -> type."""
        return dict(self._kinds)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Topics that somebody looks at."""
        return tuple(name for name, count in list(self._viewers.items()) if count > 0)

    def take_fresh(self) -> set[str]:
        """Return the topics that somebody new began to look at since the last call."""
        fresh, self._fresh = self._fresh, set()
        return fresh

    def advertise(self, name: str, kind: str, schema: str) -> None:
        """Offer a topic, whose CDR messages ``schema`` (``ros2msg``) tells how to read."""
        self.withdraw(name)
        self._channels[name] = self._sdk.Channel(
            name, message_encoding='cdr', context=self._context, schema=self._sdk.Schema(
                name=kind, encoding='ros2msg', data=schema.encode()))
        self._kinds[name] = kind

    def withdraw(self, name: str) -> None:
        """Offer a topic no longer."""
        if name in self._channels:
            self._channels.pop(name).close()
            del self._kinds[name]
            self._viewers.pop(name, None)

    def send(self, name: str, data: bytes, log_ns: int) -> None:
        """Pass a message to all who look at its topic."""
        channel = self._channels.get(name)
        if channel is not None:
            channel.log(data, log_time=log_ns)

    def show(self, parameters: Mapping[str, Any]) -> None:
        """Tell what parameters are, by ``<node>.<parameter>``."""
        self._parameters |= parameters
        self._server.publish_parameter_values(self._values(list(parameters)))

    def close(self) -> None:
        """End; viewers are told."""
        self._server.stop()

    def on_subscribe(self, client: Any, channel: Any) -> None:
        """Note a viewer of a topic."""
        self._viewers[channel.topic] += 1
        self._fresh.add(channel.topic)

    def on_unsubscribe(self, client: Any, channel: Any) -> None:
        """Note that a viewer of a topic is gone."""
        self._viewers[channel.topic] = max(0, self._viewers[channel.topic] - 1)

    def on_get_parameters(self, client: Any, param_names: list[str],
                          request_id: str | None = None) -> list[Any]:
        """Return the values that are known; without names, all."""
        return self._values(param_names or list(self._parameters))

    def on_set_parameters(self, client: Any, parameters: list[Any],
                          request_id: str | None = None) -> list[Any]:
        """Return what they stay: nodes of ILW run with what they were started with."""
        return self._values([each.name for each in parameters])

    def _values(self, names: list[str]) -> list[Any]:
        return [self._sdk.Parameter(name, value=self._parameters[name])
                for name in names if name in self._parameters]

    def _service(self, name: str, call: Callable[[], bytes]) -> Any:
        websocket = self._sdk.websocket

        def part(suffix: str, text: str) -> Any:
            return websocket.MessageSchema(encoding='cdr', schema=self._sdk.Schema(
                name=f'{_TRIGGER}_{suffix}', encoding='ros2msg', data=text.encode()))

        return websocket.Service(
            name=name, handler=lambda request: call(), schema=websocket.ServiceSchema(
                name=_TRIGGER, request=part('Request', ''), response=part('Response', _ANSWER)))
