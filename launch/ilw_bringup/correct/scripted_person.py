"""A scripted person on the graph: watches a policy drive, and only presses the stick."""

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
import numpy as np
from sensor_msgs.msg import Joy

from ilw_bringup.correct.lookout import Lookout
from ilw_bringup.session import Session
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import speeds_of
from ilw_core.features.rotation import yaw_of
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ActionChunk, EpisodeEvent
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, REQUEST
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.stick import Stick


class ScriptedPerson:
    """
    Publishes ``joy`` while the session waits: at rest, or an expert's hand.

    :param checkpoint: the policy that drives; ``None``: demonstrate from the first tick on.
    :param seed: of reactions and style.
    """

    def __init__(self, session: Session, contract: Contract, checkpoint: str | None,
                 seed: int) -> None:
        self._contract = contract
        self._lookout = None if checkpoint is None else Lookout(
            contract, checkpoint, np.random.default_rng(seed))
        self._hand = StickDriver(contract, Stick(config_file('joysticks', 'xbox')), seed=seed,
                                 imperfection=0.0 if checkpoint else 1.0)
        self._command = contract.action.rest
        self._over = True
        self._joy = session.publisher(Joy, 'joy', EVENT)
        for kind, topic, take, profile in (
                (OccupancyGrid, 'map', self._on_map, LATCHED),
                (PoseStamped, 'goal', self._on_goal, LATCHED),
                (EpisodeEvent, 'episode/event', self._on_event, EVENT),
                (ActionChunk, 'policy/action', self._on_action, REQUEST),
                (Odometry, 'sim/ground_truth', self._on_truth, REQUEST)):
            session.subscribe(kind, topic, take, profile)

    def begin(self, seed: int) -> None:
        """An episode in the world of this seed is about to begin."""
        if self._lookout is not None:
            self._lookout.enter(seed)
        self._command = self._contract.action.rest

    def _on_map(self, grid: OccupancyGrid) -> None:
        corner = grid.info.origin.position
        self._hand.on_map(stamp_ns(grid.header.stamp), grid.data,
                          (grid.info.height, grid.info.width), grid.info.resolution,
                          (corner.x, corner.y))

    def _on_goal(self, goal: PoseStamped) -> None:
        self._hand.on_goal(stamp_ns(goal.header.stamp),
                           (goal.pose.position.x, goal.pose.position.y))

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender != 'sim':
            return
        if event.kind == EpisodeEvent.KIND_RESET:
            self._hand.on_reset()
            if self._lookout is not None:
                self._lookout.begin()
            self._over = False
        elif event.kind == EpisodeEvent.KIND_STOP:
            self._hand.on_stop()
            self._over = True

    def _on_action(self, chunk: ActionChunk) -> None:
        if chunk.active and len(chunk.values) >= self._contract.action.dim:
            self._command = np.array(chunk.values[:self._contract.action.dim])

    def _on_truth(self, truth: Odometry) -> None:
        stamp, at = stamp_ns(truth.header.stamp), truth.pose.pose
        pose = (at.position.x, at.position.y, yaw_of(at.orientation))
        twist = speeds_of(truth.twist.twist)
        if self._over:
            return
        if self._lookout is None or self._lookout.look(
                stamp, pose, twist, self._command,
                lambda place: self._hand.cost(stamp, place)):
            pressed = self._hand.on_tick(stamp, pose)
        else:
            pressed = [self._hand.idle(stamp)]
        for axes, buttons in pressed:
            joy = Joy(axes=axes, buttons=buttons)
            joy.header.stamp = truth.header.stamp
            self._joy.publish(joy)
