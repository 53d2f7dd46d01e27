"""A glance at a camera's message: how large, how bright, a thumbnail; and at many of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.features.image_header import read_header

THUMB_PX = 24
"""Width and height of a thumbnail: enough to see that something moved"""
BLACK, FLAT = 0.03, 0.02
"""Brightness, and its standard deviation over the picture, below which a picture is black"""
JUMP = 0.15
"""Of the brightness from one picture to the next: no scene does that, exposure or a lamp does"""
_PLAIN = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1}
_SOME = 0.02
"""Part of the pictures that may be so: a camera that starts begins in the dark"""


@dataclass(frozen=True)
class Glance:
    """What is seen at a glance."""

    size: tuple[int, int]
    """Width and height [px]"""
    brightness: float
    """Mean, 0 to 1"""
    spread: float
    """Standard deviation over the picture, likewise"""
    thumb: np.ndarray
    """(THUMB_PX, THUMB_PX) float32, gray, 0 to 1"""

    @property
    def black(self) -> bool:
        """Whether nothing is to be seen."""
        return self.brightness < BLACK and self.spread < FLAT


def glance_at(message: Any) -> Glance | None:
    """
    Return what a ``CompressedImage`` or ``Image`` shows at a glance, whoever decoded the message.

    ``None``: it cannot be read, or is depth.
    """
    if hasattr(message, 'format'):
        return compressed_glance(message.data)
    return raw_glance(int(message.height), int(message.width), str(message.encoding),
                      int(message.step), message.data)


def compressed_glance(data: Any) -> Glance | None:
    """Return what a JPEG or PNG shows; a quarter of its pixels each way is enough."""
    import cv2

    raw = np.frombuffer(data, dtype=np.uint8)
    header = read_header(raw.tobytes())
    if isinstance(header, str) or header.bits > 8:
        return None
    mode = cv2.IMREAD_REDUCED_GRAYSCALE_4 if min(header[:2]) >= 4 * THUMB_PX \
        else cv2.IMREAD_GRAYSCALE
    try:
        gray = cv2.imdecode(raw, mode)
    except cv2.error:
        gray = None
    return None if gray is None else _glance((header.width, header.height), gray)


def raw_glance(height: int, width: int, encoding: str, step: int, data: Any) -> Glance | None:
    """Return what the pixels of an ``Image`` show; of every fourth row and column if large."""
    pixel, values = _PLAIN.get(encoding, 0), np.frombuffer(data, dtype=np.uint8)
    if not pixel or min(height, width) < 1 or step < width * pixel or len(values) != step * height:
        return None
    every = max(1, min(height, width) // (4 * THUMB_PX))
    rows = values.reshape(height, step)[::every, :width * pixel]
    gray = rows.reshape(len(rows), width, pixel)[:, ::every, :3].mean(axis=2)
    return _glance((width, height), gray.astype(np.uint8))


def series_problems(glances: Sequence[Glance | None]) -> list[tuple[str, str]]:
    """
    Return what is wrong with the pictures of a camera in order: kind of problem and a sentence.

    :param glances: ``None`` for one that could not be read.
    """
    seen = [each for each in glances if each is not None]
    found, most = [], max(1, round(_SOME * len(glances)))
    if (lost := len(glances) - len(seen)) > most:
        found.append(('unread', f'{lost} of {len(glances)} pictures cannot be read. Look at the '
                      f'camera driver.'))
    sizes = list(dict.fromkeys(each.size for each in seen))
    if len(sizes) > 1:
        told = ' and '.join(f'{w} x {h}' for w, h in sizes[:3])
        found.append(('size', f'pictures must be of one size. Got {told}. Set the camera '
                      f'driver to one.'))
    black = sum(each.black for each in seen)
    if black > most:
        found.append(('black', f'{black} of {len(seen)} pictures are black. Take the cap off, or '
                      f'look at cable and exposure.'))
    steps = np.abs(np.diff([each.brightness for each in seen if not each.black]))
    if jumps := int((steps > JUMP).sum()):
        found.append(('exposure', f'its brightness jumps {jumps} time(s), by up to '
                      f'{steps.max():.0%}. Fix exposure and white balance in the camera driver.'))
    return found


def _glance(size: tuple[int, int], gray: np.ndarray) -> Glance:
    import cv2

    thumb = cv2.resize(gray, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA)
    values = thumb.astype(np.float32) / np.float32(255.0)
    return Glance(size, float(gray.mean()) / 255.0, float(gray.std()) / 255.0, values)
