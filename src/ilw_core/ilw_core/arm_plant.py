"""
How an arm answers its commands: the numbers that are identified, simulated, randomised.

The model: a command takes effect ``delay_s`` after it was sent; velocities are scaled by ``gain``,
positions are not; the motion follows with a first-order lag. What is measured has noise. Knows no
simulator, no arm and no ROS.
"""

from dataclasses import dataclass
from types import SimpleNamespace as Plain
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ArmPlant:
    """One arm, known exactly: what a simulated episode is made with."""

    delay_s: float = 0.0
    """From the stamp of a command to the arm's first answer"""
    lag_s: float = 0.0
    """Time constant of the motion"""
    gain: float = 1.0
    """Velocity that comes per velocity that was commanded, in steady state"""
    joint_noise_rad: float = 0.0
    """Standard deviation of a joint's position in a message"""
    place_noise_m: float = 0.0
    """The same of each coordinate of a pose, be it of the tool or of a thing"""


ARM_RANGES: dict[str, tuple[float, float]] = {
    'delay_s': (0.0, 1.0), 'lag_s': (0.0, 2.0), 'gain': (0.1, 3.0),
    'joint_noise_rad': (0.0, 0.2), 'place_noise_m': (0.0, 0.05)}
"""Field of ``ArmPlant`` -> the lowest and highest value that a profile may give it"""


def noisy_joints(message: Any, off: np.ndarray) -> Plain:
    """Return a plain ``JointState`` whose first joints are off by so much, ``(J,)`` [rad]."""
    position = np.array(message.position, dtype=np.float64)
    position[:len(off)] += off
    return Plain(**{**vars(message), 'position': position})


def noisy_pose(message: Any, off_m: np.ndarray) -> Plain:
    """Return a plain ``PoseStamped`` whose place is off by so much, ``(3,)``."""
    at = message.pose.position
    return Plain(header=message.header, pose=Plain(
        position=Plain(x=at.x + off_m[0], y=at.y + off_m[1], z=at.z + off_m[2]),
        orientation=message.pose.orientation))
