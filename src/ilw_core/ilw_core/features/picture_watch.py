"""Pictures as they come to a policy: black, hanging, of another size they show nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.features.glance import BLACK, FLAT
from ilw_core.features.image_header import read_header

HANGS = 5
"""Pictures equal to the one before while the robot moved, after which a camera hangs"""
_MOVED = 0.003
"""Of its range, from one picture to the next: what tells that the robot moves. 2 mm of 0.6 m"""


@dataclass
class _Camera:
    size: tuple[int, int] | None = None
    stamp_ns: int = -1
    image: np.ndarray | None = None
    values: np.ndarray | None = None
    equal: int = 0


class PictureWatch:
    """
    Tells why a picture is none to act upon.

    Cameras have noise, so equal pictures come from one that hangs; drawn ones are equal, too,
    while nothing moves. So they count while numbers of the observation say that the robot moves:
    joints, poses and the like, not lidars, which have noise of their own.
    """

    def __init__(self, contract: Contract) -> None:
        tells = [source.feature.sectors is None and source.name not in contract.hidden
                 for source in contract.sources
                 for _ in range(source.feature.dim)]
        self._tells = np.array(tells, dtype=bool)
        self._least = _MOVED * (contract.obs_high - contract.obs_low)[self._tells]
        self._cameras = {source.name: _Camera() for source in contract.images}

    def look(self, name: str, stamp_ns: int, message: Any, image: np.ndarray,
             values: np.ndarray) -> str:
        """
        Return why the picture of a tick shows nothing; empty: it does.

        :param message: a ``CompressedImage`` or ``Image``.
        :param image: what was made of it, ``(H, W, C)`` uint8.
        :param values: the numbers of the tick, ``(Do,)``, NaN where not known.
        """
        camera, size = self._cameras[name], _size_of(message)
        if camera.size is None:
            camera.size = size
        if size not in (camera.size, None):
            return (f'its pictures must stay as large as the first. They were '
                    f'{_told(camera.size)} and are {_told(size)}: set the camera driver back')
        if stamp_ns != camera.stamp_ns:  # the same picture, seen twice, is no news
            self._compare(camera, image, values[self._tells])
            camera.stamp_ns = stamp_ns
        if camera.equal >= HANGS:
            return 'its pictures stay the same while the robot moves: look at the camera driver'
        if image.mean() < 255.0 * BLACK and image.std() < 255.0 * FLAT:
            return 'its pictures are black: look at cap, cable and exposure'
        return ''

    def _compare(self, camera: _Camera, image: np.ndarray, values: np.ndarray) -> None:
        if camera.image is None or not np.array_equal(image, camera.image):
            camera.equal = 0
        elif camera.values is not None and (np.abs(values - camera.values) > self._least).any():
            camera.equal += 1
        camera.image, camera.values = image, values


def _size_of(message: Any) -> tuple[int, int] | None:
    """Return width and height of a camera's message; ``None``: its header does not tell."""
    if hasattr(message, 'width'):
        return int(message.width), int(message.height)
    header = read_header(bytes(message.data))
    return None if isinstance(header, str) else (header.width, header.height)


def _told(size: tuple[int, int] | None) -> str:
    return 'unknown' if size is None else f'{size[0]} x {size[1]}'
