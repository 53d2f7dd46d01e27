"""What a driver of an arm sees in one tick, and what it wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace as Plain
from typing import Any, Protocol

import numpy as np

from ilw_core.features.rotation import yaw
from ilw_sim.arm.topics import JOINTS, TARGET, TOOL, object_topic


@dataclass(frozen=True)
class View:
    """What an expert sees of one tick."""

    tool_m: np.ndarray
    """(3,) in the frame of the arm's base"""
    tool_yaw: float
    finger_m: float
    """How far each finger is from closed; 0 where there are none"""
    objects: Mapping[str, tuple[np.ndarray, float]]
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
    Drives one task, seeing where everything is.

    What it does depends only on where tool, fingers and things are, never on a phase it remembers,
    so that its driving is a function of what a policy can observe, and any push off the way is
    corrected. What it does changes smoothly with what it sees; it is forgiving of millimetres and
    nowhere slow, as a policy that imitates it errs by millimetres, and stands where its errors are
    as large as its speed.
    """

    def drive(self, view: View) -> Intent:
        """Return what to do now."""


def view_of(readings: Mapping[str, Any], finger: str, objects: tuple[str, ...]) -> View:
    """
    Return what an expert sees in the messages of one tick, by topic.

    :param finger: joint whose position tells how open the gripper is; empty: there is none.
    """
    tool, joints = readings[TOOL].pose, readings[JOINTS]
    return View(
        _place(tool), _yaw(tool),
        float(joints.position[list(joints.name).index(finger)]) if finger else 0.0,
        {name: (_place(at), _yaw(at))
         for name in objects for at in [readings[object_topic(name)].pose]},
        int(readings[TARGET].data))


def _place(pose: Plain) -> np.ndarray:
    return np.array([pose.position.x, pose.position.y, pose.position.z])


def _yaw(pose: Plain) -> float:
    o = pose.orientation
    return yaw(o.x, o.y, o.z, o.w)
