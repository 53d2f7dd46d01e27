"""The folders whose content a request may name; nothing outside them is ever looked at."""

from collections.abc import Iterable, Sequence
import os
from pathlib import Path

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError, NotAllowedError

MAX_NAME = 1024
"""Characters of a path in a request"""


class Roots:
    """
    Finds what a request names, inside some folders.

    :param folders: relative ones from where the process was started; they need not exist yet.
    """

    def __init__(self, folders: Iterable[str | Path]) -> None:
        self._folders = tuple(Path(os.path.abspath(folder)) for folder in folders)

    def folder(self, name: str, what: str) -> Path:
        """
        Return a folder that a request names, without links in its path.

        :param name: a path from where the process was started, from one of the roots, or absolute.
        :param what: what it should be, for the error's text.
        :raises NotAllowedError: it is in none of the roots, whether it exists or not.
        :raises IlwError: it is, and is no folder.
        """
        path = self._inside(name, what)
        if not os.path.isdir(path):
            raise IlwError(f'{shown(name)} must be {what}. Got no folder there.')
        return path

    def file(self, name: str, what: str) -> Path:
        """Return a regular file that a request names; otherwise as ``folder``."""
        path = self._inside(name, what)
        if not os.path.isfile(path):
            raise IlwError(f'{shown(name)} must be {what}. Got no file there.')
        return path

    def _inside(self, name: str, what: str) -> Path:
        """Return the path without links; the first that exists, of those that it may mean."""
        meant = [path for path in _meant(name, self._folders) if self._holds(path)]
        found = [Path(os.path.realpath(path)) for path in meant]
        inside = [path for path in found if self._holds(str(path))]
        there = [path for path in inside if os.path.exists(path)]
        if not there and (not inside or len(inside) < len(found)):  # a link leads outside
            raise NotAllowedError(
                f'{what} must be in {" or ".join(map(str, self._folders)) or "no folder at all"}. '
                f'Got {shown(name)}. Put it there, or start the node with its folder.')
        return (there or inside)[0]

    def _holds(self, path: str) -> bool:
        return any(Path(path).is_relative_to(folder) for own in self._folders
                   for folder in (own, os.path.realpath(own)))


def folders(text: str) -> list[str]:
    """Return the folders of a parameter, which are separated by ``:``."""
    return [part for part in text.split(':') if part]


def _meant(name: str, roots: Sequence[Path]) -> list[str]:
    """Return the absolute paths that a name may mean; none for what is no name."""
    if not name or len(name) > MAX_NAME or not name.isprintable() or '..' in Path(name).parts:
        return []
    bases = (Path(), *roots)
    return list(dict.fromkeys(os.path.abspath(base / name) for base in bases))
