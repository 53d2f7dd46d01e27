"""Subscribe to everything a contract observes, matching what the publishers offer."""

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.subscription import Subscription

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_core.features.misfit import field_misfit
from ilw_ros.convert import field_kinds, header_ns, is_time, message_class
from ilw_ros.health import note_dropped
from ilw_ros.qos import LATCHED, STATE

_LOOK_AGAIN_S = 0.5

OnMessage = Callable[[str, int, Any], None]
"""(entry of the contract, header stamp [ns], message)"""


class Observed:
    """
    The subscriptions of one contract.

    A message whose stamp is no time is dropped. Topics that are held come first, so that a goal
    sent before a tick is taken in before it; they are subscribed as latched once a publisher
    offers that.

    :raises ContractError: a message lacks a field that an observation is made from.
    """

    def __init__(self, node: Node, contract: Contract, on_message: OnMessage) -> None:
        self._node, self._on_message = node, on_message
        self._entries: dict[str, list[str]] = {}
        self._types: dict[str, Any] = {}
        self._subscriptions: dict[str, Subscription] = {}
        held = {s.topic for s in contract.sources if s.align.how == 'hold'}
        for source in sorted(contract.sources, key=lambda s: s.align.how != 'hold'):
            self._entries.setdefault(source.topic, []).append(source.name)
            self._types[source.topic] = message_class(source.type)
        if why := field_misfit(contract, lambda _: field_kinds):
            raise ContractError(why)
        for topic in self._entries:
            self._subscribe(topic, STATE)
        self._maybe_latched = held
        self._timer = node.create_timer(_LOOK_AGAIN_S, self._look_again,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """End every subscription."""
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()

    def _subscribe(self, topic: str, profile: Any) -> None:
        names = self._entries[topic]

        def take(message: Any) -> None:
            header = getattr(message, 'header', None)
            if header is not None and not is_time(header.stamp):
                note_dropped(self._node, topic)
                return
            stamp = header_ns(message)
            if stamp is None:
                stamp = self._node.get_clock().now().nanoseconds
            for name in names:
                self._on_message(name, stamp, message)

        self._subscriptions[topic] = self._node.create_subscription(
            self._types[topic], topic, take, profile)

    def _look_again(self) -> None:
        for topic in list(self._maybe_latched):
            offers = self._node.get_publishers_info_by_topic(
                self._subscriptions[topic].topic_name)
            if offers:
                self._maybe_latched.discard(topic)
            if any(o.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for o in offers):
                self._node.destroy_subscription(self._subscriptions[topic])
                self._subscribe(topic, LATCHED)
