"""What tells one recording from another without reading all of it."""

from collections.abc import Iterable, Iterator
import os
from pathlib import Path

from ilw_core.storage.files import open_regular

END_BYTES = 65536
"""Of each end of a file"""


def bag_marks(files: Iterable[Path]) -> Iterator[bytes]:
    """
    Yield the size, time of change and two ends of each file, to be hashed.

    A bag holds gigabytes, so not all of it is read. An MCAP file ends with a table of its chunks,
    so one recorded anew has another end. What goes unnoticed: bytes changed in the middle by
    something that keeps the size and sets the time of change back to the nanosecond.

    :raises OSError: a file is not there, or may not be read.
    """
    for file in files:
        with open_regular(file) as stream:
            state = os.fstat(stream.fileno())
            yield f'{file.suffix} {state.st_size} {state.st_mtime_ns}'.encode()
            yield stream.read(END_BYTES)
            stream.seek(max(0, state.st_size - END_BYTES))
            yield stream.read(END_BYTES)
