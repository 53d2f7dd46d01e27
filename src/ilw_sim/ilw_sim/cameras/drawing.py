"""
A world to look at, beside that of the physics: capsules and boxes in a PyBullet server of its own.

TinyRenderer draws each triangle on the CPU; an arm's meshes cost 20 ms a picture, capsules less
than one. The table, which fills most of it, is computed: it goes where nothing else was drawn.
Nothing here moves by itself, so that physics is the same to the bit with cameras and without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_sim.cameras.light import Light
from ilw_sim.cameras.spec import CameraSpec
from ilw_sim.physics.client import Client
from ilw_sim.physics.quiet_pybullet import pybullet

_TABLE_M = (-0.4, 1.2, -0.8, 0.8)
"""Its edges: from and to in x, then in y; its top is at height 0"""
_TABLE, _BEHIND = np.array((143, 153, 158), np.uint8), np.array((225, 222, 218), np.uint8)
"""Blue, green, red of the table and of what is behind everything"""
_CHECK_M, _DARKER = 0.07, 9
"""Side of the table's checks, and how much darker every second one is: motion shows on them"""

Colour = tuple[float, float, float, float]
"""Red, green, blue, opacity"""


@dataclass(frozen=True)
class Shape:
    """One thing that is drawn; it moves with a body of the physics."""

    body: int
    link: int
    """-1: the body's base"""
    colour: Colour
    at: np.ndarray
    """(4, 4) its middle in the frame of the link"""
    size_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Of a box"""
    radius_m: float = 0.0
    """Of a capsule along z; 0: it is a box"""
    length_m: float = 0.0
    """Of a capsule between the middles of its ends"""


class Drawing:
    """
    Draws what bodies of a physics server look like.

    :param shapes: what is drawn on a table.
    """

    def __init__(self, shapes: Sequence[Shape], light: Light | None = None) -> None:
        self._light = light or Light()
        self._client: Any = Client(pybullet.DIRECT)
        self._shapes = tuple(shapes)
        self._at = [(shape.at[:3, 3].tolist(), quaternion(shape.at[:3, :3]))
                    for shape in self._shapes]
        self._drawn = [self._add(shape) for shape in self._shapes]

    def place(self, physics: Any) -> None:
        """Put everything where the bodies of a physics server are now."""
        frames = {key: link_pose(physics, *key)
                  for key in dict.fromkeys((shape.body, shape.link) for shape in self._shapes)}
        for shape, at, drawn in zip(self._shapes, self._at, self._drawn, strict=True):
            self._client.resetBasePositionAndOrientation(
                drawn, *pybullet.multiplyTransforms(*frames[shape.body, shape.link], *at))

    def see(self, camera: CameraSpec, frame: np.ndarray) -> np.ndarray:
        """
        Return what a camera sees, ``(H, W, 3)`` uint8, blue first as OpenCV has it.

        :param frame: ``(4, 4)`` world from the link that it is mounted on.
        """
        optical = frame @ camera.mount
        eye, down, forward = optical[:3, 3], optical[:3, 1], optical[:3, 2]
        view = self._client.computeViewMatrix(eye.tolist(), (eye + forward).tolist(),
                                              (-down).tolist())
        width, height = camera.size
        pixels, depth = self._client.getCameraImage(
            width, height, view, camera.projection, shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK, **self._light.options())[2:4]
        seen = np.ascontiguousarray(np.reshape(pixels, (-1, 4))[:, 2::-1])
        nothing = np.flatnonzero(np.ravel(depth) >= 1.0)
        seen[nothing] = self._light.ratio * _behind(optical, camera.rays[nothing])
        return seen.reshape(height, width, 3)

    def _add(self, shape: Shape) -> int:
        client = self._client
        seen = client.createVisualShape(
            pybullet.GEOM_CAPSULE, radius=shape.radius_m, length=shape.length_m,
            rgbaColor=shape.colour) if shape.radius_m else client.createVisualShape(
            pybullet.GEOM_BOX, halfExtents=[side / 2 for side in shape.size_m],
            rgbaColor=shape.colour)
        return int(client.createMultiBody(0, -1, seen))


def _behind(optical: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Return the table, or what is beyond, where N rays (N, 3) of an optical frame end."""
    x, y, z = optical[:3, :3] @ rays.T
    with np.errstate(divide='ignore', invalid='ignore'):
        far = -optical[2, 3] / z
        x, y = x * far + optical[0, 3], y * far + optical[1, 3]
        west, east, south, north = _TABLE_M
        on = (far > 0.0) & (x > west) & (x < east) & (y > south) & (y < north)
        dark = on & ((np.floor(x / _CHECK_M) + np.floor(y / _CHECK_M)) % 2.0 == 1.0)
    found = np.where(on[:, None], _TABLE, _BEHIND)
    found[dark] -= _DARKER
    return found


def link_pose(physics: Any, body: int, link: int) -> tuple[Sequence[float], Sequence[float]]:
    """Return place (3,) and quaternion (4,) of a link, or of a body's base: ``link`` is -1."""
    if link < 0:
        place, turn = physics.getBasePositionAndOrientation(body)
    else:
        place, turn = physics.getLinkState(body, link, computeForwardKinematics=1)[4:6]
    return place, turn


def link_frame(physics: Any, body: int, link: int) -> np.ndarray:
    """Return world from a link of a body, ``(4, 4)``, as ``link_pose`` finds it."""
    return matrix(*link_pose(physics, body, link))


def matrix(place: Sequence[float], turn: Sequence[float]) -> np.ndarray:
    """Return a place (3,) and a quaternion (4,), w last, as one matrix ``(4, 4)``."""
    found = np.eye(4)
    found[:3, :3] = np.reshape(pybullet.getMatrixFromQuaternion(turn), (3, 3))
    found[:3, 3] = place
    return found


def quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """Return the quaternion of a rotation ``(3, 3)``, w last."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    # Each product of two components, doubled; the row of the largest is divided by it.
    rows = np.array([[1 + xx - yy - zz, xy + yx, xz + zx, zy - yz],
                     [xy + yx, 1 - xx + yy - zz, yz + zy, xz - zx],
                     [xz + zx, yz + zy, 1 - xx - yy + zz, yx - xy],
                     [zy - yz, xz - zx, yx - xy, 1 + xx + yy + zz]])
    row = rows[int(np.argmax(np.diag(rows)))]
    x, y, z, w = (row / np.linalg.norm(row)).tolist()
    return x, y, z, w
