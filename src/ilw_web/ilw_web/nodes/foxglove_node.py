"""Every topic of the graph live to Foxglove, as bytes. See ``foxglove/server.py``."""

import asyncio
from functools import partial

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.serialization import serialize_message
from std_srvs.srv import Trigger

from ilw_core.errors import IlwError
from ilw_data.bag.message_definitions import schema_text
from ilw_ros.console import say
from ilw_ros.params import load
from ilw_ros.run import run_node
from ilw_teleop.nodes.recorder.raw_topics import RawTopics
from ilw_web.foxglove.server import FoxgloveServer, foxglove_sdk
from ilw_web.nodes.parameter_survey import ParameterSurvey
from ilw_web.nodes.parameters import FoxgloveParams
from ilw_web.nodes.services import Services

STOPS, STARTS = ('estop', 'disarm'), ('arm', 'reset')
POLL_S = 0.033
"""A screen shows no more; what waits meanwhile is taken out at once"""


class FoxgloveNode(Node):
    """Wires the graph to the server. Publishes nothing."""

    def __init__(self) -> None:
        super().__init__('foxglove')
        params = load(self, FoxgloveParams)
        self._sim = bool(self.get_parameter('use_sim_time').value)
        self._asked, self._topics = Services(self), RawTopics(self, ())
        self._unreadable: set[str] = set()
        offered = (*STOPS, *(STARTS if params.control else ()))
        self._server = FoxgloveServer(foxglove_sdk(), params.host, params.port, {
            self.resolve_service_name(f'arbiter/{name}'): partial(self._call, name)
            for name in offered})
        self._survey = ParameterSurvey(self, self._server.show)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(POLL_S, self._on_poll, clock=steady)
        self.create_timer(1.0, self._on_look, clock=steady)
        self._on_look()
        say(f'Foxglove: open a connection to ws://{params.host}:{params.port}')

    def _call(self, name: str) -> bytes:
        """Call a switch of the arbiter; in a thread of the server's."""
        try:
            done, text = asyncio.run(self._wait(name))
        except IlwError as error:
            done, text = False, str(error)
        answer: bytes = serialize_message(Trigger.Response(success=done, message=text))
        return answer

    async def _wait(self, name: str) -> tuple[bool, str]:
        return await self._asked.call(name, {})

    def _on_look(self) -> None:
        there = {name: kinds[0] for name, kinds in self.get_topic_names_and_types()
                 if len(kinds) == 1 and self.count_publishers(name)}
        known = self._server.advertised
        for name in known.keys() - there.keys():
            self._server.withdraw(name)
        for name, kind in there.items():
            if known.get(name) != kind and kind not in self._unreadable:
                try:
                    self._server.advertise(name, kind, schema_text(kind))
                except IlwError as error:
                    self._unreadable.add(kind)
                    self.get_logger().warning(f'{name} is not served: {error}')
        self._survey.look()
        self._subscribe()

    def _subscribe(self) -> None:
        self._topics.choose(self._server.wanted)
        self._topics.discover()

    def _on_poll(self) -> None:
        fresh = self._server.take_fresh()
        if fresh:
            for channel in [each for name, each in self._topics.channels.items()
                            if name in fresh and each.latched]:
                self._topics.drop(channel.relative)  # who is new has not seen it yet
            self._subscribe()
        now = self.get_clock().now().nanoseconds if self._sim else 0
        for arrival, channel, data, _ in self._topics.drain():
            self._server.send(channel.topic.name, data, now or arrival)

    def destroy_node(self) -> None:
        """End the server before leaving."""
        self._server.close()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(FoxgloveNode, shared_memory=True)
