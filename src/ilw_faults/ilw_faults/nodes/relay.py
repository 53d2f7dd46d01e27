"""Pass one topic on, as it is or spoilt, between the simulator and the nodes."""

from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_ros.convert import stamp_ns, time_msg
from ilw_ros.qos import STATE, STATE_OFFER

Spoil = Callable[[Any], list[Any]]
"""What is published for each message that comes"""


def raw_name(topic: str) -> str:
    """Return the name under which the relay hears a topic."""
    return f'{topic}_raw'


class Relay:
    """
    A topic between simulator and nodes.

    :param node: of the spy, which spins.
    :param kind: the message class.
    """

    def __init__(self, node: Node, topic: str, kind: Any) -> None:
        self.spoil: Spoil = lambda message: [message]
        self.late_s = 0.0
        self._waiting: deque[tuple[float, Any]] = deque()
        self._pub = node.create_publisher(kind, topic, STATE_OFFER)
        node.create_subscription(kind, raw_name(topic), self._on_message, STATE)
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(0.01, self._on_time, clock=self._clock)

    def _now_s(self) -> float:
        return float(self._clock.now().nanoseconds) / 1e9

    def _on_message(self, message: Any) -> None:
        for spoilt in self.spoil(message):
            if self.late_s:
                self._waiting.append((self._now_s() + self.late_s, spoilt))
            else:
                self._pub.publish(spoilt)

    def _on_time(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._now_s():
            self._pub.publish(self._waiting.popleft()[1])


def nothing(message: Any) -> list[Any]:
    """Publish nothing."""
    return []


def frozen() -> Spoil:
    """Publish the first message again and again, with the stamps of the others."""
    first: list[Any] = []

    def spoil(message: Any) -> list[Any]:
        first[:] = first or [message]
        first[0].header.stamp = message.header.stamp
        return list(first)

    return spoil


def shifted(seconds: float) -> Spoil:
    """Move every stamp."""
    def spoil(message: Any) -> list[Any]:
        message.header.stamp = time_msg(
            max(0, stamp_ns(message.header.stamp) + round(seconds * 1e9)))
        return [message]

    return spoil


def swapped() -> Spoil:
    """Publish every second message before the one that came before it."""
    kept: list[Any] = []

    def spoil(message: Any) -> list[Any]:
        if not kept:
            kept.append(message)
            return []
        return [message, kept.pop()]

    return spoil


def clock_shifted(seconds: float) -> Spoil:
    """Move a clock."""
    def spoil(message: Any) -> list[Any]:
        message.clock = time_msg(max(0, stamp_ns(message.clock) + round(seconds * 1e9)))
        return [message]

    return spoil
