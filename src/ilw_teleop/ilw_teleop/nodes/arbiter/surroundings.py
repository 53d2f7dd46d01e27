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
from ilw_teleop.nodes.arbiter.quiet import Quiet


class Surroundings:
    """
    The subscriptions that a contract's ``safety`` part asks for.

    :param ahead: ``None``: nothing is looked at.
    :param times: tells now, on the clock of the stamps and on the one that measures silence.
    """

    def __init__(self, node: Node, safety: SafetySpec, ahead: ForwardStop | None,
                 times: Callable[[], tuple[int, int]]) -> None:
        self._times = times
        self._heard: list[Quiet] = []
        if ahead is None:
            return
        self._ahead = ahead
        for kind, source, hear in ((LaserScan, safety.scan, self._on_scan),
                                   (Odometry, safety.workspace, self._on_odom)):
            if source is not None:
                self._heard.append(Quiet(node.create_subscription(
                    kind, source.topic, hear, STATE)))

    def wake(self, wakes: bool) -> None:
        """Let each message wake the node, or none: then whoever decides takes them in first."""
        for each in self._heard:
            each.wakes = wakes

    def take(self) -> None:
        """Take in what waits."""
        for each in self._heard:
            each.take()

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
