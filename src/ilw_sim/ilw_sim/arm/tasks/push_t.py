"""Push a T-shaped block onto its outline on the table, as in Push-T."""

import math

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.arm.scene import ArmScene, Block, Thing
from ilw_sim.arm.tasks.area import Area, begin_near_home
from ilw_sim.arm.tasks.push_expert import PushExpert
from ilw_sim.arm.tasks.view import ArmExpert

_HIGH_M, _DRAWN_M = 0.04, 0.001
"""How high the block is, and how thick its goal is drawn"""
_FRICTION = 0.4
"""Of the block: smooth wood"""
_APART = 3.2
"""Units from the middle of the block the tool begins at least: beside it, however it is turned"""
_TRIES = 1000
_APART_RULE = ('a part of the table where a tool has room beside the block: x_m and y_m larger, '
               'or unit_m smaller')


class PushTTask:
    """
    A T, and where it is to be; the tool keeps its height and pushes.

    ``x_m``, ``y_m``, ``yaw_rad``: where the block lies, and the tool begins; ``unit_m``: the bar
    of the T is 4 by 1 of it, its stem 1 by 3; ``goal``: x, y [m], yaw [rad]; ``height_m``: of the
    tool.
    """

    objects: tuple[str, ...] = ('block', 'goal')

    def __init__(self, options: Section) -> None:
        self._area = Area(options, turn_rad=math.pi)
        self._unit_m = options.number('unit_m', 0.05, low=0.03, high=0.06)
        x, y, yaw = options.numbers('goal', 3)
        self._goal = x, y, yaw
        self._height_m = options.number('height_m', 0.07, low=0.01, high=0.3)
        self._no_room = options.error('x_m', _APART_RULE, options.take('x_m'))

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with a block, its goal, and a tool beside the block."""
        at = self._area.draw(rng)
        for _ in range(_TRIES):
            tool = self._area.draw(rng)
            if math.dist(tool[:2], at[:2]) > _APART * self._unit_m:
                break
        else:
            raise self._no_room
        block = Thing('block', at, _HIGH_M / 2, blocks_of(self._unit_m, _HIGH_M), 'blue',
                      friction=_FRICTION)
        goal = Thing('goal', self._goal, 0.0, blocks_of(self._unit_m, _DRAWN_M), 'green',
                     fixed=True, solid=False)
        return ArmScene((block, goal), 0, begin_near_home(rng, joints),
                        tool_m=(*tool[:2], self._height_m))

    def parts(self, target: int) -> tuple[str, ...]:
        """The block alone."""
        return ('block',)

    def expert(self, open_m: float) -> ArmExpert:
        """Return who drives it."""
        return PushExpert(outline_of(self._unit_m), self._unit_m)


def blocks_of(unit_m: float, high_m: float) -> tuple[Block, ...]:
    """Return bar and stem of a T about its centre of mass."""
    u = unit_m
    return (Block((4.0 * u, u, high_m), (0.0, 6.0 / 7.0 * u, 0.0)),
            Block((u, 3.0 * u, high_m), (0.0, -8.0 / 7.0 * u, 0.0)))


def outline_of(unit_m: float) -> np.ndarray:
    """Return the corners of a T about its centre of mass, ``(8, 2)`` [m], anticlockwise."""
    top = 19.0 / 14.0
    return unit_m * np.array([
        (2.0, top), (-2.0, top), (-2.0, top - 1.0), (-0.5, top - 1.0), (-0.5, top - 4.0),
        (0.5, top - 4.0), (0.5, top - 1.0), (2.0, top - 1.0)])
