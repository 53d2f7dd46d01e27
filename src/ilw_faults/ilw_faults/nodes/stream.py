"""One sensor of a robot at full rate, in its own process: numbered messages until it is ended."""

import os
import signal
import sys
import time
from typing import Any

from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, JointState, LaserScan

from ilw_core.contract.planar_twist import set_speeds
from ilw_ros.qos import CAMERA, STATE_OFFER
from ilw_ros.transport import start_ros

JPEG_BYTES = 50_000
"""A 640x480 photograph at quality 85; to a recorder its bytes are as good as random ones"""


def _joints() -> Any:
    numbers = [0.1] * 7
    return JointState(name=[f'joint_{i}' for i in range(7)], position=numbers, velocity=numbers,
                      effort=numbers)


def _scan() -> Any:
    return LaserScan(ranges=[1.0] * 360, range_max=10.0, angle_increment=0.0175)


def _command() -> Any:
    command = TwistStamped()
    set_speeds(command.twist, 0.2, 0.0)
    return command


def _photo() -> Any:
    return CompressedImage(format='jpeg', data=os.urandom(JPEG_BYTES))


SENSORS = {
    'joint_states': (JointState, _joints, 1000.0, STATE_OFFER),
    'left/image/compressed': (CompressedImage, _photo, 30.0, CAMERA),
    'right/image/compressed': (CompressedImage, _photo, 30.0, CAMERA),
    'scan': (LaserScan, _scan, 20.0, STATE_OFFER),
    'odom': (Odometry, Odometry, 100.0, STATE_OFFER),
    'cmd_vel': (TwistStamped, _command, 10.0, STATE_OFFER),
}
"""Topic -> type, maker of a message, rate [Hz], QoS. Cameras send best effort, as drivers do"""


def main() -> None:
    """Publish ``topic[*factor]``, each message with its number as ``frame_id``, at its rate."""
    start_ros(shared_memory=True)  # as drivers have it by default
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    node = Node('sensor')
    streams = [_Stream(node, word) for word in sys.argv[1:]]
    try:
        while True:
            stream = min(streams, key=lambda s: s.due_s)
            time.sleep(max(0.0, stream.due_s - time.monotonic()))
            stream.send()
    finally:
        rclpy.try_shutdown()


class _Stream:
    def __init__(self, node: Node, word: str) -> None:
        topic, _, factor = word.partition('*')
        kind, make, rate_hz, profile = SENSORS[topic]
        self._node = node
        self._publisher = node.create_publisher(kind, topic, profile)
        self._message = make()
        self._number = 0
        self._period_s = 1.0 / (rate_hz * float(factor or 1))
        self.due_s = time.monotonic()

    def send(self) -> None:
        """Publish the next message."""
        self._number += 1
        header = self._message.header
        header.stamp = self._node.get_clock().now().to_msg()
        header.frame_id = str(self._number)
        if hasattr(self._message, 'ranges'):
            self._message.ranges[0] = 1.0 + self._number % 1000 / 1000  # it is not frozen
        if hasattr(self._message, 'pose'):
            self._message.pose.pose.position.x = float(self._number)
        self._publisher.publish(self._message)
        self.due_s += self._period_s


if __name__ == '__main__':
    main()
