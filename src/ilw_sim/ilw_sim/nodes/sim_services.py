"""The simulator's services: reset it, step it by hand, read and restore its state."""

import json
from typing import Any, Protocol

from rclpy.node import Node

from ilw_core.errors import ContractError
from ilw_msgs.srv import GetSimState, ResetSim, SetSimState, StepSim
from ilw_ros.convert import time_msg
from ilw_sim.simulated import Simulated


class Runs(Protocol):
    """What the services need of the node that runs the simulation."""

    simulation: Simulated
    episode: str

    def begin(self, seed: int, episode: str, state: dict[str, Any] | None = None) -> None:
        """Begin an episode; :raises ContractError: it cannot be, and the old one goes on."""

    def accepts(self, action: list[float]) -> bool:
        """Tell whether this is an action."""

    def step(self, action: list[float]) -> None:
        """Go one tick on; from here to the next episode nothing else moves time."""


class SimServices:
    """Answers for one node; a request that is refused changes nothing."""

    def __init__(self, node: Node, runs: Runs) -> None:
        self._runs = runs
        node.create_service(ResetSim, 'sim/reset', self._on_reset)
        node.create_service(StepSim, 'sim/step', self._on_step)
        node.create_service(GetSimState, 'sim/get_state', self._on_get_state)
        node.create_service(SetSimState, 'sim/set_state', self._on_set_state)

    def _on_reset(self, request: Any, response: Any) -> Any:
        simulation = self._runs.simulation
        try:
            self._runs.begin(_seed(request, simulation.seed), request.episode)
        except ContractError as error:
            response.error_code, response.error_msg = ResetSim.Response.ERROR_WORLD, str(error)
        response.episode = self._runs.episode
        response.stamp = time_msg(simulation.tick.stamp_ns)
        response.shortest_path_m = simulation.shortest_path_m
        return response

    def _on_step(self, request: Any, response: Any) -> Any:
        simulation = self._runs.simulation
        action = list(request.action)
        if action and not self._runs.accepts(action):
            names = simulation.contract.action.names
            response.error_code = StepSim.Response.ERROR_ACTION
            response.error_msg = (f'action must be {len(names)} finite numbers '
                                  f'({", ".join(names)}), or empty. The simulator runs on.')
        elif simulation.tick.ended:
            response.error_code = StepSim.Response.ERROR_ENDED
            response.error_msg = 'The episode is over. Call sim/reset first.'
        else:
            for _ in range(max(1, request.ticks)):
                if simulation.tick.ended:
                    break
                self._runs.step(action)
        response.stamp = time_msg(simulation.tick.stamp_ns)
        response.ended = simulation.tick.ended
        return response

    def _on_get_state(self, _: Any, response: Any) -> Any:
        simulation = self._runs.simulation
        response.state = json.dumps(simulation.state())
        response.pose.x, response.pose.y, response.pose.theta = simulation.pose
        return response

    def _on_set_state(self, request: Any, response: Any) -> Any:
        try:
            self._runs.begin(0, '', json.loads(request.state))
        except (ContractError, ValueError, RecursionError, AttributeError) as error:
            response.error_code, response.error_msg = SetSimState.Response.ERROR_STATE, str(error)
        return response


def _seed(request: Any, current: int) -> int:
    """Return which world a request for an episode asks for."""
    if request.keep_seed:
        return current
    return current + 1 if request.next_seed else int(request.seed)
