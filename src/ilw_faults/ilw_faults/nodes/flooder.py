"""Empty messages on one topic at a high rate, in a process of its own."""

import sys
import time

import rclpy
from rclpy.serialization import serialize_message

from ilw_core.text.terminal import echo
from ilw_ros.convert import message_class
from ilw_ros.qos import EVENT
from ilw_ros.transport import start_ros

RATE_HZ = 10_000
SECONDS = 2.0


def flood(topic: str, kind: str) -> int:
    """Publish empty messages at the rate; returns how many there were."""
    start_ros()
    node = rclpy.create_node('flood')
    publisher = node.create_publisher(message_class(kind), topic, EVENT)
    while not publisher.get_subscription_count():
        time.sleep(0.01)
    echo('begins')
    data, sent, begin = serialize_message(message_class(kind)()), 0, time.monotonic()
    while (passed := time.monotonic() - begin) < SECONDS:
        for _ in range(int(passed * RATE_HZ) - sent):
            publisher.publish(data)
            sent += 1
        time.sleep(0.001)
    node.destroy_node()
    rclpy.try_shutdown()
    return sent


if __name__ == '__main__':
    echo(flood(*sys.argv[1:]))
