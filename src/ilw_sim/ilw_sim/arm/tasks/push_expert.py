"""Who pushes a block to where it is to be: round it to a face, against that, and look again."""

import math

import numpy as np

from ilw_sim.arm.tasks.pushing import Planner, contacts_of
from ilw_sim.arm.tasks.view import Intent, View
from ilw_sim.arm.tasks.ways_round import WaysRound

_RADIUS_M = 0.0125
"""Of the rod that it pushes with; ``config/arms/franka_rod.yaml``"""
_OFF_M = 0.022
"""So far off the block the middle of the rod goes round it"""
_BESIDE = 1.05
"""Times that it is off a face before it comes to it"""
_TURN_UNITS = 1.3
"""Torque over force that the sliding block withstands, measured on it"""
_WEIGHS_UNITS = 2.1
"""A radian off costs as much overlap as this much aside"""
_APART_UNITS, _CORNER_M = 0.4, 0.01
"""From one place to push at to the next, and off the corners of the block"""
_ASIDE_M = 0.008
"""So near to the line onto a place it goes straight to it"""
_TOUCH_M = 0.0015
_ONTO_M = 0.03
"""The way from beside a face to it counts as so long"""
_FASTEST_MPS, _LEAVE_MPS, _PUSH_MPS = 0.19, 0.13, 0.12
_ONTO_MPS, _SLOWEST_MPS = 0.05, 0.02
_GAIN = 5.0
"""Speed per distance [1/s]"""
_DONE_M = 0.002
_REACH_M = np.array([(0.29, -0.34), (0.73, 0.34)])
"""Lowest and highest x, y that it goes to, sliding along that border: nearer to its base a Panda's
fourth joint is at its end, and the arm stands"""


class PushExpert:
    """
    Pushes the thing ``block`` to where ``goal`` is.

    :param outline_m: ``(C, 2)`` corners of the block about its centre of mass, anticlockwise.
    :param unit_m: how wide its parts are.
    """

    def __init__(self, outline_m: np.ndarray, unit_m: float) -> None:
        places, inwards = _faces(outline_m, _APART_UNITS * unit_m)
        self._turn_m, self._weighs_m = _TURN_UNITS * unit_m, _WEIGHS_UNITS * unit_m
        self._contacts = contacts_of(places, inwards, self._turn_m)
        self._beside = places - _BESIDE * _OFF_M * inwards
        self._round = WaysRound(outline_m, _OFF_M, self._beside)
        self._planner = Planner(self._contacts, self._round.between_m, self._weighs_m)

    def drive(self, view: View) -> Intent:
        """Return what to do now."""
        (block, yaw), (goal, goal_yaw) = view.objects['block'], view.objects['goal']
        cos, sin = math.cos(yaw), math.sin(yaw)
        axes = np.array([[cos, -sin], [sin, cos]])
        turn = math.remainder(goal_yaw - yaw, 2.0 * math.pi)
        way = np.array([*(goal - block)[:2] @ axes, turn])
        if math.hypot(way[0], way[1], self._weighs_m * turn) < _DONE_M:
            return Intent(np.zeros(3), close=True)
        beside = block[:2] + self._beside @ axes.T
        reached = ((beside > _REACH_M[0]) & (beside < _REACH_M[1])).all(axis=1)
        velocity = axes @ self._go((view.tool_m - block)[:2] @ axes, way, reached)
        low, high = _GAIN * (_REACH_M - view.tool_m[:2])
        limited = np.clip(velocity, np.minimum(low, 0.0), np.maximum(high, 0.0))
        return Intent(np.array([*limited, 0.0]), close=True)

    def _go(self, tool: np.ndarray, way: np.ndarray, reached: np.ndarray) -> np.ndarray:
        """
        Return the velocity ``(2,)`` of the tool, all in the frame of the block.

        :param way: ``(3,)`` x, y [m], angle [rad] that the block is to move by.
        :param reached: ``(N,)`` which contacts the arm comes to.
        """
        contacts = self._contacts
        rel = tool - contacts.points_m
        off = -(rel * contacts.inwards).sum(axis=1)
        side = rel + off[:, None] * contacts.inwards
        aside = np.linalg.norm(side, axis=1)
        before = (off > 0.0) & (off < 1.2 * _OFF_M) & (aside < _ASIDE_M)
        ways, nexts = self._round.ways_m(tool)
        ways = np.where(before, np.maximum(0.0, off - _RADIUS_M) + aside, ways + _ONTO_M)
        far, out = self._round.nearest(tool)
        touched = contacts_of((tool - far * out)[None], -out[None], self._turn_m)
        chosen, long_m = self._planner.choose(
            way, np.where(reached, ways, np.inf),
            touched.twists[0] if far < _RADIUS_M + _TOUCH_M else None)
        if chosen == len(ways):
            return min(_PUSH_MPS, max(_SLOWEST_MPS, _GAIN * long_m)) * touched.tool_ways[0]
        if before[chosen]:
            onto = max(_ONTO_MPS, min(_FASTEST_MPS, _GAIN * (off[chosen] - _RADIUS_M)))
            found: np.ndarray = onto * contacts.inwards[chosen] - _GAIN * side[chosen]
            return found
        if far < 0.9 * _OFF_M:
            return _LEAVE_MPS * out
        step: np.ndarray = nexts[chosen] - tool
        return step * min(_GAIN, _FASTEST_MPS / max(1e-9, float(np.linalg.norm(step))))


def _faces(outline: np.ndarray, apart_m: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Return places on the faces of an outline to push at, and the unit ways into it, ``(N, 2)``.

    :param apart_m: from one to the next, about.
    """
    places, inwards = [], []
    edges = np.roll(outline, -1, axis=0) - outline
    before = np.roll(edges, 1, axis=0)
    hollow = before[:, 0] * edges[:, 1] - before[:, 1] * edges[:, 0] < 0.0
    ends = np.where(hollow, _OFF_M + 0.002, _CORNER_M)
    for k, edge in enumerate(edges):
        long = float(np.linalg.norm(edge))
        unit = edge / long
        low, high = ends[k], long - ends[(k + 1) % len(edges)]
        for along in np.linspace(low, high, max(2, 1 + round((high - low) / apart_m))):
            places.append(outline[k] + along * unit)
            inwards.append((-unit[1], unit[0]))
    return np.array(places), np.array(inwards)
