"""Draw with matplotlib as it is by default, and write a figure to a file."""

import io
from pathlib import Path
from typing import Any

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
