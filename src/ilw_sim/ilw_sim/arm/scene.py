"""What lies on the table before an arm in one episode. No physics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import math
from typing import Any

import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError
from ilw_sim.cameras.light import Light

COLOURS = {'red': (0.85, 0.2, 0.2, 1.0), 'blue': (0.2, 0.35, 0.85, 1.0),
           'green': (0.25, 0.7, 0.3, 1.0), 'grey': (0.5, 0.5, 0.5, 1.0)}
"""Name of a colour -> red, green, blue, opacity"""
_MARK_M = 0.001
"""How thick a mark is drawn"""
Place = tuple[float, float, float]
"""x, y [m] on the table, in the frame of the arm's base, and yaw [rad]"""


@dataclass(frozen=True)
class Block:
    """One block of a thing."""

    size_m: tuple[float, float, float]
    at_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of its centre, in the frame of the thing"""


@dataclass(frozen=True)
class Thing:
    """Something on the table, made of blocks."""

    name: str
    """Its pose is published on ``objects/NAME/pose``"""
    place: Place
    z_m: float
    """Of its frame's origin, its centre of mass, above the table"""
    blocks: tuple[Block, ...]
    colour: str
    fixed: bool = False
    """It cannot be moved"""
    solid: bool = True
    """It can be touched; else it is only seen"""
    friction: float = 1.0
    """Of its faces; with table and fingers, whose is 1, it is the same"""


@dataclass(frozen=True)
class ArmScene:
    """Everything about one episode's world."""

    things: tuple[Thing, ...]
    target: int
    """Which of them is meant"""
    joints_off_rad: tuple[float, ...]
    """(J,) how far from home the arm begins"""
    light: Light = field(default_factory=Light)
    """That cameras see it in"""
    tool_m: tuple[float, float, float] | None = None
    """Where the tool begins, its gripper closed; it keeps that height, and stays turned as it is
    at home. ``None``: it begins at home, open, and goes where it is told"""


def cube(name: str, place: Place, side_m: float, colour: str) -> Thing:
    """Return a cube that stands on the table."""
    return Thing(name, place, side_m / 2, (Block((side_m,) * 3),), colour)


def mark(name: str, place: Place, side_m: float, colour: str) -> Thing:
    """Return a square that is drawn on the table."""
    return Thing(name, place, 0.0, (Block((side_m, side_m, _MARK_M)),), colour,
                 fixed=True, solid=False)


def altered(scene: ArmScene, do: Mapping[str, Any]) -> ArmScene:
    """
    Return a scene with one thing elsewhere, or in another light.

    :param do: ``{'moved': 'cube', 'y_m': 0.05}``, ``x_m`` likewise; or ``{'light': 0.5}``, a part
        of the usual, or ``{'light_turn_rad': 3.14}``; empty: nothing.
    :raises IlwError: there is no such thing, or no such change.
    """
    if not do:
        return scene
    if do.keys() == {'light'}:
        return replace(scene, light=replace(scene.light, ratio=float(do['light'])))
    if do.keys() == {'light_turn_rad'}:
        return replace(scene, light=replace(scene.light, turn_rad=float(do['light_turn_rad'])))
    names = [thing.name for thing in scene.things]
    if not {'moved'} < do.keys() <= {'moved', 'x_m', 'y_m'} or do['moved'] not in names:
        raise IlwError(f'A change must be "moved", one of {", ".join(names)}, and "x_m" or "y_m"; '
                       f'or "light" or "light_turn_rad". Got {shown(dict(do))}.')
    return replace(scene, things=tuple(
        each if each.name != do['moved'] else replace(each, place=(
            each.place[0] + do.get('x_m', 0.0), each.place[1] + do.get('y_m', 0.0),
            each.place[2])) for each in scene.things))


def inertia(masses_kg: Sequence[float], halves_m: Sequence[Sequence[float]],
            at_m: Sequence[Sequence[float]]) -> list[float]:
    """Return moments of inertia [kg m2] about x, y, z of boxes, ``(B,)`` and ``(B, 3)`` each."""
    halves, at = np.square(halves_m) / 3.0, np.square(at_m)
    own = np.asarray(masses_kg)[:, None] * (halves + at)
    found: list[float] = (own.sum() - own.sum(axis=0)).tolist()
    return found


def outline(thing: Thing) -> np.ndarray:
    """Return the corners of a thing's largest block from above, ``(4, 2)`` [m]."""
    size = max((block.size_m for block in thing.blocks), key=math.prod)
    x, y, yaw = thing.place
    corners = 0.5 * np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * size[:2]
    cos, sin = math.cos(yaw), math.sin(yaw)
    found: np.ndarray = corners @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    return found
