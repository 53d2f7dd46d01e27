"""What of a contract's action an arm does: a twist of its tool or places of its joints, and where
its fingers go."""

import re

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import CommandTopic, is_twist
from ilw_core.errors import ContractError
from ilw_sim.arm.model import ArmModel
from ilw_sim.arm.urdf_limits import ArmLimits

SERVO_TOPIC = 'delta_twist_cmds'
"""Of ``geometry_msgs/TwistStamped``, as MoveIt Servo takes it"""
TRAJECTORY_TOPIC = 'arm_controller/joint_trajectory'
"""Of ``trajectory_msgs/JointTrajectory`` with one point, as ros2_control's joint trajectory
controller takes it: where each joint is to be at the next tick [rad]"""
JOINTS_TOPIC = 'arm_controller/commands'
"""Of ``std_msgs/Float64MultiArray``, as ros2_control's forward controller takes it: the same, in
the order of the arm's joints"""
GRIPPER_TOPIC = 'gripper_controller/commands'
"""Of ``std_msgs/Float64MultiArray``, likewise: how far each finger is from closed [m]"""
_ARRAY, _TRAJECTORY = 'std_msgs/msg/Float64MultiArray', 'trajectory_msgs/msg/JointTrajectory'
_AXES = tuple(f'{kind}.{axis}' for kind in ('linear', 'angular') for axis in 'xyz')
_NTH = {_ARRAY: re.compile(r'data\[(\d+)\]'),
        _TRAJECTORY: re.compile(r'points\[0\]\.positions\[(\d+)\]')}


class ArmCommand:
    """
    Takes an action apart.

    :param limits: of the arm, for the ranges of the fields to be held against; ``None``: they
        were before.
    :raises ContractError: a command is none that the simulated arm takes.
    """

    def __init__(self, action: ActionSpec, arm: ArmModel,
                 limits: ArmLimits | None = None) -> None:
        self._arm, self._action = arm, action
        self._twist: list[tuple[int, int]] = []
        self._joints: list[tuple[int, int]] = []
        self._finger: int | None = None
        for command in action.commands:
            if command.topic == SERVO_TOPIC and is_twist(command.type):
                self._twist = [(_AXES.index(path.removeprefix('twist.')), field)
                               for path, field in zip(command.paths, command.fields, strict=True)]
            elif (command.topic, command.type) == (TRAJECTORY_TOPIC, _TRAJECTORY):
                self._take_joints(command, dict(command.constants).get('joint_names', []))
            elif (command.topic, command.type) == (JOINTS_TOPIC, _ARRAY):
                self._take_joints(command, list(arm.joints))
            elif command.topic == GRIPPER_TOPIC and command.paths == ('data[0]',):
                self._take_finger(command)
            else:
                raise ContractError(
                    f'{command.where} must be one that the simulated arm takes: a TwistStamped on '
                    f'{SERVO_TOPIC}, points[0].positions of a JointTrajectory on '
                    f'{TRAJECTORY_TOPIC}, a Float64MultiArray on {JOINTS_TOPIC}, or data[0] of '
                    f'one on {GRIPPER_TOPIC}. Got {", ".join(command.paths)} of {command.type} '
                    f'on {command.topic}.')
        if bool(self._twist) and bool(self._joints):
            raise ContractError('action.commands must move an arm by a twist or by its joints. '
                                'Got both. Leave one of them out.')

        if limits is not None:
            self._check(limits)

    @property
    def by_joints(self) -> list[tuple[int, int]]:
        """(joint of the arm, field of the action) of each joint that is told where to be."""
        return self._joints

    def action(self, twist: np.ndarray, finger_m: float) -> np.ndarray:
        """Return the action ``(Da,)`` that commands a twist ``(6,)`` and sends the fingers."""
        action = self._action.rest
        for axis, field in self._twist:
            action[field] = twist[axis]
        if self._finger is not None:
            action[self._finger] = finger_m
        return action

    @property
    def by_twist(self) -> bool:
        """Whether it moves the tool by its velocity."""
        return bool(self._twist)

    def twist(self, action: np.ndarray) -> np.ndarray:
        """Return the twist of the tool in an action ``(Da,)``, ``(6,)``."""
        twist = np.zeros(6)
        for axis, field in self._twist:
            twist[axis] = action[field]
        return twist

    def joints_rad(self, action: np.ndarray, before_rad: np.ndarray) -> np.ndarray:
        """Return where the joints are to go, ``(J,)``; of those not in it, as before."""
        joints = before_rad.copy()
        for joint, field in self._joints:
            joints[joint] = action[field]
        return joints

    def finger_m(self, action: np.ndarray, before_m: float) -> float:
        """Return where each finger is to go; where the action says nothing of it, as before."""
        return before_m if self._finger is None else float(action[self._finger])

    def pushes(self, twist: np.ndarray, speeds: np.ndarray, *, close: bool) -> np.ndarray:
        """
        Return how far a person pushes each field, ``(Da,)`` of its highest speed, in [-1, 1].

        :param twist: ``(6,)`` of the tool; ``speeds``: ``(J,)`` of joints, in their place.
        :param close: whether the fingers are to close; else they open.
        """
        pushes = np.zeros(self._action.dim)
        for axis, field in self._twist:
            if twist[axis]:
                limit = self._action.high if twist[axis] > 0.0 else -self._action.low
                pushes[field] = twist[axis] / limit[field]
        for joint, field in self._joints:
            pushes[field] = speeds[joint] / self._action.max_rate[field]
        if self._finger is not None:
            pushes[self._finger] = -1.0 if close else 1.0
        return np.clip(pushes, -1.0, 1.0)

    def _take_joints(self, command: CommandTopic, names: object) -> None:
        arm = self._arm
        if not isinstance(names, list) or not names or not set(names) <= set(arm.joints):
            raise ContractError(f'{command.where}.set.joint_names must be joints of {arm.name} '
                                f'({", ".join(arm.joints)}). Got {names}.')
        for path, field in zip(command.paths, command.fields, strict=True):
            match = _NTH[command.type].fullmatch(path)
            if match is None or int(match[1]) >= len(names):
                raise ContractError(
                    f'{command.where} must hold one position for each of {len(names)} joints, as '
                    f'{"data[0]" if command.type == _ARRAY else "points[0].positions[0]"}. '
                    f'Got {path}.')
            self._joints.append((arm.joints.index(names[int(match[1])]), field))
        if len(self._joints) != len(names):
            raise ContractError(f'{command.where} must hold a position for each joint. Got '
                                f'{len(self._joints)} for {len(names)}.')

    def _check(self, limits: ArmLimits) -> None:
        """Refuse fields that say more than joints and fingers can do."""
        lows, highs = limits.joints.low_rad, limits.joints.high_rad
        fields = [(field, float(lows[joint]), float(highs[joint]))
                  for joint, field in self._joints]
        if self._finger is not None:
            fields.append((self._finger, 0.0, limits.finger_m))
        for field, low, high in fields:
            asked = float(self._action.low[field]), float(self._action.high[field])
            if asked[0] < low or asked[1] > high:
                raise ContractError(
                    f'action.fields: {self._action.names[field]} must be within {low:g} to '
                    f'{high:g} {self._action.units[field]}, the limits of {self._arm.name}. Got '
                    f'min {asked[0]:g}, max {asked[1]:g}.')

    def _take_finger(self, command: CommandTopic) -> None:
        if not self._arm.fingers:
            raise ContractError(f'{command.where} commands a gripper. {self._arm.name} has none '
                                'in config/arms. Leave the command out.')
        self._finger = command.fields[0]
