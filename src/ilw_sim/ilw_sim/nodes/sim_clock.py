"""The simulated time on /clock: one simulator of a domain tells it, the others follow."""

from collections.abc import Callable
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as Time

from ilw_core.errors import IlwError
from ilw_ros.convert import is_time, stamp_ns, time_msg
from ilw_ros.health import note_dropped
from ilw_ros.qos import EVENT, STATE, STATE_OFFER
from ilw_sim.lockstep import STANDING_S, Pulse

TOPIC = '/clock'
_DISCOVERY_S = 0.8
"""After its start a node knows within this time who else is on this machine"""
_HEARING_S = 5 * STANDING_S
"""Whoever is alive has said the time within this"""
_SETTLED_S = 5.0
"""Whoever sees another in its first seconds is the one that came second"""
_LOOK_S = 0.5
_UNKNOWN = '_NODE_NAME_UNKNOWN_'
"""As the graph calls a node that it has not heard of yet, or no more"""


class OwnClock:
    """
    Publishes the time of one simulation, between ticks too.

    :param pulse: says when.
    :param tick_s: wall seconds after which a tick is over in any case.
    :param on_tick: called then.
    :raises IlwError: somebody else publishes the time already.
    """

    def __init__(self, node: Node, pulse: Pulse, tick_s: float,
                 on_tick: Callable[[], None]) -> None:
        self._node, self._pulse, self._warned = node, pulse, False
        self._began = time.monotonic()
        self._remains = self._come_first()
        self._publisher = node.create_publisher(Time, TOPIC, STATE_OFFER)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._ticks = node.create_timer(tick_s, on_tick, clock=steady)
        self._pulses = node.create_timer(pulse.every_s, self._on_pulse, clock=steady)
        node.create_timer(_LOOK_S, self._on_look, clock=steady)

    def tick(self, tick_ns: int, *, runs: bool) -> None:
        """Publish the time of a tick, and those after it while time ``runs`` by itself."""
        self._pulse.tick(tick_ns, runs=runs)
        self._publish(tick_ns)
        self._pulses.reset()

    def wait_anew(self) -> None:
        """Let the tick begin now."""
        self._ticks.reset()

    def stop(self) -> None:
        """Let no tick follow until ``wait_anew``."""
        self._ticks.cancel()

    def _on_pulse(self) -> None:
        told_ns = self._pulse.next_ns()
        if told_ns is not None:
            self._publish(told_ns)

    def _publish(self, nanoseconds: int) -> None:
        self._publisher.publish(Time(clock=time_msg(nanoseconds)))

    def _come_first(self) -> int:
        """
        Wait until it is clear that nobody else tells the time.

        :returns: how many silent publishers bear this node's name: what a kill left of it.
        """
        listening = self._node.create_subscription(Time, TOPIC, lambda _: None, EVENT)
        try:
            end, others = self._began + _DISCOVERY_S, []
            while time.monotonic() < end:
                others = self._others(0)
                ours = self._node.get_fully_qualified_name()
                if any(name != ours and _UNKNOWN not in name for name in others):
                    raise _second(others)
                if others:
                    end = self._began + _DISCOVERY_S + _HEARING_S
                with listening.handle:
                    if listening.handle.take_message(Time, True) is not None:
                        raise _second(others or ['another node'])
                time.sleep(0.02)
            return len(others)
        finally:
            self._node.destroy_subscription(listening)

    def _on_look(self) -> None:
        others = self._others(1)
        if len(others) <= self._remains:
            return
        if time.monotonic() - self._began < _SETTLED_S:
            raise _second(others)
        if not self._warned:
            self._warned = True
            self._node.get_logger().error(
                f'{", ".join(others)} publishes /clock, too: time jumps between the two. End one.')

    def _others(self, ours: int) -> list[str]:
        """Return the nodes that publish the time, ``ours`` of them this one."""
        names = [f'{i.node_namespace.rstrip("/")}/{i.node_name}'
                 for i in self._node.get_publishers_info_by_topic(TOPIC)]
        for _ in range(ours):
            if self._node.get_fully_qualified_name() in names:
                names.remove(self._node.get_fully_qualified_name())
        return names


def _second(others: list[str]) -> IlwError:
    return IlwError(
        f'sim: {", ".join(sorted(set(others)))} publishes /clock already. A domain has one time: '
        'start this simulator with clock:=false, so that it follows that time, end the other one, '
        'or use another ROS_DOMAIN_ID. One that was killed is forgotten after 20 s.')


class OthersClock:
    """
    Follows the time that somebody else publishes.

    :param on_time: called with each [ns].
    """

    def __init__(self, node: Node, on_time: Callable[[int], None]) -> None:
        def take(message: Any) -> None:
            if is_time(message.clock):
                on_time(stamp_ns(message.clock))
            else:
                note_dropped(node, 'clock')

        node.create_subscription(Time, TOPIC, take, STATE)

    def tick(self, tick_ns: int, *, runs: bool) -> None:
        """Publish nothing: the time is another's."""

    def wait_anew(self) -> None:
        """Do nothing: the time comes by itself."""

    def stop(self) -> None:
        """Do nothing: the time goes on for others."""
