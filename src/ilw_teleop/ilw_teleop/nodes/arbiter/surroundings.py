"""Bring lidar and odometry to the arbiter's look ahead. See ``forward_stop.py``."""

from collections.abc import Callable

from nav_msgs.msg import Odometry
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from ilw_core.contract.safety import SafetySpec
from ilw_core.features.rotation import yaw_of
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import STATE
from ilw_teleop.guards.forward_stop import ForwardStop


class Surroundings:
    """
    The subscriptions that a contract's ``safety`` part asks for.

    :param times: tells now, on the clock of the stamps and on the one that measures silence.
    """

    def __init__(self, node: Node, safety: SafetySpec, ahead: ForwardStop,
                 times: Callable[[], tuple[int, int]]) -> None:
        self._ahead, self._times = ahead, times
        if safety.scan is not None:
            node.create_subscription(LaserScan, safety.scan.topic, self._on_scan, STATE)
        if safety.workspace is not None:
            node.create_subscription(Odometry, safety.workspace.topic, self._on_odom, STATE)

    def _on_scan(self, scan: LaserScan) -> None:
        self._ahead.see(self._taken_ns(scan), np.asarray(scan.ranges), scan.angle_min,
                        scan.angle_increment, scan.range_min, scan.range_max, scan.angle_max)

    def _on_odom(self, odom: Odometry) -> None:
        at, yaw = odom.pose.pose.position, yaw_of(odom.pose.pose.orientation)
        self._ahead.place(self._taken_ns(odom), at.x, at.y, yaw)

    def _taken_ns(self, message: LaserScan | Odometry) -> int:
        """Return when a reading was taken: a late one is old news."""
        now_ns, mono_ns = self._times()
        return mono_ns - max(0, now_ns - stamp_ns(message.header.stamp))
