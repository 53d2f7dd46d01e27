"""Leave aside what is no time on ``/clock``, instead of ending the node over it."""

from typing import Any

from rclpy.node import Node
from rclpy.time_source import CLOCK_TOPIC

from ilw_ros.convert import is_time
from ilw_ros.health import note_dropped


def guard_clock(node: Node) -> None:
    """
    Check each time before a node follows it.

    rclpy 7.1 raises on a negative one out of ``spin``, which ends the process.
    """
    for subscription in node.subscriptions:
        if subscription.topic_name == CLOCK_TOPIC:
            follow = subscription.callback

            def guarded(message: Any, follow: Any = follow) -> None:
                if is_time(message.clock):
                    follow(message)
                else:
                    note_dropped(node, 'clock')

            subscription.callback = guarded
