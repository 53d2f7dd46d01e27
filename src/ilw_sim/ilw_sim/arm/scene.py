"""What lies on the table before an arm in one episode. No physics."""

from dataclasses import dataclass

COLOURS = {'red': (0.85, 0.2, 0.2, 1.0), 'blue': (0.2, 0.35, 0.85, 1.0)}
"""Name of a colour -> red, green, blue, opacity"""


@dataclass(frozen=True)
class Cube:
    """A cube on the table."""

    name: str
    """Its pose is published on ``objects/NAME/pose``"""
    x: float
    """Of its centre [m], in the frame of the arm's base"""
    y: float
    yaw: float
    side_m: float
    colour: str


@dataclass(frozen=True)
class ArmScene:
    """Everything about one episode's world."""

    cubes: tuple[Cube, ...]
    target: int
    """Which of the cubes is meant"""
    joints_off_rad: tuple[float, ...]
    """(J,) how far from home the arm begins"""
