"""How it is going, in one line, and a map to drive by, on the terminal. See ``status.py``."""

import sys
import time

from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import LaserScan

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ArbiterState, EpisodeEvent, EpisodeStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.health import note_dropped
from ilw_ros.live import LiveLines
from ilw_ros.params import load
from ilw_ros.qos import EVENT, LATCHED, STATE
from ilw_ros.run import run_node
from ilw_teleop.nodes.parameters import StatusParams
from ilw_teleop.nodes.person.goal_ear import GoalEar
from ilw_teleop.recording.words import Phase
from ilw_teleop.terminal.map import ASCII, UNICODE, MapView, beam_ends, grid_of
from ilw_teleop.terminal.status import ArbiterSaid, RecorderSaid, Status
from ilw_teleop.terminal.status_text import coloured, gist, picture, steady

PERIOD_S = 0.15
RESET_NS = 500_000_000
"""Of wall time: by then a simulator that begins its world for a take has said so"""
BELOW = 7
"""Lines that the map leaves for the status, the keys, and what the nodes say"""


class StatusNode(Node):
    """Wires a ``Status`` and a ``MapView`` to the graph."""

    def __init__(self) -> None:
        super().__init__('status')
        params = load(self, StatusParams)
        contract = load_contract(config_file('tasks', params.contract))
        self._status = Status(contract, policy=params.policy, keys=params.keys)
        self._view, self._scene = params.view, MapView()
        self._live, self._said = LiveLines('1 status'), ''
        self._glyphs = UNICODE if 'utf' in (sys.stdout.encoding or '').lower() else ASCII
        self._begin: tuple[int, int] | None = None
        self._ear = GoalEar(self, contract, self._on_pose)
        self.create_subscription(ArbiterState, 'arbiter/state', self._on_arbiter, EVENT)
        self.create_subscription(EpisodeStatus, 'episode/status', self._on_recorder, LATCHED)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        scan = contract.safety.scan
        self.create_subscription(LaserScan, scan.topic if scan else 'scan', self._on_scan, STATE)
        self.create_subscription(OccupancyGrid, 'map', self._on_map, LATCHED)
        self.create_timer(PERIOD_S, self._on_draw,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_pose(self) -> None:
        ear, status = self._ear, self._status
        status.pose, status.pose_wall_ns, status.goal = ear.pose, ear.pose_wall_ns, ear.goal
        if ear.pose is not None:
            self._scene.drive(ear.pose)
        self._scene.goal = ear.goal
        if self._begin is not None:
            self._tell_begin(*self._begin)

    def _tell_begin(self, since_ns: int, since_wall_ns: int) -> None:
        if self._ear.stamp_ns >= since_ns and time.monotonic_ns() >= since_wall_ns:
            self._begin = None
            what = 'Take begins' if self._status.recording else 'New world'
            self._live.say(f'{what}. {self._status.where()}')

    def _on_arbiter(self, said: ArbiterState) -> None:
        self._status.hear(ArbiterSaid(
            said.source, said.armed, said.estopped, said.estop_why, said.published, said.reasons,
            time.monotonic_ns()))

    def _on_recorder(self, said: EpisodeStatus) -> None:
        before = self._status.recorder
        self._status.recorder = RecorderSaid(
            said.phase, stamp_ns(said.begin), said.kept, said.outcome, said.attempted, said.saved,
            said.problems, time.monotonic_ns())
        begins = said.phase == Phase.RECORDING and (before is None or before.phase != said.phase)
        if begins and self._begin is None:  # a simulator may bring the robot to a start first
            self._begin = 0, time.monotonic_ns() + RESET_NS

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.kind == EpisodeEvent.KIND_RESET:
            self._status.world_began_ns = began_ns = stamp_ns(event.header.stamp)
            self._scene.path.clear()
            self._begin = began_ns, 0  # what comes late was before

    def _on_scan(self, scan: LaserScan) -> None:
        if self._view and self._ear.pose is not None:
            self._scene.scan = beam_ends(
                self._ear.pose, scan.ranges, scan.angle_min, scan.angle_increment,
                scan.range_min, scan.range_max)

    def _on_map(self, grid: OccupancyGrid) -> None:
        corner = grid.info.origin.position
        walls = grid_of(np.asarray(grid.data, dtype=np.int8), grid.info.width, grid.info.height,
                        grid.info.resolution, (corner.x, corner.y))
        if walls is None:
            note_dropped(self, 'map')
        else:
            self._scene.walls = walls

    def _on_draw(self) -> None:
        parts = self._status.parts(self.get_clock().now().nanoseconds, time.monotonic_ns())
        if not self._live.redraws:
            self._print(steady(parts))
            return
        columns, rows = self._live.size()
        drawn = picture(self._scene, columns - 1, rows - BELOW, self._glyphs
                        ) if self._view else []
        self._live.show([*drawn, coloured(parts, columns - 1)])

    def _print(self, line: str) -> None:
        if gist(line) != self._said:
            self._said = gist(line)
            self._live.say(line)

    def destroy_node(self) -> None:
        """Take the lines off the screen before leaving."""
        self._live.close()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(StatusNode)
