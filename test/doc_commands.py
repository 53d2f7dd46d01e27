"""The commands that README and docs show: fenced blocks, lines of them, and spans in text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
import shlex

ROOT = Path(__file__).resolve().parents[1]
SHELL = ('bash', 'sh', 'console', '')
_FENCE = re.compile(r'^(?P<indent> *)```(?P<language>\S*)\s*$')
_SPAN = re.compile(r'`(\./ilw [^`]+|ros2 launch ilw_bringup [^`]+)`', re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    """Of its first line, from 1"""
    language: str
    text: str

    @property
    def where(self) -> str:
        """Page and line, as an editor opens them."""
        return f'{self.page.relative_to(ROOT)}:{self.line}'


@dataclass(frozen=True)
class Line:
    """One command, its continuation lines joined."""

    where: str
    text: str
    whole: bool = True
    """Nothing is left out: in text a command may be named without what it works on"""

    @property
    def words(self) -> list[str]:
        """What a shell makes of it."""
        return shlex.split(re.sub(r'<(\w+)>', r'\1', self.text), comments=True)


def pages() -> list[Path]:
    """Return README, CONTRIBUTING and every page of docs."""
    return [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, without the indentation of the list they stand in."""
    begin, indent, language, held = 0, 0, '', []
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence and not begin:
            begin, indent = number + 1, len(fence['indent'])
            language, held = fence['language'], []
        elif fence:
            yield Block(page, begin, language, '\n'.join(held) + '\n')
            begin = 0
        elif begin:
            held.append(line[indent:])
    assert not begin, f'{page}: the block of line {begin} has no end'


def lines(block: Block) -> Iterator[Line]:
    """Yield the commands of a shell block."""
    text, begin = '', block.line
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        begin = begin if text else number
        text += line.removeprefix('$ ')
        if text.endswith('\\'):
            text = text[:-1]
            continue
        if text.strip() and not text.lstrip().startswith('#'):
            yield Line(f'{block.page.relative_to(ROOT)}:{begin}', text.strip())
        text = ''


def spans(page: Path) -> Iterator[Line]:
    """Yield the commands between backticks in the text of a page, each of their forms."""
    text = re.sub(r'^ *```.*?^ *```\s*$', lambda m: re.sub(r'[^\n]', '', m[0]), page.read_text(),
                  flags=re.DOTALL | re.MULTILINE)
    for match in _SPAN.finditer(text):
        where = f'{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}'
        for form in _forms(' '.join(match[1].split())):
            yield Line(where, form, whole=False)


def _forms(text: str) -> Iterator[str]:
    r"""Yield what ``a\|b`` and ``[option]`` of a table stand for."""
    text = text.replace('[', ' ').replace(']', ' ')
    words = text.replace('\\|', '|').split()
    for i, word in enumerate(words):
        if '|' in word:
            for each in word.split('|'):
                yield from _forms(' '.join([*words[:i], each, *words[i + 1:]]))
            return
    yield ' '.join(words)
