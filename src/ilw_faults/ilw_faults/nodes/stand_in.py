"""A robot reduced to what a stop needs: it obeys commands, and stands when none come in time."""

import math
import time

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import set_speeds
from ilw_ros.commands import CommandEar
from ilw_ros.qos import LATCHED, REQUEST, STATE_OFFER

COMMAND_TIMEOUT_S = 0.5
"""As the simulator's"""
_PERIOD_S = 0.05
_GOAL_TICKS = 20
"""Between two messages of the goal: one may be lost while DDS has not met"""
_RAYS = 360


class StandIn:
    """
    Publishes odometry, a lidar in the open and a goal, on the machine's clock.

    :param node: what it is a part of; somebody spins it.
    """

    def __init__(self, node: Node, contract: Contract, seed: int) -> None:
        self._node, self._contract = node, contract
        self._rng = np.random.default_rng(seed)
        self._commanded = self._stop = contract.action.rest
        self._heard_s = -math.inf
        self.stood_by_itself_s = -math.inf
        """When its own time-out last took a command that moves away; steady clock"""
        self._odom = node.create_publisher(Odometry, 'odom', STATE_OFFER)
        self._scan = node.create_publisher(LaserScan, 'scan', STATE_OFFER)
        self._goal = node.create_publisher(PoseStamped, 'goal', LATCHED)
        CommandEar(node, contract.action, self._on_action, REQUEST)
        self._ticks = 0
        node.create_timer(_PERIOD_S, self._on_tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def moves(self) -> bool:
        """Whether it obeys a command that moves it."""
        return bool(np.any(self._commanded != self._stop))

    def _on_action(self, _: int | None, values: list[float]) -> None:
        self._heard_s = time.monotonic()
        self._commanded = np.array(values)

    def _on_tick(self) -> None:
        now = time.monotonic()
        if self.moves and now - self._heard_s > COMMAND_TIMEOUT_S:
            self._commanded, self.stood_by_itself_s = self._stop, now
        stamp = self._node.get_clock().now().to_msg()
        if self._ticks % _GOAL_TICKS == 0:
            goal = PoseStamped()
            goal.header.frame_id, goal.header.stamp = 'odom', stamp
            goal.pose.position.x, goal.pose.orientation.w = 3.0, 1.0
            self._goal.publish(goal)
        self._ticks += 1
        odom = Odometry(child_frame_id='base_link')
        odom.header.stamp, odom.header.frame_id = stamp, 'odom'
        odom.pose.pose.orientation.w = 1.0
        set_speeds(odom.twist.twist, *self._commanded)
        self._odom.publish(odom)
        step = 2.0 * math.pi / _RAYS
        scan = LaserScan(angle_increment=step, angle_max=step * (_RAYS - 1), range_min=0.1,
                         range_max=10.0, scan_time=_PERIOD_S,
                         ranges=(6.0 + 0.01 * self._rng.standard_normal(_RAYS)).tolist())
        scan.header.stamp, scan.header.frame_id = stamp, 'base_scan'
        self._scan.publish(scan)
