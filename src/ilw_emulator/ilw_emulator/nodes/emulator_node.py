"""The emulated machine on the graph: commands in, sensors out, as a driver does. No services."""

from dataclasses import dataclass
import json
import secrets
import sys
import time
from typing import Any

from geometry_msgs.msg import PoseStamped, TransformStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState, LaserScan

from ilw_core.contract.file import load_contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.storage.files import write_file
from ilw_core.storage.locate import config_file
from ilw_emulator import messages
from ilw_emulator.profile import load_emulator
from ilw_emulator.robot import Robot
from ilw_emulator.truth import revealed
from ilw_emulator.world import load_world
from ilw_ros.commands import CommandEar
from ilw_ros.convert import fill, message_class
from ilw_ros.health import OK, WARN, Diagnostics
from ilw_ros.params import load, param
from ilw_ros.qos import LATCHED, REQUEST, SENSOR_OFFER, STATE_OFFER
from ilw_ros.run import run_node

_LOOK_S = 0.004
_LIDAR_HEIGHT_M = 0.18  # as drawn
_KINDS: dict[str, Any] = {'odom': Odometry, 'joint_states': JointState, 'scan': LaserScan}


@dataclass(frozen=True)
class EmulatorParams:
    """Parameters of the emulated machine."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    profile: str = param('typical', 'Emulator: a name in config/emulators, or a path.')
    seed: int = param(-1, 'Which machine of the profile; -1: a secret one.', low=-1, high=2 ** 53)
    world: str = param('', 'World file; see docs/how-to/emulate_a_robot.md.')
    reveal: str = param('', 'File that receives the truth as JSON; empty: it stays a secret.')


class EmulatorNode(Node):
    """Runs one machine on the steady clock, from when the node starts."""

    def __init__(self, **options: Any) -> None:
        super().__init__('emulator', **options)
        params = load(self, EmulatorParams)
        contract = load_contract(config_file('tasks', params.contract))
        profile = load_emulator(params.profile)
        seed = params.seed if params.seed >= 0 else secrets.randbits(53)
        traits = profile.machine(seed)
        self._zero_ns = time.time_ns() - time.monotonic_ns()
        self._robot = Robot(traits, profile.body, load_world(params.world), seed, self._now_ns())
        if params.reveal:
            write_file(params.reveal, json.dumps(
                revealed(profile.name, seed, traits, profile.body), indent=1))
        self._axes = twist_fields(contract.action, 'The emulated robot')
        self._goal = self.create_publisher(PoseStamped, 'goal', LATCHED)
        self._sensors = {topic: self.create_publisher(kind, topic, SENSOR_OFFER)
                         for topic, kind in _KINDS.items()}
        self._tf_kind = message_class('tf2_msgs/msg/TFMessage')
        self._tf = self.create_publisher(self._tf_kind, '/tf', STATE_OFFER)
        self._tf_static = self.create_publisher(self._tf_kind, '/tf_static', LATCHED)
        self._health = Diagnostics(self, 'base')
        CommandEar(self, contract.action, self._on_action, REQUEST)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_S, self._on_look, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        self._tf_static.publish(self._transforms(
            messages.mount(self._robot.stamp_ns(self._now_ns()), _LIDAR_HEIGHT_M)))
        self._on_second()

    def _now_ns(self) -> int:
        return self._zero_ns + time.monotonic_ns()  # does not jump when somebody sets the clock

    def _on_action(self, _: int | None, values: list[float]) -> None:
        self._on_look()
        forward, turn = (values[axis] for axis in self._axes)
        self._robot.command(forward, turn, self._now_ns())

    def _on_look(self) -> None:
        now_ns = self._now_ns()
        while (arrival := self._robot.advance(now_ns)) is not None:
            self._sensors[arrival.topic].publish(
                fill(_KINDS[arrival.topic](), arrival.message))
            if arrival.topic == 'odom' and self._tf.get_subscription_count():
                self._tf.publish(self._transforms(messages.transform(arrival.message)))

    def _transforms(self, reading: Any) -> Any:
        return self._tf_kind(transforms=[fill(TransformStamped(), reading)])

    def _on_second(self) -> None:
        self._goal.publish(fill(PoseStamped(), self._robot.goal(self._now_ns())))
        drive = self._robot.drive
        touched = drive.touched
        self._health.publish(
            WARN if touched else OK, f'bumped into a {touched}' if touched else 'running',
            {'battery [%]': f'{100 * drive.charge_ratio:.1f}',
             'driven [m]': f'{drive.path_length_m:.2f}', 'commands refused': drive.refused})


def main() -> None:
    """Run the emulated machine."""
    sys.exit(run_node(EmulatorNode))
