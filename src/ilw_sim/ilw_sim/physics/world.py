"""The physics of one episode: a robot and a room in PyBullet. No task, no sensor noise."""

from collections.abc import Callable, Sequence
import math
import tempfile
from typing import Any

import numpy as np

from ilw_sim.physics.actuation import PHYSICS_HZ, RIM_ACCELERATION_MPS2, Twist
from ilw_sim.physics.client import Client
from ilw_sim.physics.diff_drive import JOINTS, DiffDrive, Pose, urdf_path
from ilw_sim.physics.quiet_pybullet import pybullet
from ilw_sim.physics.robot import scaled_urdf
from ilw_sim.simulated import Contact
from ilw_sim.tasks.scene import HEIGHT_M, Box, Scene, Shape

_COMPOUND = 16  # shapes per body: the most PyBullet takes, and twice as fast as a body each
_BODY = -1      # PyBullet's index of the base link
_SETTLE_STEPS = 24
_TYRE_FRICTION = 3.0     # with less, wheels slip in every turn: 0.1 rad in a minute


class World:
    """
    A PyBullet server that holds one episode at a time.

    :param period_s: time of one tick; physics steps at 240 Hz or the nearest whole fraction.
    :param ramp: keep the wheels' speeds from jumping; ``False``: the twists do not jump.
    """

    def __init__(self, period_s: float, drive: DiffDrive, *, gui: bool = False,
                 ramp: bool = True) -> None:
        self.drive = drive
        self.substeps = max(1, round(PHYSICS_HZ * period_s))
        self.timestep_s = period_s / self.substeps
        self._gui, self._ramp = gui, ramp
        self._client: Any = None
        self._robot = -1
        self._wheels: list[int] = []
        self._names: dict[int, str] = {}
        self._speeds = np.zeros(2)

    def reset(self, scene: Scene) -> None:
        """Build a scene from nothing: no contact, cache or speed of an earlier one is left."""
        if self._client is None:
            self._client = Client(pybullet.GUI if self._gui else pybullet.DIRECT)
        client = self._client
        client.resetSimulation()
        client.setPhysicsEngineParameter(
            fixedTimeStep=self.timestep_s, numSolverIterations=20,
            deterministicOverlappingPairs=1)
        client.setGravity(0.0, 0.0, -9.81)
        ground = client.createMultiBody(0, client.createCollisionShape(pybullet.GEOM_PLANE))
        client.changeDynamics(ground, _BODY, lateralFriction=1.0)
        self._names = _add_shapes(client, scene.shapes)
        x, y, yaw = scene.start
        self._robot = self._load_robot([x, y, 0.0], [0.0, 0.0, yaw])
        joints = {client.getJointInfo(self._robot, i)[1].decode(): i
                  for i in range(client.getNumJoints(self._robot))}
        self._wheels = [joints[name] for name in JOINTS]
        # Damping apart from friction: together PyBullet would set both on the base.
        client.changeDynamics(self._robot, _BODY, linearDamping=0.0, angularDamping=0.0)
        client.changeDynamics(self._robot, _BODY, lateralFriction=0.2)
        client.changeDynamics(self._robot, joints['caster_joint'], lateralFriction=0.0)
        for wheel in self._wheels:
            client.changeDynamics(self._robot, wheel, lateralFriction=_TYRE_FRICTION)
        if not self.drive.shipped:  # its wheels may stand out, and are no bumpers
            for body in self._names:
                for link in (*self._wheels, joints['caster_joint']):
                    client.setCollisionFilterPair(self._robot, body, link, _BODY, 0)
        self._set_wheels(np.zeros(2))
        for _ in range(_SETTLE_STEPS):
            client.stepSimulation()

    def step(self, twists: Sequence[Twist], watch: Callable[[int], None]) -> Contact | None:
        """
        Drive for one tick; return the first contact with anything but the ground.

        :param twists: one per physics step.
        :param watch: called after each of them with how many there were in this tick.
        """
        most = RIM_ACCELERATION_MPS2 / self.drive.wheel_radius_m * self.timestep_s
        first, last, wanted = None, None, self._speeds
        for done, twist in enumerate(twists, 1):
            if twist != last:
                wanted, last = np.array(self.drive.wheel_speeds(*twist)), twist
            gap = wanted - self._speeds
            largest = max(abs(gap[0]), abs(gap[1]))
            if largest > 0.0:  # both wheels ramp in proportion, which keeps the curve
                self._set_wheels(wanted if largest <= most or not self._ramp else
                                 self._speeds + gap * (most / largest))
            self._client.stepSimulation()
            if first is None:
                first = self._contact()
            watch(done)
        return first

    def pose(self) -> Pose:
        """Return the robot's true x, y, yaw."""
        (x, y, _), q = self._client.getBasePositionAndOrientation(self._robot)
        base = self._client.getDynamicsInfo(self._robot, _BODY)
        local = self._client.invertTransform(base[3], base[4])  # inertial frame to link frame
        position, orientation = self._client.multiplyTransforms((x, y, 0.0), q, *local)
        qx, qy, qz, qw = orientation
        yaw = math.atan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy * qy + qz * qz))
        return position[0], position[1], yaw

    def velocity(self) -> tuple[np.ndarray, np.ndarray]:
        """Return linear [m/s] and angular [rad/s] velocity in the world, each ``(3,)``."""
        linear, angular = self._client.getBaseVelocity(self._robot)
        return np.array(linear), np.array(angular)

    def wheels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return wheel angles [rad] and speeds [rad/s], each ``(2,)``, left then right."""
        states = self._client.getJointStates(self._robot, self._wheels)
        return np.array([s[0] for s in states]), np.array([s[1] for s in states])

    def ranges(self, pose: Pose, angles: np.ndarray, range_max_m: float) -> np.ndarray:
        """Return what beams at ``angles`` from the heading meet [m], ``inf`` where nothing."""
        x, y, yaw = pose
        directions = yaw + angles
        height = np.full(len(angles), self.drive.lidar_height_m)
        start = np.stack([np.full(len(angles), x), np.full(len(angles), y), height], axis=1)
        end = np.stack([x + range_max_m * np.cos(directions),
                        y + range_max_m * np.sin(directions), height], axis=1)
        hits = self._client.rayTestBatch(start.tolist(), end.tolist())
        return np.array([hit[2] * range_max_m if hit[0] >= 0 else math.inf for hit in hits])

    def close(self) -> None:
        """Give the server back."""
        if self._client is not None:
            self._client = None  # its end disconnects

    def _load_robot(self, position: list[float], turned: list[float]) -> int:
        place = (position, self._client.getQuaternionFromEuler(turned))
        if self.drive.shipped:
            return int(self._client.loadURDF(str(urdf_path()), *place))
        with tempfile.NamedTemporaryFile('w', suffix='.urdf') as file:  # PyBullet reads files only
            file.write(scaled_urdf(urdf_path(), self.drive))
            file.flush()
            return int(self._client.loadURDF(file.name, *place))

    def _set_wheels(self, speeds: np.ndarray) -> None:
        self._speeds = speeds
        self._client.setJointMotorControlArray(
            self._robot, self._wheels, pybullet.VELOCITY_CONTROL,
            targetVelocities=speeds.tolist(), forces=[self.drive.effort_nm] * 2)

    def _contact(self) -> Contact | None:
        for c in self._client.getContactPoints(bodyA=self._robot, linkIndexA=_BODY):
            if c[9] > 0.0 and c[2] in self._names:
                return Contact(self._names[c[2]], c[5], c[9])
        return None


def _add_shapes(client: Any, shapes: tuple[Shape, ...]) -> dict[int, str]:
    """Build shapes as bodies of one kind each; return body -> kind."""
    names = {}
    for kind in dict.fromkeys(shape.kind for shape in shapes):
        alike = [shape for shape in shapes if shape.kind == kind]
        for i in range(0, len(alike), _COMPOUND):
            names[_add_compound(client, alike[i:i + _COMPOUND])] = kind
    return names


def _add_compound(client: Any, shapes: list[Shape]) -> int:
    half = HEIGHT_M / 2
    boxes = isinstance(shapes[0], Box)
    places = [[s.x, s.y, half] for s in shapes]
    turns = [client.getQuaternionFromEuler([0, 0, s.yaw if isinstance(s, Box) else 0.0])
             for s in shapes]
    sizes: dict[str, Any] = (
        {'halfExtents': [[*s.half, half] for s in shapes if isinstance(s, Box)]} if boxes else
        {'radii': [s.radius for s in shapes if not isinstance(s, Box)],
         'lengths': [HEIGHT_M] * len(shapes)})
    kind = pybullet.GEOM_BOX if boxes else pybullet.GEOM_CYLINDER
    shape = client.createCollisionShapeArray(
        shapeTypes=[kind] * len(shapes), collisionFramePositions=places,
        collisionFrameOrientations=turns, **sizes)
    return int(client.createMultiBody(0, shape))
