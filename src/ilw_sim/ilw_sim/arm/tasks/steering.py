"""How a driver of an arm moves the tool: along a way, down onto a cube, and around it."""

import math

import numpy as np

from ilw_sim.arm.tasks.view import Intent, View

FASTEST_MPS = 0.2
HOVER_M = 0.1
"""Above a thing while the tool is still aside"""
_GAIN = 7.0
"""Speed per distance [1/s]"""
_TURN_GAIN = 4.0
_FASTEST_RADPS = 1.0
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


class Grasp:
    """
    Goes over a cube, down, and closes.

    :param side_m: of the cube.
    :param open_m: how far each finger is from closed when the gripper is open.
    :param above_m: so far above its middle it is gripped.
    """

    def __init__(self, side_m: float, open_m: float, above_m: float = 0.0) -> None:
        self._side_m, self._open_m = side_m, open_m
        self._grip = np.array([0.0, 0.0, above_m])

    def is_open(self, view: View) -> bool:
        """Tell whether the fingers are open."""
        return view.finger_m > self._open_m - _OPEN_M

    def get(self, view: View, cube: str) -> Intent | None:
        """Return what to do to hold a cube; ``None``: it is held."""
        place, cube_yaw = view.objects[cube]
        way = place + self._grip - view.tool_m
        aside_m = math.hypot(way[0], way[1])
        turn = quarter(cube_yaw - view.tool_yaw)
        near_m = _INSIDE_M if self.is_open(view) else _STILL_INSIDE_M
        inside = max(aside_m, abs(way[2])) < near_m and abs(turn) < _TURNED_RAD
        wide_m = self._side_m * (math.cos(turn) + abs(math.sin(turn)))
        if inside and view.finger_m < wide_m / 2 + _HELD_M:
            return None
        if inside:
            return Intent(np.zeros(3), close=True)
        if not self.is_open(view) and aside_m < self._side_m:
            return Intent(np.zeros(3))  # let go before moving: it might hold something
        return Intent(funnel(way), turning(turn))


def funnel(way: np.ndarray) -> np.ndarray:
    """Return the velocity ``(3,)`` to a place that is to be come to from above."""
    above_m = min(HOVER_M, _FUNNEL * max(0.0, math.hypot(way[0], way[1]) - _AIMED_M))
    return towards(way + np.array([0.0, 0.0, above_m]), above_m)


def towards(way: np.ndarray, above_m: float) -> np.ndarray:
    """Return the velocity ``(3,)`` along a way; low beside a cube, up goes before aside."""
    speed = _GAIN * way
    if above_m > 0.0 and way[2] > 0.0:
        speed[:2] *= max(0.0, 1.0 - way[2] / (0.5 * above_m))
    norm = float(np.linalg.norm(speed))
    limited: np.ndarray = speed * min(1.0, FASTEST_MPS / norm) if norm > 0.0 else speed
    return limited


def turning(angle_rad: float) -> float:
    """Return the turn rate that makes up for an angle [rad/s]."""
    return min(max(_TURN_GAIN * angle_rad, -_FASTEST_RADPS), _FASTEST_RADPS)


def quarter(angle_rad: float) -> float:
    """Return the smallest turn that makes a cube look alike [rad], within an eighth."""
    return (angle_rad + math.pi / 4) % (math.pi / 2) - math.pi / 4
