"""Put a square peg into a square hole, with little room around it."""

import math

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.arm.scene import ArmScene, Block, Thing
from ilw_sim.arm.tasks.area import Area, apart_of, begin_near_home
from ilw_sim.arm.tasks.steering import HOVER_M, Grasp, quarter, towards, turning
from ilw_sim.arm.tasks.view import Intent, View

_TALL_M = 0.08
"""Height of the peg"""
_WALL_M, _THICK_M = 0.03, 0.015
"""Height and thickness of the walls around the hole"""
_GRIP_M = 0.012
"""Above its middle the peg is gripped: the fingers stay above the walls"""
_OVER_M = 0.03
"""Between wall and peg while it is not over the hole"""
_PAST_M = 0.015
"""So far below the table the way into the hole leads"""
_IN_LINE = 0.6
"""Of the room on one side: the peg goes down when it is no further off"""
_TURNED_RAD = 0.012
_LOST_M = 0.02
"""Further aside than this the peg is carried higher"""


class InsertTask:
    """
    A peg and a hole, ``apart_m`` from each other at least.

    ``peg_m``: side of the peg; ``clearance_m``: so much wider is the hole.
    """

    objects: tuple[str, ...] = ('peg', 'hole')

    def __init__(self, options: Section) -> None:
        self._area, self._apart_m = Area(options), apart_of(options)
        self._side_m = options.number('peg_m', 0.04, low=0.02, high=0.06)
        self._clearance_m = options.number('clearance_m', 0.002, low=0.0005, high=0.02)

    def make_scene(self, rng: np.random.Generator, joints: int) -> ArmScene:
        """Return a table with a peg that stands, and a hole."""
        at, hole = self._area.two(rng, self._apart_m)
        peg = Thing('peg', at, _TALL_M / 2, (Block((self._side_m, self._side_m, _TALL_M)),), 'red')
        return ArmScene((peg, Thing('hole', hole, 0.0, _walls(self._side_m + self._clearance_m),
                                    'grey', fixed=True)), 0, begin_near_home(rng, joints))

    def parts(self, target: int) -> tuple[str, ...]:
        """One thing after the other."""
        return self.objects

    def expert(self, open_m: float) -> 'InsertExpert':
        """Return who drives it."""
        return InsertExpert(self._side_m, self._clearance_m, open_m)


class InsertExpert:
    """Takes the peg, carries it over the hole, turns it in line, and lowers it."""

    def __init__(self, side_m: float, clearance_m: float, open_m: float) -> None:
        self._grasp = Grasp(side_m, open_m, above_m=_GRIP_M)
        self._room_m = clearance_m / 2

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        get = self._grasp.get(view, 'peg')
        if get is not None:
            return get
        (peg, peg_yaw), (hole, hole_yaw) = view.objects['peg'], view.objects['hole']
        way = hole - peg + np.array([0.0, 0.0, _TALL_M / 2])
        aside_m = math.hypot(way[0], way[1])
        turn = quarter(hole_yaw - peg_yaw)
        inside = -way[2] < _WALL_M - 0.003 and aside_m < 2.0 * self._room_m + 0.001
        in_line = aside_m < _IN_LINE * self._room_m and abs(turn) < _TURNED_RAD
        if inside or in_line:
            way[2] -= _PAST_M  # not slow where it arrives
            return Intent(towards(way, 0.0), turning(turn), close=True)
        over_m = _WALL_M + _OVER_M + min(HOVER_M, max(0.0, aside_m - _LOST_M))
        return Intent(towards(way + np.array([0.0, 0.0, over_m]), over_m), turning(turn),
                      close=True)


def _walls(wide_m: float) -> tuple[Block, ...]:
    """Return the four walls around a square hole on the table."""
    off, z = (wide_m + _THICK_M) / 2, _WALL_M / 2
    long = wide_m + 2.0 * _THICK_M
    return (Block((_THICK_M, long, _WALL_M), (off, 0.0, z)),
            Block((_THICK_M, long, _WALL_M), (-off, 0.0, z)),
            Block((wide_m, _THICK_M, _WALL_M), (0.0, off, z)),
            Block((wide_m, _THICK_M, _WALL_M), (0.0, -off, z)))
