"""
Drivers of an arm that see where everything is: one per task.

What they do depends only on where tool, fingers and cubes are, never on a phase they remember, so
that their driving is a function of what a policy can observe, and any push off the way is
corrected. What they do changes smoothly with what they see; it is forgiving of millimetres and
nowhere slow, as a policy that imitates it errs by millimetres, and stands where its errors are as
large as its speed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from types import SimpleNamespace as Plain
from typing import Any, Protocol

import numpy as np

from ilw_core.features.rotation import yaw
from ilw_sim.arm.topics import JOINTS, TARGET, TOOL, object_topic

_GAIN = 7.0
"""Speed per distance [1/s]"""
_TURN_GAIN = 4.0
_FASTEST_MPS = 0.2
_FASTEST_RADPS = 1.0
_HOVER_M = 0.1
"""Above the cube while the tool is still aside"""
_OVER_M = 0.03
"""Above the upper face of a cube that is to be reached"""
_FUNNEL = 4.0
"""The tool may be so many times higher than it is aside: steeply down onto the cube"""
_AIMED_M = 0.01
"""So near to the cube's middle the fingers go down to it"""
_INSIDE_M = 0.012
"""The cube is between the fingers: so far aside and so far below at most"""
_STILL_INSIDE_M = 0.02
"""The same once they have begun to close"""
_TURNED_RAD = 0.2
_HELD_M = 0.004
"""Fingers that are no further from the cube's faces than this hold it"""
_OPEN_M = 0.01
"""Fingers so near to their end are open"""


@dataclass(frozen=True)
class View:
    """What an expert sees of one tick."""

    tool_m: np.ndarray
    """(3,) in the frame of the arm's base"""
    tool_yaw: float
    finger_m: float
    """How far each finger is from closed"""
    cubes: Mapping[str, tuple[np.ndarray, float]]
    """Name -> place (3,) [m] and yaw [rad]"""
    target: int


@dataclass(frozen=True)
class Intent:
    """What an expert wants at one tick."""

    linear_mps: np.ndarray
    """(3,) of the tool"""
    turn_radps: float = 0.0
    close: bool = False
    """Whether the fingers are to close; else to open"""


class ArmExpert(Protocol):
    """
    Drives one task. To add one: write a class and its line in ``ARM_EXPERTS``.

    :param side_m: of the cubes.
    :param open_m: how far each finger is from closed when the gripper is open.
    """

    def __init__(self, side_m: float, open_m: float) -> None: ...

    def drive(self, view: View) -> Intent:
        """Return what to do now."""


class ReachExpert:
    """Goes to a place above the cube that is meant."""

    def __init__(self, side_m: float, open_m: float) -> None:
        self._above = np.array([0.0, 0.0, side_m / 2 + _OVER_M])

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        place = list(view.cubes.values())[view.target][0]
        return Intent(_towards(place + self._above - view.tool_m, _HOVER_M))


class LiftExpert:
    """Goes over the cube, down, closes, and lifts."""

    def __init__(self, side_m: float, open_m: float) -> None:
        self._side_m, self._open_m = side_m, open_m

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        place, cube_yaw = next(iter(view.cubes.values()))
        way = place - view.tool_m
        aside_m = math.hypot(way[0], way[1])
        turn = _quarter(cube_yaw - view.tool_yaw)
        open_wide = view.finger_m > self._open_m - _OPEN_M
        near_m = _INSIDE_M if open_wide else _STILL_INSIDE_M
        inside = max(aside_m, abs(way[2])) < near_m and abs(turn) < _TURNED_RAD
        if inside and view.finger_m < self._side_m / 2 + _HELD_M:
            return Intent(np.array([0.0, 0.0, _FASTEST_MPS]), close=True)
        if inside:
            return Intent(np.zeros(3), close=True)
        if not open_wide and aside_m < self._side_m:
            return Intent(np.zeros(3))  # let go before moving: it might hold something
        above_m = min(_HOVER_M, _FUNNEL * max(0.0, aside_m - _AIMED_M))
        return Intent(_towards(way + np.array([0.0, 0.0, above_m]), above_m),
                    min(max(_TURN_GAIN * turn, -_FASTEST_RADPS), _FASTEST_RADPS))


ARM_EXPERTS: dict[str, type[ArmExpert]] = {'reach': ReachExpert, 'lift': LiftExpert}
"""Task -> who drives it"""


def view_of(readings: Mapping[str, Any], finger: str, objects: tuple[str, ...]) -> View:
    """
    Return what an expert sees in the messages of one tick, by topic.

    :param finger: joint whose position tells how open the gripper is.
    """
    tool, joints = readings[TOOL].pose, readings[JOINTS]
    return View(
        _place(tool), _yaw(tool), float(joints.position[list(joints.name).index(finger)]),
        {name: (_place(at), _yaw(at))
         for name in objects for at in [readings[object_topic(name)].pose]},
        int(readings[TARGET].data))


def _towards(way: np.ndarray, above_m: float) -> np.ndarray:
    """Return the velocity ``(3,)`` along a way; low beside a cube, up goes before aside."""
    speed = _GAIN * way
    if above_m > 0.0 and way[2] > 0.0:
        speed[:2] *= max(0.0, 1.0 - way[2] / (0.5 * above_m))
    norm = float(np.linalg.norm(speed))
    limited: np.ndarray = speed * min(1.0, _FASTEST_MPS / norm) if norm > 0.0 else speed
    return limited


def _quarter(angle_rad: float) -> float:
    """Return the smallest turn that makes a cube look alike [rad], within an eighth."""
    return (angle_rad + math.pi / 4) % (math.pi / 2) - math.pi / 4


def _place(pose: Plain) -> np.ndarray:
    return np.array([pose.position.x, pose.position.y, pose.position.z])


def _yaw(pose: Plain) -> float:
    o = pose.orientation
    return yaw(o.x, o.y, o.z, o.w)
