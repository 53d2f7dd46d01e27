"""Images of an episode: each message that a tick uses is decoded once, as it would be live."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
import math
import os
from typing import Any

import numpy as np

from ilw_core.contract.observed import ObservedTopic
from ilw_core.errors import EpisodeError
from ilw_core.features.image_decode import ImageUnreadError
from ilw_data.bag.reader import BagTopic

IMAGE, VALID = 'image.', 'image_valid.'
"""Before a contract entry's name, among the arrays of an episode"""
MAX_BYTES = 8_000_000_000
"""Of one camera in one episode: 14 minutes of 640 x 480 in colour at 10 Hz"""
_BLOCK = 64
"""Images decoded at once, by several threads: OpenCV lets others work meanwhile"""


def image_arrays(source: ObservedTopic, topic: BagTopic, rows: np.ndarray,
                 ) -> dict[str, np.ndarray]:
    """
    Return one entry's images at every tick.

    :param rows: ``(T+1,)`` row of the message that counts at each; -1 for none.
    :returns: ``(T+1, H, W, C)`` uint8, 0 where there is none, and ``(T+1,)`` bool.
    :raises EpisodeError: they are too large to be held in memory.
    """
    size = len(rows) * math.prod(source.feature.shape)
    if size > MAX_BYTES:
        raise EpisodeError(f'The images of {source.name} must take at most {MAX_BYTES / 1e9:g} GB '
                           f'in an episode. Got {size / 1e9:.0f} GB. Set a smaller size in the '
                           f'contract, or cut the episode.')
    images = np.zeros((len(rows), *source.feature.shape), dtype=np.uint8)
    valid = np.zeros(len(rows), dtype=bool)
    there = np.flatnonzero(rows >= 0)
    there = there[np.argsort(rows[there], kind='stable')]
    used, begins = np.unique(rows[there], return_index=True)
    ticks = np.split(there, begins[1:])
    for each, image in zip(ticks, read_images(source, topic, used), strict=False):
        if isinstance(image, np.ndarray):
            images[each], valid[each] = image, True
    return {IMAGE + source.name: images, VALID + source.name: valid}


def read_images(source: ObservedTopic, topic: BagTopic, rows: np.ndarray,
                ) -> Iterator[np.ndarray | str]:
    """Yield the image of each row, ``(H, W, C)`` uint8, or why there is none."""
    columns = [_values(topic, path, rows) for _, path in source.feature.fields]

    def decode(values: tuple[Any, ...]) -> np.ndarray | str:
        try:
            return source.feature.one(*values)
        except ImageUnreadError as error:
            return str(error)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for begin in range(0, len(rows), _BLOCK):
            yield from pool.map(decode, zip(*(column[begin:begin + _BLOCK] for column in columns),
                                            strict=True))


def _values(topic: BagTopic, path: str, rows: np.ndarray) -> list[Any]:
    """Return one field of some messages; of a sequence the elements of each, in place."""
    if topic.fields.lengths(path) is None:
        return topic.fields.column(path, rows).tolist()
    views = topic.fields.views(path)
    return [views[row] for row in rows.tolist()]


def split_images(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the arrays of an episode with its images as an ``Episode`` has them."""
    found: dict[str, Any] = {key: value for key, value in arrays.items()
                             if not key.startswith((IMAGE, VALID))}
    for field, prefix in (('images', IMAGE), ('images_valid', VALID)):
        found[field] = {key.removeprefix(prefix): value for key, value in arrays.items()
                        if key.startswith(prefix)}
    return found
