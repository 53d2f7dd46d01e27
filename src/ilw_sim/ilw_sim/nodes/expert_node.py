"""The scripted expert on the graph: it sees the map and the truth, and only presses the stick."""

from dataclasses import dataclass
import sys
from typing import Any

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_core.contract.file import load_contract
from ilw_core.features.rotation import yaw_of
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import EpisodeEvent, EpisodeStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.health import note_dropped
from ilw_ros.params import load, param
from ilw_ros.qos import EVENT, LATCHED, STATE
from ilw_ros.run import run_node
from ilw_sim.driver.stick import Stick, StickDriver


@dataclass(frozen=True)
class ExpertParams:
    """Parameters of the expert."""

    contract: str = param('clutter', 'Contract: a name in config/tasks, or a path.')
    seed: int = param(0, 'Seed of style and mistakes.', low=0, high=2 ** 53)
    imperfection: float = param(
        1.0, '0: as well as it can; 1: varied and erring as a person.', low=0.0, high=1.0)
    joystick: str = param('xbox', 'Layout: a name in config/joysticks, or a path.')
    record: bool = param(False, 'Press start before each episode, and drive what is recorded.')


class ExpertNode(Node):
    """Publishes ``joy``, one sample per tick of an episode, and nothing else."""

    def __init__(self, **options: Any) -> None:
        super().__init__('expert', **options)
        p = load(self, ExpertParams)
        self._driver = StickDriver(
            load_contract(config_file('tasks', p.contract)),
            Stick(config_file('joysticks', p.joystick)),
            seed=p.seed, imperfection=p.imperfection, records=p.record)
        self._joy = self.create_publisher(Joy, 'joy', EVENT)
        self.create_subscription(OccupancyGrid, 'map', self._on_map, LATCHED)
        self.create_subscription(PoseStamped, 'goal', self._on_goal, LATCHED)
        self.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.create_subscription(Odometry, 'sim/ground_truth', self._on_truth, STATE)

    def _on_map(self, grid: OccupancyGrid) -> None:
        corner = grid.info.origin.position
        if not self._driver.on_map(
                stamp_ns(grid.header.stamp), grid.data, (grid.info.height, grid.info.width),
                grid.info.resolution, (corner.x, corner.y)):
            note_dropped(self, 'map')

    def _on_goal(self, goal: PoseStamped) -> None:
        point = goal.pose.position
        if not self._driver.on_goal(stamp_ns(goal.header.stamp), (point.x, point.y)):
            note_dropped(self, 'goal')

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender == 'sim' and event.kind == EpisodeEvent.KIND_RESET:
            self._driver.on_reset()
        elif event.sender == 'sim' and event.kind == EpisodeEvent.KIND_STOP:
            self._driver.on_stop()

    def _on_status(self, status: EpisodeStatus) -> None:
        self._driver.on_recorder(status.episode,
                                 recording=status.phase == EpisodeStatus.PHASE_RECORDING,
                                 ready=status.phase == EpisodeStatus.PHASE_READY)

    def _on_truth(self, truth: Odometry) -> None:
        pose = truth.pose.pose
        messages = self._driver.on_tick(
            stamp_ns(truth.header.stamp),
            (pose.position.x, pose.position.y, yaw_of(pose.orientation)))
        for axes, buttons in messages:
            joy = Joy(axes=axes, buttons=buttons)
            joy.header.stamp = truth.header.stamp
            self._joy.publish(joy)


def main() -> None:
    """Run the expert."""
    sys.exit(run_node(ExpertNode))
