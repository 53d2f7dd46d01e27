"""Subscribe to topics as bytes, with the QoS their publishers offer, and empty them by polling."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from ilw_core.errors import IlwError
from ilw_data.bag.message_definitions import schema_text
from ilw_data.bag.writer import WrittenTopic
from ilw_ros.convert import message_class
from ilw_ros.qos import RECORDING_DEPTH, recording


class _NeverExecuted(CallbackGroup):
    """Keeps subscriptions out of the executor: it would rebuild its wait set per message."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


@dataclass
class RawChannel:
    """One subscribed topic."""

    relative: str
    topic: WrittenTopic
    latched: bool
    stamped: bool
    """It begins with a ``Header``"""
    offers: tuple[bool, bool]
    subscription: Subscription


class RawTopics:
    """
    The wanted topics that somebody publishes.

    :param names: relative names.
    """

    def __init__(self, node: Node, names: tuple[str, ...]) -> None:
        self._node = node
        self._names = names
        self._group = _NeverExecuted()
        self.channels: dict[str, RawChannel] = {}
        self.published: dict[str, str] = {}
        """Relative name -> type"""
        self.problems: list[str] = []

    def choose(self, names: tuple[str, ...]) -> None:
        """Want other topics from the next ``discover`` on; what is wanted no longer ends now."""
        self._names = names
        for name in self.channels.keys() - set(names):
            self.drop(name)

    def drop(self, name: str) -> None:
        """End a subscription; ``discover`` makes it anew, and what is latched comes again."""
        if name in self.channels:
            self._node.destroy_subscription(self.channels.pop(name).subscription)

    def discover(self) -> None:
        """Look who publishes what, and subscribe accordingly. Call it now and then."""
        self.problems = []
        self.published = {}
        for name in self._names:
            full = self._node.resolve_topic_name(name)
            infos = self._node.get_publishers_info_by_topic(full)
            if infos:
                self.published[name] = infos[0].topic_type
                try:
                    self._match(name, full, infos)
                except IlwError as error:
                    self.problems.append(f'{name}: {error}')

    def drain(self) -> list[tuple[int, RawChannel, bytes, int]]:
        """Return (arrival, channel, data, publish time) of all that came, in order of arrival."""
        found = []
        for channel in self.channels.values():
            subscription = channel.subscription
            handle, kind = subscription.handle, subscription.msg_type
            with handle:
                # No more than the queue holds: a flood on one topic must not stop the others.
                for _ in range(RECORDING_DEPTH):
                    item = handle.take_message(kind, True)
                    if item is None:
                        break
                    data, info = item
                    arrival = info['received_timestamp']
                    found.append((arrival, channel, data, info['source_timestamp'] or arrival))
        found.sort(key=itemgetter(0))
        return found

    def _match(self, name: str, full: str, infos: list[Any]) -> None:
        offers = (all(i.qos_profile.reliability == ReliabilityPolicy.RELIABLE for i in infos),
                  all(i.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for i in infos))
        kind = infos[0].topic_type
        known = self.channels.get(name)
        if known is not None:
            if known.offers == offers and known.topic.type == kind:
                return
            self.drop(name)
        cls = message_class(kind)
        # Bags bear the contract's names, whatever this robot calls its topics.
        topic = WrittenTopic('/' + name.lstrip('/'), kind, schema_text(kind),
                             [_qos(i.qos_profile) for i in infos],
                             str(getattr(infos[0], 'topic_type_hash', '')))
        subscription = self._node.create_subscription(
            cls, full, lambda _: None, recording(reliable=offers[0], latched=offers[1]),
            raw=True, callback_group=self._group)
        fields = list(cls.get_fields_and_field_types().values())
        self.channels[name] = RawChannel(name, topic, offers[1], fields[:1] == ['std_msgs/Header'],
                                         offers, subscription)


def _qos(offered: QoSProfile) -> dict[str, Any]:
    def span(duration: Any) -> dict[str, int]:
        sec, nsec = divmod(duration.nanoseconds, 1_000_000_000)
        return {'sec': sec, 'nsec': nsec}

    # DDS does not tell the history; a latched topic has a depth of one, nearly always.
    latched = offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    return {
        'history': 'keep_last', 'depth': offered.depth or (1 if latched else 10),
        'reliability': offered.reliability.name.lower(),
        'durability': offered.durability.name.lower(),
        'deadline': span(offered.deadline), 'lifespan': span(offered.lifespan),
        'liveliness': offered.liveliness.name.lower(),
        'liveliness_lease_duration': span(offered.liveliness_lease_duration),
        'avoid_ros_namespace_conventions': offered.avoid_ros_namespace_conventions}
