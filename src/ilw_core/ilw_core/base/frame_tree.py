"""The transforms that were heard, and the way from one frame to another."""

import math

import numpy as np

Transform = tuple[np.ndarray, np.ndarray]
"""Rotation matrix ``(3, 3)`` and translation ``(3,)`` [m]: a point of the child in the parent"""


def transform(translation: tuple[float, float, float],
              rotation: tuple[float, float, float, float]) -> Transform:
    """Return a translation and a quaternion (x, y, z, w) as a transform."""
    length = math.hypot(*rotation)
    x, y, z, w = (v / length if 1e-12 < length < math.inf else math.nan for v in rotation)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]), np.array(translation, dtype=np.float64)


def frame_problem(frame: str, other_topic: str, other_frame: str) -> str:
    """Return what is wrong if a message is used with one in another frame; empty if nothing."""
    if not frame or not other_frame or frame.lstrip('/') == other_frame.lstrip('/'):
        return ''
    return (f'is given in the frame {frame!r}, {other_topic} in {other_frame}. Send it in that '
            f'frame: nothing here transforms it.')


class FrameTree:
    """Child -> parent, as on ``/tf`` and ``/tf_static``."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, Transform]] = {}

    def __len__(self) -> int:
        return len(self._parents)

    def take(self, parent: str, child: str, new: Transform) -> None:
        """Note a transform; the newest counts."""
        self._parents[child.lstrip('/')] = (parent.lstrip('/'), new)

    def between(self, base: str, frame: str) -> Transform | None:
        """Return the transform of ``frame`` in ``base``; ``None`` if no way leads there."""
        up, ways = self._to_root(frame.lstrip('/')), dict(self._to_root(base.lstrip('/')))
        for name, (rotation, translation) in up:
            if name in ways:
                turned, moved = ways[name]
                return turned.T @ rotation, turned.T @ (translation - moved)
        return None

    def _to_root(self, frame: str) -> list[tuple[str, Transform]]:
        """Return every frame above one, and how it is seen from there, nearest first."""
        way = [(frame, (np.eye(3), np.zeros(3)))]
        while frame in self._parents and len(way) < 100:  # a loop in tf ends, too
            frame, (rotation, translation) = self._parents[frame]
            turned, moved = way[-1][1]
            way.append((frame, (rotation @ turned, rotation @ moved + translation)))
        return way
