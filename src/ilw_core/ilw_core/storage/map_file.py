"""
Read a map as ROS 2 saves it: ``map.yaml`` and its picture, in Nav2's format.

PGM (P2, P5) is read here; PNG by OpenCV. Sizes are checked before memory is taken.
"""

from dataclasses import dataclass
import math
from pathlib import Path
import re

import numpy as np

from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.files import read_bytes
from ilw_core.storage.locate import resource_file

FREE, OCCUPIED, UNKNOWN = 0, 100, -1
"""As in ``nav_msgs/OccupancyGrid``"""
MODES = ('trinary', 'scale', 'raw')
MAX_CELLS = 16_000_000
"""200 m x 200 m at 5 cm"""
_MAX_YAML_BYTES = 100_000
_MAX_IMAGE_BYTES = 8 * MAX_CELLS
_SAVED_UNKNOWN = 205.0
_PNG = b'\x89PNG\r\n\x1a\n'


@dataclass(frozen=True)
class MapFile:
    """A map on square cells, turned and shifted into its frame."""

    resolution_m: float
    """Side of a cell"""
    origin: tuple[float, float, float]
    """x [m], y [m], yaw [rad] of the lower left corner of cell [0, 0]"""
    cells: np.ndarray
    """(H, W) int8: ``FREE``, ``OCCUPIED`` or ``UNKNOWN``; rows go up, columns to the right"""

    def to_world(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points given from that corner, along rows and columns, in the map's frame."""
        left, low, yaw = self.origin
        cos, sin = math.cos(yaw), math.sin(yaw)
        return left + cos * x - sin * y, low + sin * x + cos * y

    def to_cells(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (row, column) int64 of points in the map's frame; perhaps off the map."""
        left, low, yaw = self.origin
        cos, sin = math.cos(yaw), math.sin(yaw)
        along, up = cos * (x - left) + sin * (y - low), cos * (y - low) - sin * (x - left)
        return (np.floor(up / self.resolution_m + 1e-9).astype(np.int64),
                np.floor(along / self.resolution_m + 1e-9).astype(np.int64))


def load_map(path: str | Path) -> MapFile:
    """
    Read ``map.yaml`` and the picture that it names.

    A cell is occupied above ``occupied_thresh``, free below ``free_thresh``, else unknown; so are
    the grades between of the modes ``scale`` and ``raw``. The shade that map savers write for
    unknown stays unknown: with their own free_thresh of 0.25 Nav2 would load it as free.

    :raises ContractError: a file is missing or broken; says which, what was got, what to do.
    """
    path = Path(path)
    section = Section(read_yaml(path, 'the description of a map', _MAX_YAML_BYTES), str(path))
    name = section.text('image')
    mode = section.text('mode', 'trinary', choices=MODES)
    resolution_m = section.number('resolution', low=0.001, high=10.0)
    x, y, yaw = section.numbers('origin', 3)
    negate = section.take('negate', 0)
    if negate not in (0, 1):
        raise section.error('negate', '0 or 1', negate)
    occupied = section.number('occupied_thresh', 0.65, low=0.0, high=1.0)
    free = section.number('free_thresh', 0.25, low=0.0, high=1.0)
    if free > occupied:
        raise section.error('free_thresh', f'at most occupied_thresh ({occupied:g})', free)
    try:
        image = resource_file(name, path.parent)
    except IlwError as error:
        raise ContractError(f'{path}: image must be a file beside it. {error} Copy the picture '
                            'that was saved with the map.') from error
    shade, known = _read_image(image)
    if mode == 'raw':
        known &= shade <= 100.0
        chance = shade / 100.0
    else:
        chance = shade / 255.0 if negate else 1.0 - shade / 255.0
        if mode == 'trinary' and not negate:
            known &= shade != _SAVED_UNKNOWN
    cells = np.full(shade.shape, UNKNOWN, dtype=np.int8)
    cells[known & (chance < free)] = FREE
    cells[known & (chance > occupied)] = OCCUPIED
    return MapFile(resolution_m, (x, y, yaw), np.ascontiguousarray(cells[::-1]))


def _read_image(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the shades 0 to 255, (H, W) float32, and which pixels are opaque, (H, W) bool."""
    try:
        data = read_bytes(path, _MAX_IMAGE_BYTES)
    except OSError as error:
        raise ContractError(f'{path} cannot be read: {error}.') from error
    if data.startswith(_PNG):
        return _read_png(data, path)
    if data[:2] in (b'P2', b'P5'):
        shade = _read_pgm(data, path)
        return shade, np.ones(shade.shape, dtype=bool)
    raise ContractError(f'{path} must be a PGM (P2, P5) or PNG picture. It begins with '
                        f'{data[:4]!r}. Save the map again as PGM.')


def _check_size(width: int, height: int, path: Path) -> None:
    if width < 1 or height < 1 or width * height > MAX_CELLS:
        raise ContractError(f'{path} must have 1 to {MAX_CELLS} pixels. It says {width} x '
                            f'{height}. Crop it, or save it at a coarser resolution.')


def _read_pgm(data: bytes, path: Path) -> np.ndarray:
    # One blank at a time: with `\s+` in the repetition a few hundred of them take for ever.
    header = re.match(rb'P[25](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})'
                      rb'(?:\s|#[^\n]*\n)+(\d{1,9})\s', data[:4096])
    if header is None:
        raise ContractError(f'{path} is a broken PGM: width, height and the largest value must '
                            'follow P2 or P5. Save the map again.')
    width, height, largest = (int(v) for v in header.groups())
    _check_size(width, height, path)
    if not 1 <= largest <= 65535:
        raise ContractError(f'{path} is a broken PGM: its largest value must be 1 to 65535. Got '
                            f'{largest}. Save the map again.')
    body, count = data[header.end():], width * height
    if data[:2] == b'P5':
        kind = np.dtype(np.uint8 if largest < 256 else '>u2')
        whole = len(body) >= count * kind.itemsize
        values = np.frombuffer(body, dtype=kind, count=count) if whole else None
    else:
        words = re.sub(rb'#[^\n]*', b'', body).split()[:count]
        whole = len(words) == count and all(word.isdigit() for word in words)
        values = np.array(words).astype(np.float32) if whole else None
    if values is None:
        raise ContractError(f'{path} is cut short: {width} x {height} pixels must follow its '
                            'header. Copy or save the map again.')
    return (values.astype(np.float32) * np.float32(255.0 / largest)).reshape(height, width)


def _read_png(data: bytes, path: Path) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    if data[12:16] == b'IHDR':
        _check_size(int.from_bytes(data[16:20], 'big'), int.from_bytes(data[20:24], 'big'), path)
        pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None:
            scaled = pixels.astype(np.float32) * np.float32(
                255.0 / (65535.0 if pixels.dtype == np.uint16 else 255.0))
            channels = scaled.reshape(*scaled.shape[:2], -1)
            opaque = channels[..., 3] >= 255.0 if channels.shape[2] == 4 else np.ones(
                channels.shape[:2], dtype=bool)
            return channels[..., :3].mean(axis=-1), opaque
    raise ContractError(f'{path} is a broken PNG. Save the map again.')
