"""A terminal's keyboard as sensor_msgs/Joy. See ``keyboard.py``."""

import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_ros.live import LiveLines
from ilw_ros.params import load
from ilw_ros.qos import EVENT
from ilw_ros.run import run_node
from ilw_teleop.joystick.keyboard import HELP_KEY, EarlyKeys, Keyboard, help_of, moves_of
from ilw_teleop.joystick.layout import load_joystick
from ilw_teleop.joystick.rhythm import Repeat
from ilw_teleop.nodes.parameters import KeyboardParams
from ilw_teleop.terminal.keys import Terminal


class KeyboardNode(Node):
    """Wires a ``Keyboard`` to the graph."""

    def __init__(self) -> None:
        super().__init__('keyboard')
        params = load(self, KeyboardParams)
        contract = load_contract(config_file('tasks', params.contract))
        self._keyboard = Keyboard(load_joystick(config_file('joysticks', params.joystick)),
                                  moves_of(contract))
        self._repeat = Repeat(round(1e9 / params.autorepeat_hz))
        self._early, self._terminal = EarlyKeys(), Terminal()
        self._live = LiveLines('2 keys')
        self._help = help_of(contract)
        self._live.say(self._help)
        self._joy_pub = self.create_publisher(Joy, 'joy', EVENT)
        self.create_timer(0.02, self._on_poll, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_poll(self) -> None:
        now = time.monotonic_ns()
        heard = self._joy_pub.get_subscription_count() > 0
        typed = self._terminal.read()
        if HELP_KEY in typed.lower():
            self._live.say(self._help)
        self._keyboard.type(self._early.take(typed, now, heard=heard), now)
        state = self._keyboard.state(now)
        if self._repeat.due(state, now):
            joy = Joy(axes=state[0], buttons=state[1])
            joy.header.stamp = self.get_clock().now().to_msg()
            self._joy_pub.publish(joy)
        answer = self._keyboard.answer(now)
        if answer or self._live.redraws:
            self._live.show([f'  key {answer}' if answer else ''])

    def destroy_node(self) -> None:
        """Give the terminal back before leaving."""
        self._terminal.close()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(KeyboardNode)
