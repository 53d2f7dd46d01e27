"""The physics of one episode: an arm, a table and things in PyBullet. No task."""

from collections.abc import Callable
from dataclasses import dataclass
import math
from typing import Any

import numpy as np

from ilw_core.base.urdf import read_urdf
from ilw_core.errors import ContractError
from ilw_sim.arm.description import urdf_file
from ilw_sim.arm.model import ArmModel, Rod
from ilw_sim.arm.scene import COLOURS, ArmScene, Thing, inertia
from ilw_sim.arm.servo import SERVO_EVERY, Level, Servo, joint_speeds
from ilw_sim.arm.urdf_limits import read_limits
from ilw_sim.cameras.bodies import arm_shapes, boxes_of, rod_shape
from ilw_sim.cameras.drawing import Shape
from ilw_sim.physics.actuation import PHYSICS_HZ
from ilw_sim.physics.client import Client
from ilw_sim.physics.quiet_pybullet import pybullet

_SETTLE_STEPS = 24
_LAG_RAD = 0.05
"""So far may the commanded joints be ahead of the measured ones: a blocked arm pushes no harder"""
_KG_PER_LITRE = 0.8
"""Of light wood"""
_FRICTION = 1.0
_ROD_KG, _ROD_ABOVE_M = 0.05, 0.04
"""Of a rod that the tool holds: what it weighs, and how much of it is above the tool"""
_TRIES, _THERE = 50, 1e-6
"""So often the arm's joints are looked for that bring its tool to a place, to within [m; rad]"""


@dataclass(frozen=True)
class Placed:
    """Where something is: in the frame of the arm's base."""

    xyz: tuple[float, float, float]
    xyzw: tuple[float, float, float, float]


class ArmWorld:
    """
    A PyBullet server that holds one episode at a time.

    :param period_s: time of one tick; physics steps at 240 Hz or the nearest whole fraction.
    :raises ContractError: the arm's URDF lacks a joint, a limit or the tool.
    """

    def __init__(self, period_s: float, model: ArmModel, *, gui: bool = False) -> None:
        self.model, self._gui = model, gui
        self._substeps = max(1, round(PHYSICS_HZ * period_s))
        self._timestep_s = period_s / self._substeps
        self._urdf = urdf_file(model)
        self.limits = read_limits(model, read_urdf(self._urdf))
        self._servo = Servo(self.limits.joints, self._jacobian)
        self._client: Any = None
        self._robot = self._rod = -1
        self._arm: list[int] = []
        self._fingers: list[int] = []
        self._moving: list[int] = []
        self._things: list[int] = []
        self._home = np.array(model.home_rad)
        self._wanted = self._home
        self._level: Level | None = None
        self.finger_m = 0.0
        """Commanded opening of each finger"""
        self.motors: Callable[[np.ndarray], np.ndarray] | None = None
        """Joint speeds (J,) asked for -> those that come; ``None``: the same"""
        self.wrench = np.zeros(6)
        """(6,) what pressed on the gripper in the last tick, on average: force [N] and torque [Nm]
        at the tool, in its frame"""

    def reset(self, scene: ArmScene) -> None:
        """Build a scene from nothing: no contact, cache or speed of an earlier one is left."""
        if self._client is None:
            self._client = Client(pybullet.GUI if self._gui else pybullet.DIRECT)
        client = self._client
        client.resetSimulation()
        client.setPhysicsEngineParameter(fixedTimeStep=self._timestep_s, numSolverIterations=50,
                                         deterministicOverlappingPairs=1)
        client.setGravity(0.0, 0.0, -9.81)
        table = client.createMultiBody(0, client.createCollisionShape(pybullet.GEOM_PLANE))
        client.changeDynamics(table, -1, lateralFriction=_FRICTION)
        flags = 0 if self._gui else pybullet.URDF_IGNORE_VISUAL_SHAPES  # its meshes take longest
        try:
            self._robot = client.loadURDF(str(self._urdf), useFixedBase=True, flags=flags)
        except pybullet.error as error:
            raise ContractError(f'{self.model.urdf} cannot be loaded by PyBullet: {error}. Are '
                                'its meshes where it says?') from error
        self._find_joints()
        self._wanted = self._home + scene.joints_off_rad
        self.finger_m = self.limits.finger_m if scene.tool_m is None else 0.0
        self._place_arm(self._wanted)
        self._level = None if scene.tool_m is None else self._come_to(scene.tool_m)
        for finger in self._fingers:
            client.resetJointState(self._robot, finger, self.finger_m)
            client.changeDynamics(self._robot, finger, lateralFriction=_FRICTION,
                                  spinningFriction=0.01)
        self._couple(self._fingers)
        self._rod = -1 if self.model.rod is None else self._hold(self.model.rod)
        self._things = [self._add(thing) for thing in scene.things]
        self.step(np.zeros(6), self.finger_m, substeps=_SETTLE_STEPS)

    def step(self, twist: np.ndarray, finger_m: float, *, joints_rad: np.ndarray | None = None,
             substeps: int | None = None) -> None:
        """
        Move for one tick.

        :param twist: ``(6,)`` of the tool: linear [m/s], angular [rad/s], in the base's frame.
        :param finger_m: where each finger is to go.
        :param joints_rad: ``(J,)`` where the joints are to be at the end of the tick, as far as
            their limits and largest speeds allow; in place of a twist.
        """
        self._close_to(finger_m)
        self._run(twist, joints_rad, self._substeps if substeps is None else substeps)

    def follow(self, twists: np.ndarray, fingers_m: np.ndarray,
               joints_rad: np.ndarray | None = None) -> None:
        """Move for one tick by what is told at each servo look, ``(L, ...)``; see ``step``."""
        pressed, left = np.zeros(6), self._substeps
        for look, twist in enumerate(twists):
            steps, left = min(SERVO_EVERY, left), max(0, left - SERVO_EVERY)
            self._close_to(float(fingers_m[look]))
            pressed += steps * self._run(
                twist, None if joints_rad is None else joints_rad[look], steps)
        self.wrench = pressed / self._substeps

    @property
    def looks(self) -> int:
        """How often the servo looks in a tick."""
        return -(-self._substeps // SERVO_EVERY)

    @property
    def look_s(self) -> float:
        """From one look of the servo to the next."""
        return SERVO_EVERY * self._timestep_s

    def _place_arm(self, joints_rad: np.ndarray) -> None:
        for joint, angle in zip(self._arm, joints_rad.tolist(), strict=True):
            self._client.resetJointState(self._robot, joint, angle)

    def _come_to(self, tool_m: tuple[float, float, float]) -> Level:
        """
        Begin with the tool at a place, turned as it is at home; returns what keeps it so.

        :raises ContractError: the arm does not get there.
        """
        self._place_arm(self._home)
        level = Level(tool_m[2], self._tool_frame()[1])
        self._place_arm(self._wanted)
        for _ in range(_TRIES):
            place, axes = self._tool_frame()
            off = np.array([*np.subtract(tool_m, place), *level.turn(axes)])
            if float(np.abs(off).max()) < _THERE:
                return level
            self._wanted = self._wanted + joint_speeds(self._jacobian(self._wanted), off)
            self._place_arm(self._wanted)
        raise ContractError(f'The tool must come to {tool_m} m, turned as at home. '
                            f'{self.model.name} does not get there. Begin nearer to it.')

    def _tool_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where the tool is, ``(3,)``, and its axes as columns, ``(3, 3)``."""
        at = self.tool()
        axes = np.array(self._client.getMatrixFromQuaternion(at.xyzw)).reshape(3, 3)
        return np.array(at.xyz), axes

    def _close_to(self, finger_m: float) -> None:
        self.finger_m = min(max(finger_m, 0.0), self.limits.finger_m)
        for finger in self._fingers:
            self._client.setJointMotorControl2(
                self._robot, finger, pybullet.POSITION_CONTROL, targetPosition=self.finger_m,
                force=self.model.force_n, maxVelocity=self.model.finger_mps)

    def _run(self, twist: np.ndarray, joints_rad: np.ndarray | None, substeps: int) -> np.ndarray:
        """Go on by physics steps; returns the mean wrench, which is kept."""
        client, robot = self._client, self._robot
        speeds, pressed = np.zeros(len(self._arm)), np.zeros(6)
        for done in range(substeps):
            if done % SERVO_EVERY == 0:
                there = self.joints()[0][:len(self._arm)]
                self._wanted = np.clip(self._wanted, there - _LAG_RAD, there + _LAG_RAD)
                if self._level is not None:
                    twist = self._level.kept(twist, *self._tool_frame())
                speeds = (self._servo.speeds(self._wanted, twist) if joints_rad is None
                          else self._servo.speeds_to(self._wanted, joints_rad,
                                                     (substeps - done) * self._timestep_s))
            had = speeds if self.motors is None else self.motors(speeds)
            self._wanted = self._wanted + had * self._timestep_s
            client.setJointMotorControlArray(
                robot, self._arm, pybullet.POSITION_CONTROL, targetPositions=self._wanted.tolist(),
                targetVelocities=had.tolist(), forces=self.limits.effort_nm)
            client.stepSimulation()
            pressed += self._pressed()
        self.wrench = self._in_tool(pressed / substeps)
        return self.wrench

    @property
    def wanted_rad(self) -> np.ndarray:
        """Where the joints of the arm are commanded to be, ``(J,)``."""
        return self._wanted

    @property
    def names(self) -> tuple[str, ...]:
        """(J+F,) joints of the arm, then fingers: as ``joints`` has them."""
        return (*self.model.joints, *self.model.fingers)

    def joints(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions [rad; m], speeds and efforts [Nm; N] of arm and fingers, ``(J+F,)``."""
        states = self._client.getJointStates(self._robot, [*self._arm, *self._fingers])
        return (np.array([s[0] for s in states]), np.array([s[1] for s in states]),
                np.array([s[3] for s in states]))

    def tool(self) -> Placed:
        """Return where the tool is."""
        state = self._client.getLinkState(self._robot, self._tool, computeForwardKinematics=1)
        return Placed(state[4], state[5])

    def tool_twist(self) -> np.ndarray:
        """Return the tool's velocity, ``(6,)``: linear [m/s], angular [rad/s]."""
        state = self._client.getLinkState(self._robot, self._tool, computeLinkVelocity=1)
        return np.array([*state[6], *state[7]])

    def things(self) -> list[Placed]:
        """Return where each thing is."""
        return [Placed(*self._client.getBasePositionAndOrientation(body))
                for body in self._things]

    @property
    def client(self) -> Any:
        """The physics server of this episode."""
        return self._client

    def links(self) -> dict[str, tuple[int, int]]:
        """Return body and link of each frame of the arm, by name."""
        infos = (self._client.getJointInfo(self._robot, i)
                 for i in range(self._client.getNumJoints(self._robot)))
        return {self.model.base: (self._robot, -1),
                **{info[12].decode(): (self._robot, info[0]) for info in infos}}

    def shapes(self) -> list[Shape]:
        """Return what cameras see: the arm, and everything that looks like boxes."""
        fingers = {self._client.getJointInfo(self._robot, i)[12].decode() for i in self._fingers}
        rod = self.model.rod
        held = [] if rod is None else [rod_shape(self._rod, rod.radius_m,
                                                 rod.below_m + _ROD_ABOVE_M)]
        return [*arm_shapes(self._client, self._robot, self.model.look,
                            {self.model.tool, *fingers}), *held,
                *boxes_of(self._client, {self._robot})]

    def close(self) -> None:
        """Give the server back."""
        self._client = None  # its end disconnects

    def _pressed(self) -> np.ndarray:
        """Return the sum of contacts' forces on the gripper ``(6,)``, about the base's origin."""
        total = np.zeros(6)
        held = () if self._rod < 0 else self._client.getContactPoints(bodyA=self._rod)
        for contact in (*self._client.getContactPoints(bodyA=self._robot), *held):
            if contact[2] != self._robot and (
                    contact[1] == self._rod or contact[3] >= self._arm[-1]):
                force = (contact[9] * np.array(contact[7]) + contact[10] * np.array(contact[11])
                         + contact[12] * np.array(contact[13]))
                total += (*force, *np.cross(contact[5], force))
        return total

    def _in_tool(self, six: np.ndarray) -> np.ndarray:
        """Return a wrench about the base's origin as one at the tool, in its frame, ``(6,)``."""
        place, axes = self._tool_frame()
        torque = six[3:] - np.cross(place, six[:3])
        return np.concatenate([six[:3] @ axes, torque @ axes])

    def _find_joints(self) -> None:
        client, robot = self._client, self._robot
        infos = [client.getJointInfo(robot, i) for i in range(client.getNumJoints(robot))]
        by_name = {info[1].decode(): info for info in infos}
        links = {info[12].decode(): info[0] for info in infos}
        arm, self._tool = [by_name[name] for name in self.model.joints], links[self.model.tool]
        self._arm = [info[0] for info in arm]
        self._fingers = [by_name[name][0] for name in self.model.fingers]
        self._moving = [info[0] for info in infos if info[2] != pybullet.JOINT_FIXED]

    def _couple(self, fingers: list[int]) -> None:
        """Let fingers open and close alike, as their one motor has them do."""
        for other in fingers[1:]:
            gear = self._client.createConstraint(
                self._robot, fingers[0], self._robot, other, pybullet.JOINT_GEAR,
                [1.0, 0.0, 0.0], [0.0] * 3, [0.0] * 3)
            self._client.changeConstraint(gear, gearRatio=-1.0, erp=0.1,
                                          maxForce=2.0 * self.model.force_n)

    def _hold(self, rod: Rod) -> int:
        """Put a rod into the hand, as if glued to it; returns its body."""
        client, long_m = self._client, rod.below_m + _ROD_ABOVE_M
        shape = client.createCollisionShape(pybullet.GEOM_CYLINDER, radius=rod.radius_m,
                                            height=long_m)
        tool, middle = self.tool(), (0.0, 0.0, 0.5 * long_m - _ROD_ABOVE_M)
        body = client.createMultiBody(_ROD_KG, shape, -1, *client.multiplyTransforms(
            tool.xyz, tool.xyzw, middle, (0.0, 0.0, 0.0, 1.0)))
        client.changeDynamics(body, -1, lateralFriction=_FRICTION)
        for link in range(-1, client.getNumJoints(self._robot)):
            client.setCollisionFilterPair(self._robot, body, link, -1, 0)
        client.createConstraint(self._robot, self._tool, body, -1, pybullet.JOINT_FIXED,
                                [0.0] * 3, middle, [0.0] * 3)
        return int(body)

    def _jacobian(self, joints_rad: np.ndarray) -> np.ndarray:
        """Return the tool's Jacobian at these angles of the arm, ``(6, J)``."""
        angles = dict.fromkeys(self._moving, 0.0) | dict(
            zip(self._arm, joints_rad.tolist(), strict=True))
        zeros = [0.0] * len(self._moving)
        linear, angular = self._client.calculateJacobian(
            self._robot, self._tool, [0.0, 0.0, 0.0], [angles[i] for i in self._moving],
            zeros, zeros)
        columns = [self._moving.index(i) for i in self._arm]
        return np.array([*linear, *angular])[:, columns]

    def _add(self, thing: Thing) -> int:
        client, (x, y, yaw) = self._client, thing.place
        halves = [[size / 2 for size in block.size_m] for block in thing.blocks]
        at = [list(block.at_m) for block in thing.blocks]
        kinds = [pybullet.GEOM_BOX] * len(halves)
        seen = client.createVisualShapeArray(
            shapeTypes=kinds, halfExtents=halves, visualFramePositions=at,
            rgbaColors=[COLOURS[thing.colour]] * len(halves))
        touched = client.createCollisionShapeArray(
            shapeTypes=kinds, halfExtents=halves,
            collisionFramePositions=at) if thing.solid else -1
        masses = [_KG_PER_LITRE * 8e3 * math.prod(half) for half in halves]
        body = client.createMultiBody(
            0.0 if thing.fixed else sum(masses), touched, seen, [x, y, thing.z_m],
            client.getQuaternionFromEuler([0, 0, yaw]))
        client.changeDynamics(body, -1, lateralFriction=thing.friction, spinningFriction=0.001)
        if len(halves) > 1 and not thing.fixed:  # PyBullet takes the box around all of them
            client.changeDynamics(body, -1, localInertiaDiagonal=inertia(masses, halves, at))
        return int(body)

