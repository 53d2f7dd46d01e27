"""A node that publishes hostile messages on every subscription of its victims, over real DDS."""

from array import array
from collections.abc import Callable
import math
import random
import struct
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosidl_parser import definition as idl

from fuzz.mutate import mutate
from ilw_core.errors import IlwError
from ilw_ros.convert import message_class

RCLError = rclpy_implementation.RCLError
# Offers what any subscription asks for.
ANY = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE,
                 durability=DurabilityPolicy.TRANSIENT_LOCAL)
LARGE = 400_000
"""Elements of a large array: some megabytes"""
_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.3, math.nan, math.inf, -math.inf, 1e308, -1e308, 1e200, 5e-324,
           3.4e38, 1e9)
_TYPES = {'float': 'f', 'double': 'd', 'int8': 'b', 'uint8': 'B', 'octet': 'B', 'char': 'B',
          'int16': 'h', 'uint16': 'H', 'int32': 'i', 'uint32': 'I', 'int64': 'q', 'uint64': 'Q'}
_TEXTS = ('', 'sim', 'teleop', 'person', '/', '../../x', '%s%n', '\U0001f600' * 50, 'a' * 100_000,
          'twist.linear.x', '\n', '0' * 64)


class Attacker:
    """
    Publishes on what others subscribe to.

    :param node: the attacker's own.
    :param truth: a message of this type as it should be, or none; hostile ones are made from it,
        so that some get past the first check.
    """

    def __init__(self, node: Node, seed: int, truth: Callable[[str], Any | None]) -> None:
        self._node, self._rng, self._truth = node, random.Random(seed), truth
        self.publishers: dict[str, Any] = {}
        self.sent: dict[str, int] = {}
        """Topic -> messages"""

    def aim(self, victims: list[str], *, leave_out: tuple[str, ...] = ()) -> list[str]:
        """Make a publisher for each subscription of some nodes; returns the topics."""
        for victim in victims:
            found = self._node.get_subscriber_names_and_types_by_node(victim, '/')
            for topic, types in found:
                if topic not in self.publishers and topic not in leave_out:
                    try:
                        kind = message_class(types[0])
                    except IlwError:
                        continue
                    self.publishers[topic] = self._node.create_publisher(kind, topic, ANY)
        return sorted(self.publishers)

    def heard(self) -> bool:
        """Tell whether every publisher has found its subscription."""
        return all(p.get_subscription_count() for p in self.publishers.values())

    def strike(self, topic: str) -> None:
        """Publish one hostile message: of the right type, or bytes that are none."""
        publisher, rng = self.publishers[topic], self._rng
        message = self._truth(topic)
        if message is None or rng.random() < 0.3:
            message = publisher.msg_type()
        for _ in range(rng.choice((1, 1, 2, 5, 30))):
            self._spoil(message)
        if rng.random() < 0.4:
            message = mutate((serialize_message(message),), rng.getrandbits(40))
        try:
            publisher.publish(message)
        except RCLError:  # longer than a type of fixed size can be: DDS sends no such bytes
            return
        self.sent[topic] = self.sent.get(topic, 0) + 1

    def _spoil(self, message: Any) -> None:
        """Put something hostile into one field, however deep."""
        fields = list(message.get_fields_and_field_types())
        place = self._rng.randrange(len(fields)) if fields else -1
        if place < 0:
            return
        kind, name = type(message).SLOT_TYPES[place], fields[place]
        if isinstance(kind, idl.NamespacedType):
            self._spoil(getattr(message, name))
        else:
            setattr(message, name, self._value(kind, getattr(message, name)))

    def _value(self, kind: Any, present: Any) -> Any:
        rng = self._rng
        if isinstance(kind, idl.BasicType):
            return self._number(kind.typename)
        if isinstance(kind, idl.AbstractGenericString):
            return rng.choice(_TEXTS)
        if isinstance(kind, idl.Array):
            return [self._value(kind.value_type, None) for _ in range(kind.size)]
        count = rng.choice((0, 0, 1, 2, 3, 7, 36, 1000, LARGE))
        item = kind.value_type
        if isinstance(item, idl.BasicType) and item.typename in _TYPES:
            few = [self._number(item.typename) for _ in range(min(count, 36))]
            return array(_TYPES[item.typename], few * (count // max(1, len(few))))
        if isinstance(item, idl.NamespacedType):
            return list(present or ())[:count % 3]
        return [self._value(item, None) for _ in range(min(count, 1000))]

    def _number(self, name: str) -> Any:
        rng = self._rng
        if name == 'boolean':
            return rng.random() < 0.5
        if name == 'octet':
            return bytes([rng.randrange(256)])
        if name == 'float':
            return struct.unpack('f', struct.pack('f', max(-3e38, min(3e38, v))))[0] if (
                math.isfinite(v := rng.choice(_FLOATS))) else v
        if name == 'double':
            return rng.choice(_FLOATS)
        form = _TYPES[name]
        return struct.unpack(form, rng.choice((
            b'\0' * 8, b'\xff' * 8, b'\xff' * 7 + b'\x7f', b'\0' * 7 + b'\x80', rng.randbytes(8),
            bytes([rng.randrange(9)]) + b'\0' * 7))[:struct.calcsize(form)])[0]
