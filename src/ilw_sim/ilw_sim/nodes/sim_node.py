"""The simulator on the graph: commands in, state and time out, services beside."""

import sys
from typing import Any
import uuid

from rclpy.node import Node

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_ros.commands import CommandEar
from ilw_ros.health import note_dropped
from ilw_ros.params import load
from ilw_ros.qos import REQUEST
from ilw_ros.run import run_node
from ilw_sim.lockstep import CommandGate, Pace, Pulse
from ilw_sim.nodes.parameters import SimParams
from ilw_sim.nodes.sim_clock import OthersClock, OwnClock
from ilw_sim.nodes.sim_services import SimServices
from ilw_sim.nodes.sim_topics import SimTopics
from ilw_sim.physics.actuation import find_plant
from ilw_sim.robots import make_simulation

_JUMP_NS = 1_000_000_000  # a new episode is ahead in time: no message of the old one fits in it
_LEAP_NS = 500_000_000


class SimNode(Node):
    """Runs one simulation."""

    def __init__(self, **options: Any) -> None:
        super().__init__('sim', **options)
        p = self._params = load(self, SimParams)
        contract = load_contract(config_file('tasks', p.contract))
        self.simulation = make_simulation(
            contract, lidar_rays=p.lidar_rays or None, gui=p.gui, plant=find_plant(p.plant))
        period_s, period_ns = self.simulation.period_s, contract.period_ns
        self._pace = Pace(p.lockstep, p.real_time_factor, p.command_wait_s)
        self._gate = CommandGate(contract, p.command_timeout_s)
        self._ear = CommandEar(self, contract.action, self._on_action, REQUEST)
        self.episode, self._by_hand, self._now_ns = '', False, 0
        self._leap_ns = max(_LEAP_NS, 5 * period_ns)
        self._time: OwnClock | OthersClock = (
            OwnClock(self, Pulse(period_ns, self._pace.wall_s(period_s)),
                     self._pace.tick_s(period_s), self._go_on)
            if p.clock else OthersClock(self, self._on_time))
        self._topics = SimTopics(self, self._time, self.simulation,
                                 prefix=p.tf_prefix, publish_tf=p.publish_tf)
        if p.clock:
            self.begin(p.seed, '')
        else:
            self.simulation.reset(p.seed)  # it begins with the first time that is heard
        self._answers = SimServices(self, self)

    @property
    def _stamp_ns(self) -> int:
        return self.simulation.tick.stamp_ns

    @property
    def _runs(self) -> bool:
        """Whether another tick follows by itself."""
        return not self._by_hand and not self.simulation.tick.ended

    def begin(self, seed: int, episode: str, state: dict[str, Any] | None = None) -> None:
        """Begin an episode; :raises ContractError: it cannot be, and the old one goes on."""
        simulation = self.simulation
        begun_ns = 0 if simulation.seed < 0 else self._stamp_ns
        start_ns = begun_ns + _JUMP_NS if self._params.clock else self._now_ns
        if state is None:
            simulation.reset(seed, start_ns)
        else:
            simulation.set_state(state, start_ns)
        self.episode, self._by_hand = episode or uuid.uuid4().hex[:12], False
        self._gate.clear()
        self._topics.begin(simulation, self.episode, runs=self._runs)
        self._time.wait_anew()

    def accepts(self, action: list[float]) -> bool:
        """Tell whether this is an action."""
        return self._gate.accepts(action)

    def step(self, action: list[float]) -> None:
        """Go one tick on; from here to the next episode nothing else moves time."""
        self._by_hand = True
        if action:
            self._gate.offer(0, self._stamp_ns, action)
        self._advance()

    def _advance(self) -> None:
        tick = self.simulation.step(self._gate.action(self._stamp_ns))
        self._ear.wait_anew()
        self._topics.tick(self.simulation, self.episode, runs=self._runs)
        if tick.ended and not self._params.auto_reset:
            self._time.stop()
        elif self._pace.steps_on_command:
            self._time.wait_anew()

    def _on_action(self, stamp_ns: int | None, values: list[float]) -> None:
        refused = self._gate.refused
        awaited = self._gate.offer(stamp_ns or 0, self._stamp_ns, values)
        if self._gate.refused > refused:
            note_dropped(self, 'commands')
        if awaited and self._ear.whole and self._pace.steps_on_command and self._runs:
            self._advance()

    def _go_on(self) -> None:
        if self._runs:
            self._advance()
        elif not self._by_hand and self._params.auto_reset:
            self.begin(self.simulation.seed + 1, '')

    def _on_time(self, now_ns: int) -> None:
        """Follow another's clock; where it leaps, nothing happened meanwhile."""
        first, self._now_ns = not self._now_ns, now_ns
        if first:
            self.begin(self.simulation.seed, self.episode)
        elif self._runs and abs(now_ns - self._stamp_ns) > self._leap_ns:
            self.simulation.restamp(now_ns)
        while self._runs and self._stamp_ns + self.simulation.contract.period_ns <= now_ns:
            self._advance()
        if not self._runs:
            self._go_on()


def main() -> None:
    """Run the simulator."""
    sys.exit(run_node(SimNode))
