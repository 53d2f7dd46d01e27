"""A scripted person on the graph: watches a policy drive, and only presses the stick."""

from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
import numpy as np

from ilw_bringup.correct.lookout import Lookout
from ilw_bringup.correct.person_beside import PersonBeside
from ilw_bringup.session import Session
from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import speeds_of
from ilw_core.features.rotation import yaw_of
from ilw_core.storage.locate import config_file
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import LATCHED, REQUEST
from ilw_sim.driver.asked import AskedPerson
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.stick import Stick


class ScriptedPerson(PersonBeside):
    """
    Takes the stick where the policy's own way, rolled out, fails or strays.

    :param checkpoint: the policy that drives; ``None``: demonstrate from the first tick on.
    :param seed: of reactions and style.
    :param asked: take the stick when the policy asks for help, and only then.
    """

    def __init__(self, session: Session, contract: Contract, checkpoint: str | None,
                 seed: int, *, asked: bool = False) -> None:
        self._lookout = None if checkpoint is None else Lookout(
            contract, checkpoint, np.random.default_rng(seed))
        self._driver = StickDriver(contract, Stick(config_file('joysticks', 'xbox')), seed=seed,
                                   imperfection=0.0 if checkpoint else 1.0)
        super().__init__(session, contract, self._driver, self._lookout,
                         AskedPerson(np.random.default_rng(seed)) if asked else None)
        for kind, topic, take, profile in (
                (OccupancyGrid, 'map', self._on_map, LATCHED),
                (PoseStamped, 'goal', self._on_goal, LATCHED),
                (Odometry, 'sim/ground_truth', self._on_truth, REQUEST)):
            session.subscribe(kind, topic, take, profile)

    def begin(self, seed: int) -> None:
        """An episode in the world of this seed is about to begin."""
        super().begin(seed)
        if self._lookout is not None:
            self._lookout.enter(seed)

    def _on_map(self, grid: OccupancyGrid) -> None:
        corner = grid.info.origin.position
        self._driver.on_map(stamp_ns(grid.header.stamp), grid.data,
                            (grid.info.height, grid.info.width), grid.info.resolution,
                            (corner.x, corner.y))

    def _on_goal(self, goal: PoseStamped) -> None:
        self._driver.on_goal(stamp_ns(goal.header.stamp),
                             (goal.pose.position.x, goal.pose.position.y))

    def _on_truth(self, truth: Odometry) -> None:
        if self._over:
            return
        stamp, at = stamp_ns(truth.header.stamp), truth.pose.pose
        pose = (at.position.x, at.position.y, yaw_of(at.orientation))
        self._press(truth.header.stamp, pose, holds=self._holds(
            stamp, lambda: self._lookout is None or self._lookout.look(
                stamp, pose, speeds_of(truth.twist.twist), self._asked,
                lambda place: self._driver.cost(stamp, place))))
