"""The status line and the map as text with colours, for a terminal of a certain size."""

from collections.abc import Sequence
import io
from itertools import groupby
from operator import itemgetter
import os
import re

from rich.text import Text

from ilw_core.text.terminal import PlainConsole
from ilw_teleop.terminal.map import STYLES, UNICODE, Glyphs, MapView, draw
from ilw_teleop.terminal.status import Part

LEVELS = {'': '', 'good': 'green', 'warn': 'yellow', 'bad': 'bold white on red'}
_NUMBER = re.compile(r'\d+(\.\d+)?')
BETWEEN = ' | '


def steady(parts: Sequence[Part]) -> str:
    """Return the line without numbers that run: where each change makes a line of its own."""
    return BETWEEN.join(part.text for part in parts if part.steady)


def gist(line: str) -> str:
    """Return a line with its numbers left out: how old a sensor is runs, too, while it waits."""
    return _NUMBER.sub('#', line)


def coloured(parts: Sequence[Part], columns: int) -> str:
    """Return the line as it is written to a terminal, cut to its width."""
    line = Text(no_wrap=True)
    for part in parts:
        line.append(BETWEEN if line else '')
        line.append(part.text, LEVELS[part.level])
    line.truncate(columns, overflow='ellipsis')
    return _codes([line], columns)[0]


def picture(scene: MapView, columns: int, rows: int, glyphs: Glyphs = UNICODE) -> list[str]:
    """Return the map and its legend as they are written to a terminal, no larger than this."""
    drawn = draw(scene, columns, rows - 1, glyphs)
    if not drawn:
        return ['(no map, no odometry yet)']
    return _codes([*map(_line, drawn), _legend(scene, glyphs)], columns)


def _line(row: Sequence[tuple[str, str]]) -> Text:
    line = Text(no_wrap=True)
    for what, characters in groupby(row, key=itemgetter(1)):
        line.append(''.join(glyph for glyph, _ in characters), STYLES[what])
    return line


def _legend(scene: MapView, glyphs: Glyphs) -> Text:
    line = Text(no_wrap=True)
    if scene.robot is not None:
        x, y, yaw = scene.robot
        line.append(glyphs.robot[0], STYLES['robot'])
        line.append(f' x {x:.2f} y {y:.2f} heading {round(yaw * 57.29578) % 360}°')
    if scene.goal is not None:
        line.append(f'  {glyphs.goal}', STYLES['goal'])
        line.append(' goal')
    line.append(f'  {glyphs.scan}', STYLES['scan'])
    line.append(' seen  ')
    line.append(glyphs.path, STYLES['path'])
    line.append(' driven')
    return line


def _codes(lines: Sequence[Text], columns: int) -> list[str]:
    stream = io.StringIO()
    console = PlainConsole(file=stream, force_terminal=True, color_system='standard',
                           no_color='NO_COLOR' in os.environ or None, width=max(1, columns),
                           highlight=False, legacy_windows=False)
    console.print(Text('\n').join(lines), no_wrap=True, crop=True, overflow='crop')
    return stream.getvalue().split('\n')[:len(lines)]
