"""Images of one camera, where they lie: many episodes' files, mapped into memory, never joined."""

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
import tempfile

import numpy as np

from ilw_core.storage.files import open_regular


class Frames:
    """
    The images of one camera in several episodes, counted through.

    :param parts: ``(M, H, W, C)`` uint8 of each episode, most often read from a file when touched.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in self.parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, H, W, C) of all of them."""
        return len(self), *self.parts[0].shape[1:]

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return sum(part.nbytes for part in self.parts)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return some of them, ``(..., H, W, C)`` for rows of any shape."""
        flat = rows.reshape(-1)
        found = np.empty((len(flat), *self.shape[1:]), dtype=np.uint8)
        homes = np.searchsorted(self._ends, flat, side='right')
        for i, (row, home) in enumerate(zip(flat.tolist(), homes.tolist(), strict=True)):
            found[i] = self.parts[home][row - self._ends[home]]  # a negative one: from the end
        return found.reshape(*rows.shape, *self.shape[1:])


def joined_frames(each: Sequence[Frames]) -> Frames:
    """Return the images of several, one after the other."""
    return Frames([part for frames in each for part in frames.parts])


def frames_of(episodes: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Frames]:
    """Return the images of several episodes by camera."""
    return {name: Frames([images[name] for images in episodes])
            for name in (episodes[0] if episodes else ())}


def write_frames(path: Path, images: np.ndarray) -> None:
    """Write ``(M, H, W, C)`` uint8 as a NumPy file, in one step."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        np.lib.format.write_array(stream, images, version=(1, 0), allow_pickle=False)
    os.replace(stream.name, path)


def map_frames(path: Path) -> np.ndarray:
    """
    Return the images of such a file, read when they are touched.

    :raises OSError: it is not there.
    :raises ValueError: it is none, or cut short.
    """
    with open_regular(path) as stream:
        np.lib.format.read_magic(stream)
        shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype != np.uint8 or in_columns or len(shape) != 4:
            raise ValueError(f'{path} holds no images.')
        return np.memmap(stream, dtype, 'r', stream.tell(), shape) if shape[0] else np.zeros(
            shape, dtype)

