"""Lines at the foot of a terminal that are drawn anew in place; text scrolls by above them."""

from collections.abc import Callable, Sequence
import os
import re

LIVE = 'ILW_LIVE'
"""Variable: 1 where whoever started a node shows its live lines at the foot of a terminal"""
_BEGIN, _PART = '\x1e', '\x1f'
"""ASCII record and unit separators: no log has them"""
_CODE = re.compile(r'(\x1b\[[0-9;]*m)')
_CLEAR = '\x1b[H'
_PLAIN = '\x1b[0m'


def encode(name: str, lines: Sequence[str]) -> str:
    """Return what a node writes to its output to have these lines in place of its last ones."""
    return f'{_BEGIN}{name}{_PART}{_PART.join(lines)}\n'


def decode(line: str) -> tuple[str, list[str]] | None:
    """Return (name, lines) of what ``encode`` made; ``None``: it is ordinary text."""
    if not line.startswith(_BEGIN):
        return None
    name, _, rest = line[1:].rstrip('\n').partition(_PART)
    return name, rest.split(_PART) if rest else []


def cut(line: str, columns: int) -> str:
    """Return the part of a line that fits; colours take no room."""
    kept, room, coloured = [], columns, False
    for part in _CODE.split(line):
        if _CODE.fullmatch(part):
            kept.append(part)
            coloured = part != _PLAIN
        else:
            kept.append(part[:room])
            room -= min(room, len(part))
    return ''.join(kept) + (_PLAIN if coloured else '')


class LiveArea:
    """
    Writes to one terminal; nobody else may while it is in use.

    :param write: of a terminal that turns a line feed into a new line.
    :param size: how large the terminal is now.
    """

    def __init__(self, write: Callable[[str], None],
                 size: Callable[[], os.terminal_size]) -> None:
        self._write, self._size = write, size
        self._parts: dict[str, list[str]] = {}
        self._drawn: list[str] = []
        self._shape: os.terminal_size | None = None

    def show(self, name: str, lines: Sequence[str]) -> None:
        """Put these lines where those of this name were; the order is that of the names."""
        self._parts[name] = list(lines)
        home, before, now = self._home(), self._drawn, self._fitting()
        if home == _CLEAR or len(before) != len(now):
            self._write(f'{home}\x1b[J' + self._draw(now))
        elif before != now:
            # Over a slow line only what has changed.
            self._write(home + '\n'.join(
                '' if old == new else f'{new}\x1b[K'
                for old, new in zip(before, now, strict=True)))
            self._drawn = now

    def scroll(self, text: str) -> None:
        """Let whole lines of text scroll by above."""
        self._write(f'{self._home()}\x1b[J{text.rstrip()}{_PLAIN}\n'
                    + self._draw(self._fitting()))

    def close(self) -> None:
        """Take the lines off the terminal."""
        self._write(self._home() + '\x1b[J')
        self._parts.clear()
        self._drawn = []

    def _home(self) -> str:
        """Return what leads to the beginning of the first line drawn."""
        before, self._shape = self._shape, self._size()
        if before not in (None, self._shape):
            return _CLEAR  # the terminal has wrapped them anew: where they begin nobody knows
        up = len(self._drawn) - 1
        return (f'\x1b[{up}A' if up > 0 else '') + '\r'

    def _fitting(self) -> list[str]:
        columns, rows = self._shape or self._size()
        return [cut(line, max(1, columns - 1)) for _, part in sorted(self._parts.items())
                for line in part][-max(1, rows - 1):]

    def _draw(self, lines: list[str]) -> str:
        self._drawn = lines
        return '\n'.join(lines)
