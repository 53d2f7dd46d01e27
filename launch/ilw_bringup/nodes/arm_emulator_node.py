"""The emulated arm on the graph: commands in, sensors out, as its drivers do. No services."""

from dataclasses import dataclass
import json
import secrets
import sys
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_bringup.emulated_arm import RATE_HZ, LiveArm
from ilw_core.contract.file import load_contract
from ilw_core.storage.files import write_file
from ilw_core.storage.locate import config_file
from ilw_emulator.arm.traits import load_arm_emulator
from ilw_emulator.arm.truth import revealed_arm
from ilw_msgs.msg import EpisodeEvent
from ilw_ros.commands import CommandEar
from ilw_ros.health import OK, WARN, Diagnostics, note_dropped
from ilw_ros.params import load, param
from ilw_ros.qos import EVENT, REQUEST, SENSOR_OFFER
from ilw_ros.run import run_node
from ilw_sim.nodes.sim_readings import SimReadings

_LOOK_S = 0.004
_NEXT = {EpisodeEvent.KIND_STOP: 1, EpisodeEvent.KIND_DISCARD: 0}
"""How an episode ended -> how many worlds on; a discarded one is redone"""
_AWAY_NS = 600_000_000
"""Nobody records how the arm gets home: it is silent for so long"""


@dataclass(frozen=True)
class ArmEmulatorParams:
    """Parameters of the emulated arm."""

    contract: str = param('lift_state', 'Contract: a name in config/tasks, or a path.')
    profile: str = param('typical', 'Arm: a name in config/emulated_arms, or a path.')
    seed: int = param(-1, 'Which arm of the profile; -1: a secret one.', low=-1, high=2 ** 53)
    world: int = param(0, 'Seed of what lies on the table first; after an episode the next.',
                       low=0, high=2 ** 53)
    reveal: str = param('', 'File that receives the truth as JSON; empty: it stays a secret.')


class ArmEmulatorNode(Node):
    """Runs one arm on the steady clock, from when the node starts."""

    def __init__(self, **options: Any) -> None:
        super().__init__('arm_emulator', **options)
        params = load(self, ArmEmulatorParams)
        contract = load_contract(config_file('tasks', params.contract))
        profile = load_arm_emulator(params.profile)
        seed = params.seed if params.seed >= 0 else secrets.randbits(53)
        self._zero_ns = time.time_ns() - time.monotonic_ns()
        self._arm = LiveArm(contract, profile, seed, params.world, self._now_ns())
        simulation = self._arm.simulation
        if params.reveal:
            write_file(params.reveal, json.dumps(revealed_arm(
                profile, seed, len(simulation.world.model.joints)), indent=1))
        self._readings = SimReadings(self, simulation, qos=SENSOR_OFFER, but=('sim/ground_truth',))
        self._health = Diagnostics(self, 'arm')
        CommandEar(self, contract.action, self._on_action, REQUEST)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_S, self._on_look, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        self._readings.begin(simulation)

    def _now_ns(self) -> int:
        return self._zero_ns + time.monotonic_ns()  # does not jump when somebody sets the clock

    def _on_action(self, _: int | None, values: list[float]) -> None:
        self._on_look()
        if not self._arm.command(values, self._now_ns()):
            note_dropped(self, 'commands')

    def _on_look(self) -> None:
        now_ns = self._now_ns()  # once: others wait for their turn
        while self._arm.advance(now_ns):
            self._readings.tick(self._arm.simulation)

    def _on_event(self, event: EpisodeEvent) -> None:
        """After an episode somebody sets the table anew, and drives the arm home."""
        if event.kind in _NEXT:
            self._arm.begin(self._arm.simulation.seed + _NEXT[event.kind],
                            self._now_ns() + _AWAY_NS)
            self._readings.begin(self._arm.simulation)

    def _on_second(self) -> None:
        self._readings.second(self._arm.simulation)
        late_s = self._arm.left_out_s
        self._health.publish(
            WARN if late_s else OK, 'this computer is too slow for it' if late_s else 'running',
            {'readings [Hz]': f'{RATE_HZ:g}', 'left out [s]': f'{late_s:.2f}',
             'commands refused': self._arm.refused})


def main() -> None:
    """Run the emulated arm."""
    sys.exit(run_node(ArmEmulatorNode))
