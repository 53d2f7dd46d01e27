"""
Worlds in which one thing is otherwise: what was driven is driven again there, from its seed.

Interventions on the state that a simulator is reset to (arXiv 2307.15980): change one cause, keep
all else, look what follows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import math
from typing import Any

import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError
from ilw_sim.tasks.scene import Box, Scene, Shape

_ROUND = 24
"""Corners that a circle is drawn with"""


@dataclass(frozen=True)
class Retraced:
    """An episode of T actions that was driven again, perhaps in a changed world."""

    obs: np.ndarray
    """(T+1, Do) float32; 0 where not valid"""
    valid: np.ndarray
    """(T+1, Do) bool"""
    poses: np.ndarray
    """(T+1, 3) true x, y [m], yaw [rad]"""
    expert: np.ndarray
    """(T+1, Da) what the expert, who knows this world's map, would do there; contract units"""
    images: dict[str, np.ndarray] = field(default_factory=dict)
    """Contract entry -> (T+1, H, W, C) uint8; empty: not drawn"""


def things(scene: Scene) -> dict[str, Shape]:
    """Return what stands in a scene by name: ``box 1``, ``cylinder 1``, ``wall 1`` and so on."""
    named: dict[str, Shape] = {}
    for kind in dict.fromkeys(shape.kind for shape in scene.shapes):
        alike = (shape for shape in scene.shapes if shape.kind == kind)
        named |= {f'{kind} {number}': shape for number, shape in enumerate(alike, 1)}
    return named


def changed(scene: Scene, do: Mapping[str, Any]) -> Scene:
    """
    Return a scene with one thing otherwise.

    :param do: ``{'without': 'box 3'}``, or ``{'goal_turn_rad': 1.57}``: the goal as far from the
        start, but so much to the left of where it was; empty: nothing.
    :raises IlwError: there is no such thing, or no such change.
    """
    if not do:
        return scene
    if do.keys() == {'without'}:
        known = things(scene)
        if do['without'] not in known:
            raise IlwError(f'What is left out must stand in the world: {", ".join(known)}. '
                           f'Got {shown(do["without"])}.')
        gone = known[do['without']]
        return replace(scene, shapes=tuple(each for each in scene.shapes if each is not gone))
    if do.keys() == {'goal_turn_rad'}:
        x, y, _ = scene.start
        dx, dy = scene.goal[0] - x, scene.goal[1] - y
        cos, sin = math.cos(do['goal_turn_rad']), math.sin(do['goal_turn_rad'])
        return replace(scene, goal=(x + cos * dx - sin * dy, y + sin * dx + cos * dy))
    raise IlwError(f'A change must be "without" or "goal_turn_rad". Got {shown(dict(do))}.')


def outlines(scene: Scene) -> dict[str, np.ndarray]:
    """Return the outline of each thing of a scene, ``(N, 2)`` corners [m]."""
    return {name: _outline(shape) for name, shape in things(scene).items()}


def _outline(shape: Shape) -> np.ndarray:
    if isinstance(shape, Box):
        corners: Sequence[tuple[float, float]] = ((1, 1), (-1, 1), (-1, -1), (1, -1))
        cos, sin = math.cos(shape.yaw), math.sin(shape.yaw)
        local = np.array(corners) * shape.half
        return local @ np.array([[cos, sin], [-sin, cos]]) + (shape.x, shape.y)
    turn = np.linspace(0.0, 2.0 * math.pi, _ROUND, endpoint=False)
    return shape.radius * np.stack([np.cos(turn), np.sin(turn)], axis=1) + (shape.x, shape.y)
