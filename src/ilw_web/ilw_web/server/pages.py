"""The files of the page, read once."""

from dataclasses import dataclass
import gzip
from pathlib import Path

from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes

FOLDER = Path(__file__).resolve().parents[1] / 'page'
KINDS = {'index.html': 'text/html; charset=utf-8', 'cockpit.js': 'text/javascript; charset=utf-8',
         'cockpit.css': 'text/css; charset=utf-8'}
MOST_BYTES = 8_000_000


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    kind: str
    """Of its content, as HTTP says it"""
    plain: bytes
    packed: bytes
    """The same, gzipped"""


class Page(dict[str, PageFile]):
    """
    File name -> file; the empty name is the page itself.

    :raises IlwError: a file of it is missing.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        super().__init__()
        for name, kind in KINDS.items():
            try:
                content = read_bytes(folder / name, MOST_BYTES)
            except OSError as error:
                raise IlwError(f'The page is not whole: {folder / name} is missing. Build it: '
                               f'src/ilw_web/web/build.sh.') from error
            self[name] = PageFile(kind, content, gzip.compress(content, mtime=0))
        self[''] = self['index.html']

    @property
    def packed_bytes(self) -> int:
        """Size of the whole page, gzipped."""
        return sum(len(self[name].packed) for name in KINDS)
