"""A contact sheet of a recording: a row of pictures for each camera, as far apart in time."""

from pathlib import Path

import cv2
import numpy as np

from ilw_core.errors import EpisodeError
from ilw_core.features.image_decode import ImageForm, ImageUnreadError
from ilw_core.storage.files import write_file
from ilw_data.bag.camera import COMPRESSED_IMAGE
from ilw_data.bag.reader import Bag, BagTopic

_IMAGE = 'sensor_msgs/msg/Image'
_FIELDS = {COMPRESSED_IMAGE: ('format', 'data'),
           _IMAGE: ('height', 'width', 'encoding', 'is_bigendian', 'step', 'data')}
ACROSS = 10
"""Pictures in a row"""
_TILE_PX, _GAP_PX, _LINE_PX = (128, 96), 4, 18
_PAPER, _INK, _NOTHING = 255, 40, 200


def cameras_of(bag: Bag) -> list[str]:
    """Return the topics of a bag that hold pictures."""
    return sorted(name for name, kind in bag.types.items() if kind in _FIELDS)


def write_contact_sheet(bag: Bag, path: Path, across: int = ACROSS) -> list[str]:
    """
    Write a PNG with a row of pictures for each camera of a recording.

    :param across: so many in a row, the first and the last among them.
    :returns: the topics, row by row; a picture that cannot be read is a gray field.
    :raises EpisodeError: the recording has no pictures.
    """
    names = cameras_of(bag)
    topics = bag.topics(set(names))
    names = [name for name in names if name in topics and len(topics[name].fields)]
    if not names:
        raise EpisodeError(f'{bag.folder} holds no pictures. A contact sheet needs a topic of '
                           f'{" or ".join(_FIELDS)}. Leave --sheet out.')
    rows = [_row(name, bag.types[name], topics[name], across) for name in names]
    done, data = cv2.imencode('.png', np.concatenate(rows))
    assert done
    write_file(path, data.tobytes())
    return names


def _row(name: str, kind: str, topic: BagTopic, across: int) -> np.ndarray:
    """Return the topic, times and pictures below, ``(H, W, 3)`` uint8, blue first."""
    order = np.argsort(topic.stamps_ns, kind='stable')
    picked = np.unique(np.linspace(0, len(order) - 1, across).round().astype(int))
    chosen = order[picked]
    width, height = _TILE_PX
    top = 2 * _LINE_PX
    row = np.full((top + height + _GAP_PX, across * (width + _GAP_PX), 3), _PAPER, np.uint8)
    seconds = (topic.stamps_ns[chosen] - topic.stamps_ns[order[0]]) / 1e9
    for i, picture in enumerate(_pictures(kind, topic, chosen)):
        left = i * (width + _GAP_PX)
        row[top:top + height, left:left + width] = picture
        _write(row, f'{seconds[i]:.1f} s', left, top)
    _write(row, f'{name}: {len(order)} pictures', 0, _LINE_PX)
    return row


def _write(row: np.ndarray, text: str, left: int, bottom: int) -> None:
    cv2.putText(row, text, (left + 2, bottom - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.38,
                (_INK, _INK, _INK), 1, cv2.LINE_AA)


def _pictures(kind: str, topic: BagTopic, rows: np.ndarray) -> list[np.ndarray]:
    form = ImageForm(_TILE_PX, 3)
    read = form.compressed if kind == COMPRESSED_IMAGE else form.raw
    columns = [[topic.fields.views(path)[row] for row in rows.tolist()] if path == 'data'
               else topic.fields.column(path, rows).tolist() for path in _FIELDS[kind]]
    found = []
    for values in zip(*columns, strict=True):
        try:
            found.append(read(*values)[..., ::-1])
        except ImageUnreadError:
            found.append(np.full((*_TILE_PX[::-1], 3), _NOTHING, np.uint8))
    return found
