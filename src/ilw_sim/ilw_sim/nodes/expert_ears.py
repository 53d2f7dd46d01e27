"""What the scripted expert hears of a base, or of an arm, and hands to its hand."""

from collections.abc import Callable, Sequence
from typing import Any

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Int32

from ilw_core.features.rotation import yaw_of
from ilw_ros.convert import stamp_ns
from ilw_ros.health import note_dropped
from ilw_ros.qos import LATCHED, STATE
from ilw_sim.arm.topics import JOINTS, TARGET, TOOL, object_topic
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.hand import Pressed

Press = Callable[[Any, list[Pressed]], None]
"""Stamp of a tick, and what to send for it"""


class BaseEars:
    """Map, goal and the true pose of a base."""

    def __init__(self, node: Node, hand: StickDriver, press: Press) -> None:
        self._node, self._hand, self._press = node, hand, press
        node.create_subscription(OccupancyGrid, 'map', self._on_map, LATCHED)
        node.create_subscription(PoseStamped, 'goal', self._on_goal, LATCHED)
        node.create_subscription(Odometry, 'sim/ground_truth', self._on_truth, STATE)

    def _on_map(self, grid: OccupancyGrid) -> None:
        corner = grid.info.origin.position
        if not self._hand.on_map(
                stamp_ns(grid.header.stamp), grid.data, (grid.info.height, grid.info.width),
                grid.info.resolution, (corner.x, corner.y)):
            note_dropped(self._node, 'map')

    def _on_goal(self, goal: PoseStamped) -> None:
        point = goal.pose.position
        if not self._hand.on_goal(stamp_ns(goal.header.stamp), (point.x, point.y)):
            note_dropped(self._node, 'goal')

    def _on_truth(self, truth: Odometry) -> None:
        pose = truth.pose.pose
        self._press(truth.header.stamp, self._hand.on_tick(
            stamp_ns(truth.header.stamp),
            (pose.position.x, pose.position.y, yaw_of(pose.orientation))))


class ArmEars:
    """
    Joints, tool and objects of an arm: a tick is seen once all of them have its stamp.

    :param subscribe: called with message class, topic, callback and QoS.
    :param on_tick: called with the stamp of a tick and its messages by topic.
    """

    def __init__(self, subscribe: Callable[[Any, str, Callable[[Any], None], Any], Any],
                 objects: Sequence[str], on_tick: Callable[[Any, dict[str, Any]], None]) -> None:
        self._on_tick = on_tick
        self._seen: dict[str, Any] = {}
        self._stamped = [JOINTS, TOOL, *map(object_topic, objects)]
        subscribe(Int32, TARGET, self._on_target, LATCHED)
        for topic in self._stamped:
            def take(message: Any, topic: str = topic) -> None:
                self._on_state(topic, message)

            subscribe(JointState if topic == JOINTS else PoseStamped, topic, take, STATE)

    def _on_target(self, target: Int32) -> None:
        self._seen[TARGET] = target

    def _on_state(self, topic: str, message: Any) -> None:
        self._seen[topic] = message
        stamp = message.header.stamp
        if TARGET in self._seen and all(
                each in self._seen and self._seen[each].header.stamp == stamp
                for each in self._stamped):
            self._on_tick(stamp, self._seen)
