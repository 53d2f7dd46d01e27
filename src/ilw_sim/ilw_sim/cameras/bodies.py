"""What bodies of the physics look like: their boxes, and an arm as capsules between its joints."""

from collections.abc import Collection
from typing import Any

import numpy as np

from ilw_sim.cameras.drawing import Shape, link_frame, matrix
from ilw_sim.cameras.look import ArmLook
from ilw_sim.physics.quiet_pybullet import pybullet

_SHORTEST_M = 0.02
"""Joints so near to each other are in one capsule"""
_ARM, _BASE = (0.93, 0.93, 0.95, 1.0), -1
_ROD = (0.2, 0.2, 0.22, 1.0)
_Z = np.array([0.0, 0.0, 1.0])


def arm_shapes(physics: Any, body: int, look: ArmLook, without: Collection[str]) -> list[Shape]:
    """
    Return an arm as capsules between the joints that turn, and the boxes of its look.

    :param without: links that no capsule leads to: fingers, a tool that is only a point.
    """
    infos = [physics.getJointInfo(body, i) for i in range(physics.getNumJoints(body))]
    links = {info[12].decode(): info[0] for info in infos}
    found = []
    for info in infos:
        if info[12].decode() in without:
            continue
        parent = link_frame(physics, body, info[16])
        child = np.linalg.inv(parent) @ link_frame(physics, body, info[0])
        length = float(np.linalg.norm(child[:3, 3]))
        if length >= _SHORTEST_M:
            found.append(Shape(body, info[16], _ARM, _along(child[:3, 3]),
                               radius_m=look.radius_m, length_m=length))
    for box in look.boxes:
        at = np.eye(4)
        at[:3, 3] = box.at_m
        found.append(Shape(body, links.get(box.link, _BASE), box.colour, at,
                           box.size_m))
    return found


def rod_shape(body: int, radius_m: float, long_m: float) -> Shape:
    """Return a rod along the z axis of its body, as a capsule."""
    return Shape(body, _BASE, _ROD, np.eye(4), radius_m=radius_m, length_m=long_m - 2.0 * radius_m)


def boxes_of(physics: Any, without: Collection[int]) -> list[Shape]:
    """Return the visual boxes of every body but some."""
    found = []
    for number in range(physics.getNumBodies()):
        body = physics.getBodyUniqueId(number)
        if body in without:
            continue
        for seen in physics.getVisualShapeData(body):
            if seen[2] == pybullet.GEOM_BOX:
                found.append(Shape(body, seen[1], tuple(seen[7]), matrix(seen[5], seen[6]),
                                   tuple(seen[3])))
    return found


def _along(way: np.ndarray) -> np.ndarray:
    """Return the frame ``(4, 4)`` in the middle of a way from 0, its z along it."""
    found = np.eye(4)
    z = way / np.linalg.norm(way)
    aside = np.cross(_Z, z)
    if np.linalg.norm(aside) > 1e-9:
        x = aside / np.linalg.norm(aside)
        found[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    found[:3, 3] = way / 2
    return found
