"""
Which pushes bring a block on a table to a place: plan two of them, by the time they take.

A block that slides slowly moves as the force on it and its torque say, by an ellipsoid (K. Lynch
and M. Mason, "Stable Pushing: Mechanics, Controllability, and Planning", IJRR 1996): pushed square
to a face it turns about a point that stays where it is in the block. Everything here is in the
frame of the block, whose origin is its centre of mass.
"""

from dataclasses import dataclass
import math

import numpy as np

_LENGTHS_M = np.geomspace(0.002, 0.3, 18)
"""Lengths of pushes that are tried, as the tool goes"""
_KEPT = 64
"""Of the first pushes so many are looked at further"""
_TRAVEL_MPS, _PUSH_MPS = 0.17, 0.1
_BEGIN_S = 0.5
"""To come to a face from where it is safe, and to leave another"""
_WORTH_S = 0.15
"""A push that goes on wins so much at least against one elsewhere"""
_OFF_S, _OFF_MPS, _OFF_M = 8.0, 0.02, 0.004
"""What it takes to make up for what is left: always so long, and so far in a second; and off by
how much it is hardly worth a push. Slower than pushing is, or no push were worth it"""


@dataclass(frozen=True)
class Contacts:
    """Where a block may be pushed, N places."""

    points_m: np.ndarray
    """(N, 2) on its outline"""
    inwards: np.ndarray
    """(N, 2) unit, square to the outline"""
    twists: np.ndarray
    """(N, 3) x, y [m], angle [rad] that it moves by when the tool goes a metre"""
    tool_ways: np.ndarray
    """(N, 2) unit: how the tool goes meanwhile"""


def contacts_of(points_m: np.ndarray, inwards: np.ndarray, turn_m: float) -> Contacts:
    """
    Return what pushes square to the outline do.

    :param points_m: ``(N, 2)``; ``inwards``: ``(N, 2)``.
    :param turn_m: torque over force that a sliding block withstands.
    """
    torque = points_m[:, 0] * inwards[:, 1] - points_m[:, 1] * inwards[:, 0]
    turns = torque / turn_m ** 2
    ways = inwards + turns[:, None] * np.stack([-points_m[:, 1], points_m[:, 0]], axis=1)
    long = np.linalg.norm(ways, axis=1, keepdims=True)
    return Contacts(points_m, inwards, np.concatenate([inwards, turns[:, None]], axis=1) / long,
                    ways / long)


def seen_after(goals: np.ndarray, twists: np.ndarray) -> np.ndarray:
    """Return goals ``(..., 3)`` as seen from a block that moved by twists ``(..., 3)``."""
    turn = twists[..., 2]
    small = np.abs(turn) < 1e-6
    safe = np.where(small, 1.0, turn)
    a = np.where(small, 1.0, np.sin(turn) / safe)
    b = np.where(small, 0.5 * turn, (1.0 - np.cos(turn)) / safe)
    x = goals[..., 0] - (a * twists[..., 0] - b * twists[..., 1])
    y = goals[..., 1] - (b * twists[..., 0] + a * twists[..., 1])
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([cos * x + sin * y, cos * y - sin * x, goals[..., 2] - turn], axis=-1)


class Planner:
    """
    Chooses where to push next, and how far.

    :param apart_m: ``(N, N)`` how far the tool goes from one contact to another.
    :param turn_weighs_m: a radian that is left counts as so many metres.
    """

    def __init__(self, contacts: Contacts, apart_m: np.ndarray, turn_weighs_m: float) -> None:
        self._contacts, self._weighs = contacts, turn_weighs_m
        self._between_s = apart_m / _TRAVEL_MPS + _BEGIN_S
        np.fill_diagonal(self._between_s, _BEGIN_S)
        self._steps = contacts.twists[:, None] * _LENGTHS_M[:, None]  # (N, L, 3)
        self._took_s = _LENGTHS_M / _PUSH_MPS

    def left_s(self, goals: np.ndarray) -> np.ndarray:
        """Return how long it takes, about, to make up for what is left of ways ``(..., 3)``."""
        turn = (goals[..., 2] + math.pi) % (2.0 * math.pi) - math.pi
        off = np.sqrt(goals[..., 0] ** 2 + goals[..., 1] ** 2 + (self._weighs * turn) ** 2)
        found: np.ndarray = _OFF_S * (1.0 - np.exp(-(off / _OFF_M) ** 2)) + off / _OFF_MPS
        return found

    def choose(self, goal: np.ndarray, ways_m: np.ndarray,
               here: np.ndarray | None) -> tuple[int, float]:
        """
        Return the contact to push at, and how far the tool is to go from there.

        :param goal: ``(3,)`` x, y [m], yaw [rad] where the block is to be.
        :param ways_m: ``(N,)`` how far the tool is from each contact; infinite: none to go to.
        :param here: twist ``(3,)`` of a push from where the tool touches the block, which is
            contact N; ``None``: it touches nothing.
        """
        rows, steps, between_s = ways_m / _TRAVEL_MPS, self._steps, self._between_s
        if here is not None:
            rows = rows + _BEGIN_S
            between_s = np.concatenate([between_s, rows[None]])
            rows = np.append(rows, _WORTH_S)
            steps = np.concatenate([steps, (here * _LENGTHS_M[:, None])[None]])
        first = seen_after(goal, steps)  # (N, L, 3)
        cost = rows[:, None] + self._took_s + self.left_s(first)
        best = np.argsort(cost, axis=None, kind='stable')[:_KEPT]
        c, k = np.unravel_index(best, cost.shape)
        second = seen_after(first[c, k][:, None, None], self._steps)  # (K, N, L, 3)
        then = between_s[c][:, :, None] + self._took_s + self.left_s(second)
        begun = rows[c] + self._took_s[k]
        total = begun + np.minimum(then.reshape(len(c), -1).min(axis=1), self.left_s(first[c, k]))
        chosen = int(np.argmin(total))
        return int(c[chosen]), float(_LENGTHS_M[k[chosen]])
