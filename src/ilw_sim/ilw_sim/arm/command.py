"""What of a contract's action an arm does: a twist of its tool, and where its fingers go."""

import numpy as np

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.command_topic import is_twist
from ilw_core.errors import ContractError
from ilw_sim.arm.model import ArmModel

SERVO_TOPIC = 'delta_twist_cmds'
"""Of ``geometry_msgs/TwistStamped``, as MoveIt Servo takes it"""
GRIPPER_TOPIC = 'gripper_controller/commands'
"""Of ``std_msgs/Float64MultiArray``, as ros2_control's forward controller takes it: how far each
finger is from closed [m]"""
_AXES = tuple(f'{kind}.{axis}' for kind in ('linear', 'angular') for axis in 'xyz')


class ArmCommand:
    """
    Takes an action apart.

    :raises ContractError: a command is none that the simulated arm takes.
    """

    def __init__(self, action: ActionSpec, arm: ArmModel) -> None:
        self._twist: list[tuple[int, int]] = []
        self._finger: int | None = None
        for command in action.commands:
            if command.topic == SERVO_TOPIC and is_twist(command.type):
                self._twist = [(_AXES.index(path.removeprefix('twist.')), field)
                               for path, field in zip(command.paths, command.fields, strict=True)]
            elif command.topic == GRIPPER_TOPIC and command.paths == ('data[0]',):
                if not arm.fingers:
                    raise ContractError(f'{command.where} commands a gripper. {arm.name} has none '
                                        f'in config/arms. Leave the command out.')
                self._finger = command.fields[0]
            else:
                raise ContractError(
                    f'{command.where} must be one that the simulated arm takes: a TwistStamped on '
                    f'{SERVO_TOPIC}, or data[0] of a Float64MultiArray on {GRIPPER_TOPIC}. Got '
                    f'{", ".join(command.paths)} of {command.type} on {command.topic}.')

    def twist(self, action: np.ndarray) -> np.ndarray:
        """Return the twist of the tool in an action ``(Da,)``, ``(6,)``."""
        twist = np.zeros(6)
        for axis, field in self._twist:
            twist[axis] = action[field]
        return twist

    def finger_m(self, action: np.ndarray, before_m: float) -> float:
        """Return where each finger is to go; where the action says nothing of it, as before."""
        return before_m if self._finger is None else float(action[self._finger])

    def action(self, dim: int, twist: np.ndarray, finger_m: float) -> np.ndarray:
        """Return the action ``(Da,)`` of a twist ``(6,)``, as far as its fields can say it."""
        action = np.zeros(dim)
        for axis, field in self._twist:
            action[field] = twist[axis]
        if self._finger is not None:
            action[self._finger] = finger_m
        return action
