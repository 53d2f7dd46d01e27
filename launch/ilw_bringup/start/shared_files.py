"""Find what this package shares beside its code, in a checkout or in an install."""

import os
from pathlib import Path

from ilw_core.errors import IlwError


def shared_file(name: str) -> Path:
    """
    Return a file, as ``rviz/ilw.rviz``.

    :raises IlwError: it is in neither.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if p]
    folders = [Path(__file__).resolve().parents[2],
               *(Path(prefix) / 'share' / 'ilw_bringup' for prefix in prefixes)]
    for folder in folders:
        if (folder / name).is_file():
            return (folder / name).resolve()  # installed as a link
    raise IlwError(f'{name} was not found. Build the workspace, and source it.')
