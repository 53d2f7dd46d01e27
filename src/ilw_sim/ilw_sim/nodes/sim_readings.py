"""What a simulated robot offers, as messages: sensors, transforms, description."""

from collections.abc import Container
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from ilw_core.errors import IlwError
from ilw_ros.convert import fill, message_class
from ilw_ros.qos import LATCHED, STATE_OFFER
from ilw_sim.simulated import Simulated


class SimReadings:
    """
    Publishes what there is at a tick, and what is told as an episode begins.

    :param simulation: says what there is to publish.
    :param prefix: before each frame, a slash between; empty: none.
    :param qos: of what is published each tick.
    :param but: topics that are not offered.
    """

    def __init__(self, node: Node, simulation: Simulated, *, prefix: str = '',
                 publish_tf: bool = True, qos: QoSProfile = STATE_OFFER,
                 but: Container[str] = ()) -> None:
        self.prefix = f'{prefix.strip("/")}/' if prefix.strip('/') else ''
        self._tf = _offer_tf(node, '/tf', STATE_OFFER) if publish_tf else None
        self._fixed = _offer_tf(node, '/tf_static', LATCHED) if publish_tf else None
        self._offers: dict[str, list[tuple[str, Any]]] = {'tick': [], 'second': [], 'episode': []}
        for each in simulation.offers:
            if each.topic not in but:
                self._offers[each.when].append((each.topic, node.create_publisher(
                    message_class(each.type), each.topic,
                    qos if each.when == 'tick' else LATCHED)))
        self._description = node.create_publisher(String, 'robot_description', LATCHED)
        self._description.publish(String(data=simulation.description))

    def begin(self, simulation: Simulated) -> None:
        """Publish what holds for an episode, and see that it is heard before the first tick."""
        self._send_transforms(self._fixed, simulation.fixed_transforms())
        self._publish('episode', simulation)
        self.second(simulation)
        # A goal is part of the first observation: it should be there before the first tick.
        for _, publisher in self._offers['second']:
            publisher.wait_for_all_acked(Duration(nanoseconds=200_000_000))

    def second(self, simulation: Simulated) -> None:
        """Publish what is told once a second."""
        self._publish('second', simulation)

    def tick(self, simulation: Simulated) -> None:
        """Publish transforms and sensors of a tick."""
        if self._tf is not None and self._tf.get_subscription_count():
            self._send_transforms(self._tf, simulation.transforms())
        self._publish('tick', simulation)

    def _publish(self, when: str, simulation: Simulated) -> None:
        for topic, publisher in self._offers[when]:
            # Filling a message nobody hears costs time; who comes later wants what is latched.
            if when != 'tick' or publisher.get_subscription_count():
                publisher.publish(self._filled(publisher.msg_type(), simulation.reading(topic)))

    def _send_transforms(self, publisher: Any, transforms: list[Any]) -> None:
        if publisher is not None:
            publisher.publish(publisher.msg_type(transforms=[
                self._filled(TransformStamped(), t) for t in transforms]))

    def _filled(self, message: Any, reading: Any) -> Any:
        """Return the message of a reading, in the frames of this robot."""
        fill(message, reading)
        if not hasattr(message, 'header'):
            return message
        message.header.frame_id = self.prefix + message.header.frame_id
        if hasattr(message, 'child_frame_id'):
            message.child_frame_id = self.prefix + message.child_frame_id
        return message


def _offer_tf(node: Node, topic: str, qos: QoSProfile) -> Any:
    try:
        return node.create_publisher(message_class('tf2_msgs/msg/TFMessage'), topic, qos)
    except IlwError as error:
        node.get_logger().info(f'No transforms on {topic}: {error}')
        return None
