"""One job: a command as a process of its own group, followed line by line, ended when asked."""

import asyncio
from collections import deque
from collections.abc import Callable
import os
from pathlib import Path
import signal
from typing import Any

from ilw_core.storage.files import parse_json
from ilw_core.text.printable import printable
from ilw_web.jobs.child import PipedChild

WAITING, RUNNING, DONE, REFUSED, FAILED, CANCELLED = (
    'waiting', 'running', 'done', 'refused', 'failed', 'cancelled')
"""``refused``: exit code 1, the command says no; ``failed``: any other end but 0"""
MOST_LINES, MOST_CHARS = 200, 500
MOST_LINE_BYTES = 2_000_000
"""Of a line of output; a longer one is left out"""
MOST_POINTS = 600
"""Of a curve; every second one goes when there are more"""
GRACE_S = 6.0
"""A job has this long to end when it is asked to: it ends nodes of its own first"""
_LOOK_S, _REST_S = 0.2, 1.0
_LEASH = ('-P', '-m', 'ilw_web.jobs.leash')


class Job:
    """
    A job that waits, runs or has ended.

    :param words: of the command, without ``./ilw``.
    :param left: folder for what it leaves.
    :param total: episodes that it drives, as far as its own progress does not tell.
    :param changed: called whenever there is something new to tell.
    """

    def __init__(self, number: int, name: str, words: list[str], left: Path, total: int,
                 changed: Callable[[], None], *, drives: bool = False) -> None:
        self.number, self.name, self.words, self.left = number, name, words, left
        self.drives, self._total, self._changed = drives, total, changed
        self.state, self.text = WAITING, ''
        self.progress: dict[str, Any] = {}
        self.result: dict[str, Any] | None = None
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.curve: list[tuple[Any, Any, Any]] = []
        """(update, loss, success ratio) of a training"""
        self._process: PipedChild | None = None
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Run it to its end; never raises for what the command does."""
        if self.state != WAITING:
            return
        self.state = RUNNING
        self._changed()
        self._process = child = PipedChild([*_LEASH, str(os.getpid()), *self.words])
        try:
            said = zip(await child.streams(), (self._on_line, self._on_words), strict=True)
            following = [asyncio.create_task(_follow(stream, tell)) for stream, tell in said]
            while child.returncode is None and not all(each.done() for each in following):
                await asyncio.wait(following, timeout=_LOOK_S)
            # Whoever it left behind may hold its output open.
            await asyncio.wait(following, timeout=_REST_S)
            code = await child.ended()
        finally:
            child.end()
        if self._ending is not None:
            self.state = CANCELLED
        else:
            self.state = {0: DONE, 1: REFUSED}.get(code, FAILED)
        words = (self.result or {}).get('text') or (
            self.lines[-1] if self.lines else f'It ended with exit code {code}.')
        self.text = '' if self.state == DONE else str(words)[:MOST_CHARS].removeprefix('error: ')
        self._changed()

    def cancel(self, grace_s: float = GRACE_S) -> None:
        """Ask it to end, and see to it that it does."""
        if self.state == WAITING:
            self.state = CANCELLED
            self._changed()
        elif self.state == RUNNING and self._ending is None:
            self._signal(signal.SIGTERM)
            self._ending = asyncio.create_task(self._end(grace_s))

    def fail(self, why: str) -> None:
        """Note that it could not be started."""
        self.state, self.text = FAILED, why
        self._changed()

    def kill(self) -> None:
        """End what is left of its group at once."""
        self._signal(signal.SIGKILL)

    def told(self) -> dict[str, Any]:
        """Return what every viewer is told of it."""
        words = ['./ilw', *(each for each in self.words if each != '--progress-json')]
        return {'number': self.number, 'name': self.name, 'words': words, 'state': self.state,
                'text': self.text, 'progress': self.progress, 'total': self._total,
                'drives': self.drives, 'curve': self.curve,
                'last': self.lines[-1] if self.lines else ''}

    async def _end(self, grace_s: float) -> None:
        await asyncio.sleep(grace_s)
        self.kill()

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.signal(number)

    def _on_line(self, line: bytes) -> None:
        try:
            said = parse_json(line)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            self._on_words(line)
            return
        if isinstance(said.get('progress'), dict):
            self.progress = {str(key)[:40]: each for key, each in said['progress'].items()
                             if isinstance(each, (int, float, str, type(None)))}
            self._keep()
        else:
            self.result = said
        self._changed()

    def _keep(self) -> None:
        now = self.progress
        if 'update' in now:
            self.curve.append((now['update'], now.get('loss'), now.get('success_ratio')))
            if len(self.curve) > MOST_POINTS:
                del self.curve[1:-1:2]

    def _on_words(self, line: bytes) -> None:
        if text := printable(line.decode(errors='replace').strip())[:MOST_CHARS]:
            self.lines.append(text)
            self._changed()


async def _follow(stream: asyncio.StreamReader, tell: Callable[[bytes], None]) -> None:
    """Pass each line on; one that is too long is left out."""
    rest, long = b'', False
    while piece := await stream.read(65536):
        *lines, rest = (rest + piece).split(b'\n')
        for line in lines:
            if not long:
                tell(line)
            long = False
        if len(rest) > MOST_LINE_BYTES:
            rest, long = b'', True
    if rest and not long:
        tell(rest)


def pages_in(folder: Path, most: int = 60) -> list[str]:
    """Return the pages and pictures below a folder, as paths in it, pages first."""
    found = [path for path in sorted(folder.rglob('*'))[:20_000]
             if path.suffix in ('.html', '.png') and path.is_file()] if folder.is_dir() else []
    found.sort(key=lambda path: path.suffix)
    return [str(path.relative_to(folder)) for path in found[:most]]
