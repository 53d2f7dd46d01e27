"""Read the frames of a camera topic, sensor_msgs/msg/CompressedImage, out of a bag."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ilw_core.errors import EpisodeError
from ilw_data.bag.reader import Bag

COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'


class Camera:
    """
    The frames of one topic, in the order they were logged.

    Compressed bytes stay where they are in the file until a frame is decoded.

    :param topic: without a leading slash.
    :raises EpisodeError: the bag lacks it, it is of another type, or cannot be read.
    """

    def __init__(self, bag: Bag, topic: str) -> None:
        kind = bag.types.get(topic, 'nothing')
        if kind != COMPRESSED_IMAGE:
            raise EpisodeError(f'{bag.folder}: topic {topic!r} must be {COMPRESSED_IMAGE}. '
                               f'Got {kind}.')
        self._name = f'{bag.folder}: {topic}'
        images = bag.topics({topic}).get(topic)
        self._data = images.fields.views('data') if images and len(images.fields) else []
        self.stamps_ns = images.stamps_ns if images else np.empty(0, dtype=np.int64)
        """(N,) int64"""

    def __len__(self) -> int:
        return len(self._data)

    def compressed(self, row: int) -> np.ndarray:
        """Return the bytes of one frame, as the camera's driver sent them, ``(L,)`` uint8."""
        return self._data[row]

    def frames(self, rows: Sequence[int] | np.ndarray | None = None) -> Iterator[np.ndarray]:
        """
        Yield decoded frames one by one, ``(H, W, 3)`` uint8, blue first as in OpenCV.

        :param rows: which; all by default.
        :raises EpisodeError: a frame is damaged.
        """
        for row in range(len(self)) if rows is None else rows:
            yield self._decode(int(row))

    def stack(self, rows: Sequence[int] | np.ndarray, *, threads: int = 1) -> np.ndarray:
        """
        Return decoded frames of one size, ``(N, H, W, 3)`` uint8.

        :raises EpisodeError: a frame is damaged, or of another size than the first.
        """
        if not len(rows):
            return np.empty((0, 0, 0, 3), dtype=np.uint8)
        first = self._decode(int(rows[0]))
        frames = np.empty((len(rows), *first.shape), dtype=np.uint8)
        frames[0] = first

        def fill(i: int) -> None:
            frame = self._decode(int(rows[i]))
            if frame.shape != first.shape:
                raise EpisodeError(f'{self._name}: frame {rows[i]} is {frame.shape[:2]}, the '
                                   f'first is {first.shape[:2]}. Resize them one by one.')
            frames[i] = frame

        if threads == 1:
            for i in range(1, len(rows)):
                fill(i)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(fill, range(1, len(rows))))
        return frames

    def _decode(self, row: int) -> np.ndarray:
        try:
            frame = cv2.imdecode(self.compressed(row), cv2.IMREAD_COLOR)
        except cv2.error as error:
            raise EpisodeError(f'{self._name}: frame {row} cannot be decoded: '
                               f'{" ".join(str(error).split())}.') from error
        if frame is None:
            raise EpisodeError(f'{self._name}: frame {row} cannot be decoded. Leave it out.')
        return frame
