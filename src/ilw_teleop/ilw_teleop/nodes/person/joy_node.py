"""A gamepad as sensor_msgs/Joy; the standard package `joy` does as well. See ``gamepad.py``."""

import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.storage.locate import config_file
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.params import load
from ilw_ros.qos import EVENT
from ilw_ros.run import run_node
from ilw_teleop.joystick.gamepad import Gamepad
from ilw_teleop.joystick.layout import AUTO, load_joystick
from ilw_teleop.joystick.rhythm import Repeat
from ilw_teleop.nodes.parameters import JoyParams
from ilw_teleop.nodes.person.recorder_ear import RecorderEar


class JoyNode(Node):
    """Wires a ``Gamepad`` to the graph. Without one it says nothing, so the deadman releases."""

    def __init__(self) -> None:
        super().__init__('joy')
        params = load(self, JoyParams)
        joystick = None if params.joystick == AUTO else load_joystick(
            config_file('joysticks', params.joystick))
        self._gamepad = Gamepad(joystick, device=params.device, deadzone=params.deadzone)
        self._complaint, self._sent = '', False
        """The last message was of a gamepad that was there"""
        self._repeat = Repeat(round(1e9 / params.autorepeat_hz))
        self._joy_pub = self.create_publisher(Joy, 'joy', EVENT)
        self._diagnostics = Diagnostics(self, 'gamepad')
        if params.rumble:
            self._recorder = RecorderEar(self, on_alarm=self._gamepad.rumble)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.005, self._on_poll, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        self._on_second()

    def _on_poll(self) -> None:
        state = self._gamepad.read()
        gone = state is None and self._sent
        if gone or self._repeat.due(state, time.monotonic_ns()):
            # Without axes and buttons once: unplugged. What comes then is another pad.
            joy = Joy() if state is None else Joy(axes=state[0], buttons=state[1])
            joy.header.stamp = self.get_clock().now().to_msg()
            joy.header.frame_id = 'joy'
            self._joy_pub.publish(joy)
            self._sent = not gone

    def _on_second(self) -> None:
        if self._gamepad.look():
            self.get_logger().info(
                f'Found {self._gamepad.name}, layout {self._gamepad.layout}.')
        name, refused = self._gamepad.name, ' '.join(self._gamepad.refused)
        if refused and not name:
            text = f'{refused} Only its emergency stop is read.'
            if text != self._complaint:
                self._complaint = text
                self.get_logger().error(text)
            self._diagnostics.publish(ERROR, text, {})
            return
        if not name:
            self.get_logger().warning('No gamepad yet. Plug one in; it is taken when it comes.',
                                      once=True)
        self._diagnostics.publish(OK if name else WARN, name or 'no gamepad', {})


def main() -> int:
    """Run the node."""
    return run_node(JoyNode)
