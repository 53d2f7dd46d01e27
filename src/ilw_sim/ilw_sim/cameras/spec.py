"""What a simulated camera is: where it is mounted, what it sees of the world, what it sends."""

from dataclasses import dataclass
from functools import cached_property
import math
import re
from types import SimpleNamespace as Plain

import numpy as np

from ilw_core.contract.schema import Section
from ilw_sim.sensing.readings import header

FORMATS = {'png': '.png', 'jpeg': '.jpg'}
"""``format`` of a ``sensor_msgs/CompressedImage`` -> extension that OpenCV encodes by"""
_NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')
_NEAR_M, _FAR_M = 0.02, 5.0
_LARGEST_PX = 1280


@dataclass(frozen=True)
class CameraSpec:
    """One camera; an entry of ``cameras`` in a contract's ``scene``."""

    name: str
    frame: str
    """Link that it is mounted on"""
    at_m: tuple[float, float, float]
    """Where it is, in that frame"""
    look_at_m: tuple[float, float, float]
    """What is in the middle of its picture, likewise"""
    up: tuple[float, float, float]
    """What is up in its picture, likewise"""
    fov_deg: float
    """Of the picture's height"""
    size: tuple[int, int]
    """Width and height [px]"""
    format: str
    quality: int
    """Of a JPEG"""

    @property
    def image_topic(self) -> str:
        """Topic of its ``sensor_msgs/CompressedImage``, as image_transport names it."""
        return f'{self.name}/image_raw/compressed'

    @property
    def info_topic(self) -> str:
        """Topic of its ``sensor_msgs/CameraInfo``."""
        return f'{self.name}/camera_info'

    @property
    def optical_frame(self) -> str:
        """Frame of its pictures: x right, y down, z into the picture."""
        return f'{self.name}_optical_frame'

    @property
    def projection(self) -> list[float]:
        """OpenGL's matrix (16,), column by column."""
        width, height = self.size
        f = 1.0 / math.tan(math.radians(self.fov_deg) / 2.0)
        depth = _NEAR_M - _FAR_M
        return [f * height / width, 0.0, 0.0, 0.0, 0.0, f, 0.0, 0.0,
                0.0, 0.0, (_FAR_M + _NEAR_M) / depth, -1.0,
                0.0, 0.0, 2.0 * _FAR_M * _NEAR_M / depth, 0.0]

    @cached_property
    def mount(self) -> np.ndarray:
        """Link from optical frame: rotation and place, ``(4, 4)``."""
        at = np.array(self.at_m)
        forward = np.array(self.look_at_m) - at
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, self.up)
        right /= np.linalg.norm(right)
        found = np.eye(4)
        found[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        found[:3, 3] = at
        return found

    @cached_property
    def rays(self) -> np.ndarray:
        """Where each pixel looks, ``(H * W, 3)`` in the optical frame, z = 1."""
        k = self.matrix
        rows, columns = np.mgrid[:self.size[1], :self.size[0]].astype(np.float64)
        return np.stack([(columns - k[0, 2]) / k[0, 0], (rows - k[1, 2]) / k[1, 1],
                         np.ones_like(rows)], axis=-1).reshape(-1, 3)

    @property
    def matrix(self) -> np.ndarray:
        """The intrinsic matrix K, ``(3, 3)``: a point of the optical frame to pixels."""
        width, height = self.size
        f = height / 2.0 / math.tan(math.radians(self.fov_deg) / 2.0)
        return np.array([[f, 0.0, (width - 1) / 2.0], [0.0, f, (height - 1) / 2.0],
                         [0.0, 0.0, 1.0]])

    def info(self, stamp_ns: int) -> Plain:
        """Return its ``sensor_msgs/CameraInfo``: a pinhole, no distortion."""
        width, height = self.size
        return Plain(
            header=header(stamp_ns, self.optical_frame), height=height, width=width,
            distortion_model='plumb_bob', d=[0.0] * 5,
            k=self.matrix.ravel(), r=np.eye(3).ravel(),
            p=np.column_stack([self.matrix, np.zeros(3)]).ravel())


def read_cameras(options: Section) -> tuple[CameraSpec, ...]:
    """
    Take ``cameras`` out of a contract's ``scene``: name -> where it is and what it sends.

    :raises ContractError: a camera has a mistake.
    """
    if not options.has('cameras'):
        options.take('cameras')
        return ()
    entries = options.section('cameras')
    return tuple(_read(name, entries.section(name), entries) for name in entries.keys())  # noqa: SIM118


def _read(name: str, entry: Section, entries: Section) -> CameraSpec:
    if not _NAME.fullmatch(name):
        raise entries.error(name, 'a name of small letters, digits and _', name)
    sides = entry.numbers('size', 2)
    if any(side != int(side) or not 8 <= side <= _LARGEST_PX for side in sides):
        raise entry.error('size', f'width and height, 8 to {_LARGEST_PX} pixels', list(sides))
    places = [_triple(entry, key) for key in ('at_m', 'look_at_m')]
    up = _triple(entry, 'up') if entry.has('up') else (0.0, 0.0, 1.0)
    entry.take('up')
    way = np.subtract(places[1], places[0])
    if np.linalg.norm(np.cross(way, up)) < 1e-6:
        raise entry.error('up', 'not along the way from at_m to look_at_m', list(up))
    spec = CameraSpec(
        name, entry.text('frame'), places[0], places[1], up,
        entry.number('fov_deg', 45.0, low=5.0, high=150.0), (int(sides[0]), int(sides[1])),
        entry.text('format', 'png', choices=tuple(FORMATS)),
        entry.integer('quality', 95, low=1, high=100))
    entry.done()
    return spec


def _triple(entry: Section, key: str) -> tuple[float, float, float]:
    x, y, z = entry.numbers(key, 3)
    return x, y, z
