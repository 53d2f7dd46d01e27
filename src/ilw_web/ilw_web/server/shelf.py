"""What jobs leave, for a browser to read: pages and pictures of known folders, nothing else."""

from collections import OrderedDict
from pathlib import Path
import secrets

from ilw_core.storage.files import read_bytes

KINDS = {'.html': 'text/html; charset=utf-8', '.png': 'image/png'}
MOST_BYTES, MOST_FOLDERS = 30_000_000, 200
HEADERS = {
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
                               "sandbox",
    'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin', 'Cache-Control': 'no-store'}
"""Of what lies here: it runs nothing, fetches nothing, and knows nothing of the page around it"""


class Shelf:
    """
    Folders by keys that nobody guesses: a frame cannot show the token.

    :param roots: nothing outside of them is ever read.
    """

    def __init__(self, *roots: Path) -> None:
        self._roots = [root.absolute() for root in roots]
        self._folders: OrderedDict[str, Path] = OrderedDict()

    def share(self, folder: Path) -> str:
        """Return the key of a folder; the one of the oldest is forgotten when there are many."""
        for key, known in self._folders.items():
            if known == folder:
                return key
        key = secrets.token_urlsafe(24)
        self._folders[key] = folder
        while len(self._folders) > MOST_FOLDERS:
            self._folders.popitem(last=False)
        return key

    def read(self, key: str, name: str) -> tuple[str, bytes] | None:
        """Return kind and content of a file in a folder; ``None``: there is nothing to read."""
        folder = self._folders.get(key)
        if folder is None or '\0' in name:
            return None
        try:
            path = (folder / name).resolve(strict=True)
            inside = path.is_relative_to(folder.resolve()) and any(
                path.is_relative_to(root.resolve()) for root in self._roots)
            kind = KINDS.get(path.suffix)
            if not inside or kind is None:
                return None
            return kind, read_bytes(path, MOST_BYTES)
        except (OSError, RuntimeError, ValueError):
            return None
