"""
From a camera's message to an image of the contract's size: live and from a bag the same bits.

OpenCV is loaded when the first image is decoded: a robot without a camera does without.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ilw_core.features.image_header import read_header

MAX_PIXELS = 40_000_000
"""Of a camera's image: twice what industrial cameras have"""
_RAW = {'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1, '16UC1': 2}
"""Encodings of ``sensor_msgs/Image`` that are read -> bytes of a pixel"""
_DEPTH_PREFIX_BYTES = 12
"""What ``compressedDepth`` puts before its PNG"""
_LEVELS = 254


class ImageUnreadError(ValueError):
    """A message holds no image that can be read; the text says why and what to do."""


def decoder_version() -> str:
    """Return what decodes images: another version may give other bits."""
    import cv2

    return str(cv2.__version__)


@dataclass(frozen=True)
class ImageForm:
    """What every image of one observation entry becomes."""

    size: tuple[int, int]
    """Width and height [px]"""
    channels: int
    """3: red, green, blue; 1: gray, or depth"""
    crop: tuple[int, int, int, int] | None = None
    """x, y, width, height [px] in the camera's image; ``None``: all of it"""
    depth_m: tuple[float, float] | None = None
    """Distances that become 1 and 255; 0 stays what was not measured. ``None``: no depth"""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)"""
        return self.size[1], self.size[0], self.channels

    def compressed(self, kind: str, data: Any) -> np.ndarray:
        """
        Return the image of a ``sensor_msgs/CompressedImage``, ``(H, W, C)`` uint8.

        :param kind: its ``format``; ``data``: a JPEG or PNG, as bytes.
        :raises ImageUnreadError: it is neither, damaged, or too large.
        """
        import cv2

        raw = np.frombuffer(data, dtype=np.uint8)
        if 'compressedDepth' in kind:
            if '16UC1' not in kind:
                raise ImageUnreadError('compressedDepth must be of 16UC1, in millimetres. Got '
                                       f'{kind[:40]!r}. Publish the depth so.')
            raw = raw[_DEPTH_PREFIX_BYTES:]
        header = read_header(raw.tobytes())
        if isinstance(header, str):
            raise ImageUnreadError(f'{header} (format {kind[:40]!r}). Look at the camera driver.')
        self._check(header.width, header.height, header.bits == 16 and header.gray)
        mode = (cv2.IMREAD_UNCHANGED if self.depth_m
                else cv2.IMREAD_COLOR if self.channels == 3 else cv2.IMREAD_GRAYSCALE)
        try:
            image = cv2.imdecode(raw, mode | (0 if self.depth_m
                                              else cv2.IMREAD_IGNORE_ORIENTATION))
        except cv2.error:
            image = None
        if image is None or image.shape[:2] != (header.height, header.width):
            raise ImageUnreadError(f'it is damaged (format {kind[:40]!r}). Look at the camera '
                                   'driver.')
        if not self.depth_m and self.channels == 3:
            image = image[..., ::-1]  # OpenCV has blue first
        return self._fit(image)

    def raw(self, height: int, width: int, encoding: str, is_bigendian: int, step: int,
            data: Any) -> np.ndarray:
        """
        Return the image of a ``sensor_msgs/Image`` by its fields, ``(H, W, C)`` uint8.

        :raises ImageUnreadError: its encoding is not read, or its sizes contradict each other.
        """
        import cv2

        height, width, step = int(height), int(width), int(step)
        if encoding not in _RAW:
            raise ImageUnreadError(f'encoding must be one of {", ".join(_RAW)}. Got '
                                   f'{encoding[:40]!r}. Set it in the camera driver, or observe '
                                   'its compressed topic.')
        self._check(width, height, encoding == '16UC1')
        pixel, given = _RAW[encoding], np.frombuffer(data, dtype=np.uint8)
        if step < width * pixel or len(given) != step * height:
            raise ImageUnreadError(
                f'data must be step x height bytes, and step at least {width * pixel}, here. Got '
                f'{len(given)} bytes, step {step}, height {height}. Look at the camera driver.')
        rows = given.reshape(height, step)[:, :width * pixel]
        if encoding == '16UC1':
            order = '>u2' if is_bigendian else '<u2'
            return self._fit(np.ascontiguousarray(rows).view(order).astype(np.uint16))
        image = np.ascontiguousarray(rows).reshape(height, width, pixel)
        if pixel > 1:
            image = image[..., [2, 1, 0] if encoding.startswith('bgr') else [0, 1, 2]]
        if self.channels == 1 and pixel > 1:
            image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
        elif self.channels == 3 and pixel == 1:
            image = np.repeat(image, 3, axis=2)
        return self._fit(image)

    def _check(self, width: int, height: int, sixteen_bits: bool) -> None:
        if min(width, height) < 1 or width * height > MAX_PIXELS:
            raise ImageUnreadError(f'it must have 1 to {MAX_PIXELS} pixels. Got {width} x '
                                   f'{height}. Set a smaller image in the camera driver.')
        if sixteen_bits != bool(self.depth_m):
            raise ImageUnreadError(
                'it is depth (16 bits), but the contract reads colour or gray. Give near_m and '
                'far_m there.' if sixteen_bits else
                'it must be depth (16UC1), as the contract has near_m and far_m. Got 8 bits. '
                'Take them out there, or name the topic of the depth.')
        if self.crop is not None:
            x, y, w, h = self.crop
            if x + w > width or y + h > height:
                raise ImageUnreadError(f'crop {list(self.crop)} must lie within it. Got {width} x '
                                       f'{height} pixels. Correct crop in the contract.')

    def _fit(self, image: np.ndarray) -> np.ndarray:
        """Crop and resize; an average over depths would be of no surface, so there the nearest."""
        import cv2

        if self.crop is not None:
            x, y, w, h = self.crop
            image = image[y:y + h, x:x + w]
        if image.shape[1::-1] != self.size:
            how = cv2.INTER_NEAREST if self.depth_m else cv2.INTER_AREA
            image = cv2.resize(np.ascontiguousarray(image), self.size, interpolation=how)
        if self.depth_m:
            image = self._levels[image]
        return np.ascontiguousarray(image).reshape(self.shape)

    @cached_property
    def _levels(self) -> np.ndarray:
        """(65536,) uint8 of a depth in millimetres."""
        assert self.depth_m is not None
        near, far = self.depth_m
        metres = np.arange(65536, dtype=np.float64) / 1000.0
        ratio = (np.clip(metres, near, far) - near) / (far - near)
        levels = np.round(1.0 + _LEVELS * ratio).astype(np.uint8)
        levels[0] = 0
        return levels

