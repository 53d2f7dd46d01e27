"""Write a matplotlib figure to a file. Does not import matplotlib: who draws has done that."""

import io
from pathlib import Path
from typing import Any

from ilw_core.files import write_file


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
