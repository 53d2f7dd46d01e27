"""Draw with matplotlib as it is by default, and write a figure, or a film of it, to a file."""

from collections.abc import Iterable
import io
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.storage.files import write_file


def pyplot() -> Any:
    """
    Return ``matplotlib.pyplot``, drawing to files.

    A ``matplotlibrc`` of the current folder does not count, and ``$`` in a name is no formula.
    """
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot as plt

    matplotlib.rcdefaults()
    matplotlib.rcParams['text.parse_math'] = False
    return plt


def png_of(figure: Any, dpi: int) -> bytes:
    """Return a figure as PNG, laid out tightly, and close it."""
    figure.tight_layout()
    with io.BytesIO() as picture:
        figure.savefig(picture, format='png', dpi=dpi)
        pyplot().close(figure)
        return picture.getvalue()


def save_figure(figure: Any, path: str | Path, dpi: int) -> None:
    """
    Write a figure in the format that the file's suffix names, PNG without one.

    :raises OSError: something else than a regular file is there, or the disk refuses.
    :raises ValueError: matplotlib does not know the format.
    """
    path = Path(path)
    with io.BytesIO() as picture:
        figure.savefig(picture, format=path.suffix[1:] or 'png', dpi=dpi)
        write_file(path, picture.getvalue())


def frame_of(figure: Any) -> np.ndarray:
    """Return a figure as it is now, ``(H, W, 3)`` uint8."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def save_film(frames: Iterable[np.ndarray], path: str | Path, frame_s: float) -> None:
    """
    Write frames of one size ``(H, W, 3)`` uint8 as a GIF that begins again and again.

    The last frame stays for two seconds.

    :raises OSError: as ``save_figure``.
    """
    from PIL import Image

    first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
    shown_ms = [round(1000 * frame_s)] * len(others) + [2000]
    with io.BytesIO() as film:
        first.save(film, format='GIF', save_all=True, append_images=others, duration=shown_ms,
                   loop=0)
        write_file(Path(path), film.getvalue())
