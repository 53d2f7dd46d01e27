"""
From a twist of the tool to joint speeds, as MoveIt Servo does it: damped, slowed, within limits.

Near a singularity the arm slows down and then stops, by the condition of the Jacobian between two
thresholds (MoveIt Servo: ``lower_singularity_threshold``, ``hard_stop_singularity_threshold``); a
joint near its limit does not go on towards it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LOWER_CONDITION = 17.0
"""Condition of the Jacobian from which on the arm is slower; MoveIt Servo's default"""
STOP_CONDITION = 30.0
"""Condition at which it stands; MoveIt Servo's default"""
SERVO_EVERY = 4
"""Physics steps from one look of the servo to the next: 60 times a second"""
_PROBE_RAD = 0.01
"""So far along the motion the condition is looked at again, to tell towards from away"""
_MARGIN_RAD = 0.05
"""So near to its limit a joint does not go on towards it"""
_DAMPING = 1e-3
_LEVEL_GAIN = 5.0
"""Speed per distance from the height that is kept [1/s]"""


@dataclass(frozen=True)
class JointLimits:
    """Where the joints of an arm may be and how fast they may turn."""

    low_rad: np.ndarray
    """(J,)"""
    high_rad: np.ndarray
    """(J,)"""
    speed_radps: np.ndarray
    """(J,)"""


def joint_speeds(jacobian: np.ndarray, twist: np.ndarray) -> np.ndarray:
    """
    Return the joint speeds that move the tool by a twist, damped least squares, ``(J,)``.

    :param jacobian: ``(6, J)``, linear rows first.
    :param twist: ``(6,)`` linear [m/s], then angular [rad/s], in the frame of the base.
    """
    square = jacobian @ jacobian.T + _DAMPING ** 2 * np.eye(6)
    speeds: np.ndarray = jacobian.T @ np.linalg.solve(square, twist)
    return speeds


def singularity_ratio(condition: float, ahead: float) -> float:
    """
    Return what of its speed an arm keeps near a singularity, in [0, 1].

    :param condition: largest over smallest singular value here; ``ahead``: a little further on.
    """
    if ahead <= condition or condition <= LOWER_CONDITION:
        return 1.0  # away from it, or far from it
    return max(0.0, (STOP_CONDITION - condition) / (STOP_CONDITION - LOWER_CONDITION))


def limited(speeds: np.ndarray, joints_rad: np.ndarray, limits: JointLimits) -> np.ndarray:
    """
    Return joint speeds that the joints can have, ``(J,)``: all slower alike, the way stays.

    A joint near its limit stops there, and with it the whole arm, as MoveIt Servo's does.
    """
    out = (((joints_rad < limits.low_rad + _MARGIN_RAD) & (speeds < 0.0))
           | ((joints_rad > limits.high_rad - _MARGIN_RAD) & (speeds > 0.0)))
    if (out & (np.abs(speeds) > 1e-3)).any():
        return np.zeros_like(speeds)
    ratio = float(np.max(np.abs(speeds) / limits.speed_radps, initial=0.0))
    return speeds / ratio if ratio > 1.0 else speeds


class Servo:
    """
    Follows twists with an arm's joints.

    :param jacobian_of: joint angles ``(J,)`` -> Jacobian of the tool ``(6, J)``.
    """

    def __init__(self, limits: JointLimits,
                 jacobian_of: Callable[[np.ndarray], np.ndarray]) -> None:
        self._limits, self._jacobian_of = limits, jacobian_of

    def speeds(self, joints_rad: np.ndarray, twist: np.ndarray) -> np.ndarray:
        """Return the joint speeds ``(J,)`` for a twist ``(6,)`` of the tool at these angles."""
        if not twist.any():
            return np.zeros(len(joints_rad))
        jacobian = self._jacobian_of(joints_rad)
        wanted = joint_speeds(jacobian, twist)
        condition = float(np.linalg.cond(jacobian))
        if condition > LOWER_CONDITION:
            step = wanted * (_PROBE_RAD / float(np.max(np.abs(wanted))))
            ahead = float(np.linalg.cond(self._jacobian_of(joints_rad + step)))
            wanted = wanted * singularity_ratio(condition, ahead)
        return limited(wanted, joints_rad, self._limits)

    def speeds_to(self, joints_rad: np.ndarray, target_rad: np.ndarray,
                  within_s: float) -> np.ndarray:
        """Return the joint speeds ``(J,)`` that lead to a target in a time, within limits."""
        low, high = self._limits.low_rad, self._limits.high_rad
        way = np.clip(target_rad, low, high) - joints_rad
        fastest = self._limits.speed_radps
        speeds: np.ndarray = np.clip(way / within_s, -fastest, fastest)
        return speeds


class Level:
    """
    Keeps a tool at a height and turned one way, whatever twist is asked for in the plane.

    :param axes: ``(3, 3)`` columns: the axes that the tool keeps, in the frame of the base.
    """

    def __init__(self, height_m: float, axes: np.ndarray) -> None:
        self._height_m, self._axes = height_m, axes

    def turn(self, axes: np.ndarray) -> np.ndarray:
        """Return the small turn ``(3,)`` [rad] from a tool's axes ``(3, 3)`` to those kept."""
        found: np.ndarray = 0.5 * np.cross(axes, self._axes, axis=0).sum(axis=1)
        return found

    def kept(self, twist: np.ndarray, place: np.ndarray, axes: np.ndarray) -> np.ndarray:
        """Return the twist ``(6,)`` that moves as asked in x and y, and back to the height."""
        up_mps = _LEVEL_GAIN * (self._height_m - place[2])
        return np.array([*twist[:2], up_mps, *_LEVEL_GAIN * self.turn(axes)])
