"""A map and a camera's pictures, small enough for a page."""

from typing import Any

import numpy as np

from ilw_teleop.terminal.map import OCCUPIED, grid_of
from ilw_web.view.news import frame

WIDEST_PX = 640
QUALITY = 70
MOST_CELLS = 16_000_000
MOST_PICTURE_BYTES = 4_000_000
_MAGIC = (b'\xff\xd8', b'\x89PNG')  # JPEG and PNG, which a browser shows as they are
_ENCODINGS = {'rgb8': 3, 'bgr8': 3, 'mono8': 1}


def map_frame(grid: Any) -> bytes | None:
    """Return an ``OccupancyGrid`` as a PNG, y up; ``None``: it is none, or too large."""
    import cv2

    corner = grid.info.origin.position
    walls = grid_of(np.asarray(grid.data, dtype=np.int8), grid.info.width, grid.info.height,
                    grid.info.resolution, (corner.x, corner.y))
    if walls is None or walls.cells.size > MOST_CELLS:
        return None
    gray = np.where(walls.cells >= OCCUPIED, 255, np.where(walls.cells < 0, 128, 0))
    done, packed = cv2.imencode('.png', gray[::-1].astype(np.uint8))
    x, y, right, top = walls.box
    return frame({'t': 'map', 'box': [x, y, right, top]}, packed.tobytes()) if done else None


def camera_frame(name: str, message: Any) -> bytes | None:
    """Return a camera's message as a JPEG or PNG; ``None``: it cannot be shown."""
    import cv2

    if hasattr(message, 'format'):
        data = bytes(message.data)
        good = data.startswith(_MAGIC) and len(data) <= MOST_PICTURE_BYTES
        return frame({'t': 'camera', 'name': name}, data) if good else None
    channels = _ENCODINGS.get(message.encoding, 0)
    values = np.frombuffer(message.data, dtype=np.uint8)
    height, width, step = int(message.height), int(message.width), int(message.step)
    if not channels or step < width * channels or len(values) != step * height or not len(values):
        return None
    pixels = values.reshape(height, step)[:, :width * channels].reshape(height, width, channels)
    every = -(-width // WIDEST_PX)
    pixels = np.ascontiguousarray(pixels[::every, ::every])
    if message.encoding == 'rgb8':
        pixels = np.ascontiguousarray(pixels[..., ::-1])
    done, packed = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return frame({'t': 'camera', 'name': name}, packed.tobytes()) if done else None
