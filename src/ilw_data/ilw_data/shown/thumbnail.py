"""A small picture of a recording, kept in a cache: what its cameras saw, or the way it went."""

from dataclasses import dataclass
import hashlib
from pathlib import Path

import cv2
import numpy as np

from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_core.storage.files import is_regular, read_bytes, write_file
from ilw_core.text.printable import printable
from ilw_data.bag.marks import bag_marks
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.shown.contact_sheet import cameras_of, write_contact_sheet

MOST_BAG_BYTES = 4_000_000_000
"""A larger recording is not read for a thumbnail"""
_DAMAGE = (EpisodeError, ArithmeticError, LookupError, ValueError, MemoryError, cv2.error)
"""What recordings raise that are not what they claim to be"""
_VERSION = b'ilw.thumbnail/1'
_MOST_WHY_BYTES, _MOST_WHY = 10_000, 300
_ODOMETRY, _POSE = 'nav_msgs/msg/Odometry', 'geometry_msgs/msg/PoseStamped'
_PLACES = {_ODOMETRY: 'pose.pose.position', _POSE: 'pose.position'}
_SIZE_PX, _MARGIN_PX, _DOT_PX = (160, 120), 14, 4
_SMALLEST_M, _FARTHEST_M, _MOST_POINTS = 0.2, 1e6, 2000
_PAPER, _INK, _WAY, _GOAL = (255, 255, 255), (40, 40, 40), (196, 98, 11), (60, 122, 21)
"""Blue first"""


@dataclass(frozen=True)
class Thumbnail:
    """A picture in the cache, or why there is none."""

    file: str = ''
    """Its name there; empty: there is none"""
    why: str = ''
    """One line; empty where there is one"""


def thumbnail_of(episode: EpisodeFolder, cache: Path, *, make: bool = True) -> Thumbnail | None:
    """
    Return the thumbnail of an episode, made where the cache has none. Its folder is only read.

    A recording that is damaged, or shows nothing, has none; that is remembered, too.

    :param make: else ``None`` where the cache does not know it.
    """
    try:
        digest = hashlib.sha256(_VERSION)
        for piece in bag_marks(episode.bag_files):
            digest.update(piece)
        picture = cache / f'{digest.hexdigest()[:32]}.png'
        reason = picture.with_suffix('.txt')
        if is_regular(picture):
            return Thumbnail(picture.name)
        if is_regular(reason):
            return Thumbnail(why=read_bytes(reason, _MOST_WHY_BYTES).decode())
        if not make:
            return None
        cache.mkdir(parents=True, exist_ok=True)
        try:
            if episode.size_bytes > MOST_BAG_BYTES:
                raise EpisodeError(f'It is larger than {MOST_BAG_BYTES / 1e9:g} GB, too much to '
                                   f'read for a thumbnail.')
            write_thumbnail(Bag(episode.path), picture)
        except _DAMAGE as error:
            why = _line(error, episode.path)
            write_file(reason, why)
            return Thumbnail(why=why)
    except (EpisodeError, OSError, UnicodeDecodeError) as error:
        # Of the disk, and may be over soon: not kept.
        return Thumbnail(why=_line(error, episode.path))
    return Thumbnail(picture.name)


def _line(error: BaseException, path: Path) -> str:
    """Return what an error says, on one line; the episode is called by its name."""
    said = ' '.join(str(error).replace(str(path), path.name).split())
    return printable(said[:_MOST_WHY]) or type(error).__name__


def write_thumbnail(bag: Bag, path: Path) -> None:
    """
    Write a PNG: the first and the last picture of each camera, else the way seen from above.

    :raises EpisodeError: the recording shows neither, or cannot be read.
    """
    if cameras_of(bag):
        write_contact_sheet(bag, path, across=2)
        return
    topics = bag.topics({name for name, kind in bag.types.items() if kind in _PLACES})
    ways = {name: _way(topic, bag.types[name]) for name, topic in topics.items()}
    # A base tells its place by odometry, where its goal is, too; of an arm it is what moves most.
    goals = {_frame(topics[name]): way[-1] for name, way in ways.items()
             if bag.types[name] == _POSE and 'goal' in name and len(way)}
    moving = [name for name, way in ways.items() if len(way) > 1]
    shown = max(moving, default='', key=lambda name: (
        bag.types[name] == _ODOMETRY, _frame(topics[name]) in goals, _length_m(ways[name])))
    if not shown:
        raise EpisodeError(f'{bag.folder} holds neither pictures nor a way to draw. A thumbnail '
                           f'needs a topic of a camera, {_ODOMETRY} or {_POSE}.')
    goal = goals.get(_frame(topics[shown])) if bag.types[shown] == _ODOMETRY else None
    done, data = cv2.imencode('.png', _drawn(ways[shown], goal))
    assert done
    write_file(path, data.tobytes())


def _frame(topic: BagTopic) -> str:
    """Return the frame of the newest of some messages with headers."""
    return str(topic.fields.column('header.frame_id', slice(-1, None))[0]).lstrip('/')


def _way(topic: BagTopic, kind: str) -> np.ndarray:
    """Return x and y by stamp, ``(N, 2)`` float64 [m], without what is no place."""
    place = np.stack([topic.fields.column(f'{_PLACES[kind]}.{axis}').astype(np.float64)
                      for axis in 'xy'], axis=1) if len(topic.fields) else np.empty((0, 2))
    place = place[np.argsort(topic.stamps_ns, kind='stable')]
    place = place[(np.abs(place) < _FARTHEST_M).all(axis=1)]  # NaN is not smaller either
    return np.asarray(place[::max(1, len(place) // _MOST_POINTS)])


def _length_m(way: np.ndarray) -> float:
    return float(np.hypot(*np.diff(way, axis=0).T).sum())


def _drawn(way: np.ndarray, goal: np.ndarray | None) -> np.ndarray:
    """Return the way on white, ``(H, W, 3)`` uint8: a ring at its begin, a dot at its end."""
    width, height = _SIZE_PX
    picture = np.full((height, width, 3), _PAPER, np.uint8)
    seen = way if goal is None else np.concatenate([way, goal[None]])
    low, high = seen.min(axis=0), seen.max(axis=0)
    room_px = np.array(_SIZE_PX) - 2 * _MARGIN_PX
    per_m = float(np.min(room_px / np.maximum(high - low, _SMALLEST_M)))
    centred = (seen - (low + high) / 2.0) * per_m * (1.0, -1.0)  # y is up
    pixels = np.rint(centred + np.array(_SIZE_PX) / 2.0).astype(np.int32)
    path = pixels if goal is None else pixels[:-1]
    cv2.polylines(picture, [path.reshape(-1, 1, 2)], False, _WAY, 2, cv2.LINE_AA)
    cv2.circle(picture, path[0].tolist(), _DOT_PX, _INK, 1, cv2.LINE_AA)
    cv2.circle(picture, path[-1].tolist(), _DOT_PX, _INK, cv2.FILLED, cv2.LINE_AA)
    if goal is not None:
        cv2.drawMarker(picture, pixels[-1].tolist(), _GOAL, cv2.MARKER_CROSS, 3 * _DOT_PX, 2)
    cv2.putText(picture, f'{_length_m(way):.1f} m', (2, height - 4), cv2.FONT_HERSHEY_SIMPLEX,
                0.38, _INK, 1, cv2.LINE_AA)
    return picture
