"""The simulator on the graph: commands in, state and time out, services beside."""

import json
import sys
from typing import Any
import uuid

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_core.contract import load_contract
from ilw_core.errors import ContractError
from ilw_core.locate import config_file
from ilw_msgs.srv import GetSimState, ResetSim, SetSimState, StepSim
from ilw_ros.convert import get_field, header_ns, message_class, time_msg
from ilw_ros.health import note_dropped
from ilw_ros.params import load
from ilw_ros.qos import REQUEST
from ilw_ros.run import run_node
from ilw_sim.actuation import find_plant
from ilw_sim.lockstep import CommandGate, Pace
from ilw_sim.nodes.parameters import SimParams
from ilw_sim.nodes.sim_topics import SimTopics
from ilw_sim.simulation import Simulation

_JUMP_NS = 1_000_000_000  # a new episode is ahead in time: no message of the old one fits in it


class SimNode(Node):
    """Runs one simulation."""

    def __init__(self, **options: Any) -> None:
        super().__init__('sim', **options)
        p = self._params = load(self, SimParams)
        contract = load_contract(config_file('tasks', p.contract))
        self._simulation = Simulation(
            contract, lidar_rays=p.lidar_rays or None, gui=p.gui, plant=find_plant(p.plant))
        self._pace = Pace(p.lockstep, p.real_time_factor, p.command_wait_s)
        self._gate = CommandGate(contract, p.command_timeout_s)
        self._topics = SimTopics(self, publish_tf=p.publish_tf)
        self._names = contract.action.names
        self._episode, self._seed, self._by_hand, self._stamp_ns = '', p.seed, False, 0
        self.create_subscription(message_class(contract.action.type), contract.action.topic,
                                 self._on_command, REQUEST)
        self.create_service(ResetSim, 'sim/reset', self._on_reset)
        self.create_service(StepSim, 'sim/step', self._on_step)
        self.create_service(GetSimState, 'sim/get_state', self._on_get_state)
        self.create_service(SetSimState, 'sim/set_state', self._on_set_state)
        self._timer = self.create_timer(
            self._pace.tick_s(self._simulation.period_s), self._on_timer,
            clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._reset(p.seed, '')

    def _reset(self, seed: int, episode: str, state: dict[str, Any] | None = None) -> None:
        start_ns = self._stamp_ns + _JUMP_NS
        if state is None:
            self._simulation.reset(seed, start_ns)
        else:
            self._simulation.set_state(state, start_ns)
        self._seed, self._episode = self._simulation.seed, episode or uuid.uuid4().hex[:12]
        self._stamp_ns, self._by_hand = start_ns, False
        self._gate.clear()
        self._topics.begin(self._simulation, self._episode)
        self._timer.reset()

    def _advance(self) -> None:
        tick = self._simulation.step(self._gate.action(self._stamp_ns))
        self._stamp_ns = tick.stamp_ns
        self._topics.tick(self._simulation, self._episode)
        if tick.ended and not self._params.auto_reset:
            self._timer.cancel()
        elif self._pace.steps_on_command:
            self._timer.reset()

    def _on_command(self, message: Any) -> None:
        values = [get_field(message, name) for name in self._names]
        refused = self._gate.refused
        awaited = self._gate.offer(header_ns(message) or 0, self._stamp_ns, values)
        if self._gate.refused > refused:
            note_dropped(self, 'commands')
        if (awaited and self._pace.steps_on_command and not self._by_hand
                and not self._simulation.tick.ended):
            self._advance()

    def _on_timer(self) -> None:
        if not self._by_hand and not self._simulation.tick.ended:
            self._advance()
        elif not self._by_hand and self._params.auto_reset:
            self._reset(self._seed + 1, '')

    def _on_reset(self, request: Any, response: Any) -> Any:
        try:
            seed = self._seed + 1 if request.next_seed else request.seed
            self._reset(self._seed if request.keep_seed else seed, request.episode)
        except ContractError as error:
            response.error_code, response.error_msg = ResetSim.Response.ERROR_WORLD, str(error)
        response.episode, response.stamp = self._episode, time_msg(self._stamp_ns)
        response.shortest_path_m = self._simulation.scene.shortest_path_m
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        self._by_hand = True  # until the next reset, nothing else moves time
        if request.action and not self._gate.accepts(request.action):
            response.error_code = StepSim.Response.ERROR_ACTION
            response.error_msg = f'action must be {len(self._names)} finite numbers.'
        elif self._simulation.tick.ended:
            response.error_code = StepSim.Response.ERROR_ENDED
            response.error_msg = 'The episode is over. Call sim/reset first.'
        else:
            for _ in range(max(1, request.ticks)):
                if self._simulation.tick.ended:
                    break
                if request.action:
                    self._gate.offer(0, self._stamp_ns, request.action)
                self._advance()
        response.stamp = time_msg(self._stamp_ns)
        response.ended = self._simulation.tick.ended
        return response

    def _on_get_state(self, _: Any, response: Any) -> Any:
        response.state = json.dumps(self._simulation.state())
        response.pose.x, response.pose.y, response.pose.theta = self._simulation.pose
        return response

    def _on_set_state(self, request: Any, response: Any) -> Any:
        try:
            self._reset(0, '', json.loads(request.state))
        except (ContractError, ValueError, RecursionError, AttributeError) as error:
            response.error_code, response.error_msg = SetSimState.Response.ERROR_STATE, str(error)
        return response


def main() -> None:
    """Run the simulator."""
    sys.exit(run_node(SimNode))
