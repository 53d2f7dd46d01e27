"""The queue of jobs: one runs at a time, everybody sees all of them."""

import asyncio
from collections.abc import Callable, Mapping
import json
from typing import Any

from ilw_core.errors import IlwError
from ilw_core.storage.files import json_text
from ilw_web.jobs.forms import FORMS, TELL_PROGRESS
from ilw_web.jobs.job import RUNNING, WAITING, Job, pages_in
from ilw_web.jobs.known_folders import KnownFolders

MOST_WAITING, MOST_KEPT = 4, 20
MOST_RESULT_CHARS = 400_000
TELL_S = 0.25
"""Between two times that viewers are told"""
CLOSE_S = 1.0
"""When the cockpit ends a job has this long; then it is killed"""


class Jobs:
    """
    Starts commands for the page, one at a time; used in the server's loop.

    :param places: what the page may name, and where a job leaves what it makes.
    :param share: makes a folder readable by the page; returns the address that it has there.
    :param stamp: names a new folder, as the time does.
    """

    def __init__(self, places: KnownFolders, share: Callable[[Any], str],
                 stamp: Callable[[], str]) -> None:
        self._places, self._share, self._stamp = places, share, stamp
        self._jobs: dict[int, Job] = {}
        self._next, self._told = 0, False
        self._tell: Callable[[str], None] = lambda text: None
        self._work: asyncio.Task[None] | None = None

    def begin(self, tell: Callable[[str], None]) -> None:
        """Tell of changes from now on, and of what there is."""
        self._tell = tell
        self._say()

    def start(self, name: str, given: Mapping[str, str], *, leases: bool) -> int:
        """
        Note a job, and run it when those before it have ended; returns its number.

        :param leases: whether who asks drives the robot.
        :raises KeyError: there is no such job.
        :raises IlwError: it may not be started so; a sentence.
        """
        form = FORMS[name]
        if sum(job.state == WAITING for job in self._jobs.values()) >= MOST_WAITING:
            raise IlwError(f'{MOST_WAITING} jobs wait already. Cancel one, or start it later.')
        drives = bool(form.drives) and given.get(form.drives) == 'yes'
        _require_lease(drives, leases)
        left = self._places.runs / f'{self._stamp()}-{name}-{self._next + 1}'
        words = form.line(given, self._places, left)
        if form.leaves:
            left.mkdir(parents=True, exist_ok=True)
        words[1:1] = ['--progress-json'] if form.words[0] in TELL_PROGRESS else ['--json']
        self._next += 1
        total = int(given['episodes']) if given.get('episodes', '').isdecimal() else 0
        self._jobs[self._next] = Job(self._next, name, words, left, total, self._changed,
                                     drives=drives)
        self._forget()
        self._changed()
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run())
        return self._next

    def cancel(self, given: Mapping[str, str], *, leases: bool) -> None:
        """:raises IlwError: there is no such job, or it is another's to end."""
        job = self._find(given)
        _require_lease(job.drives, leases)
        job.cancel()

    def show(self, given: Mapping[str, str]) -> dict[str, Any]:
        """
        Return all that is known of a job; for anybody.

        :raises IlwError: there is none of this number.
        """
        job = self._find(given)
        result, note = job.result, ''
        if result is not None and len(json_text(result)) > MOST_RESULT_CHARS:
            result, note = None, 'Its result is too long to be shown here.'
        pages = pages_in(job.left) if job.state not in (WAITING, RUNNING) else []
        return {**job.told(), 'lines': list(job.lines), 'result': result, 'note': note,
                'pages': pages, 'at': self._share(job.left) if pages else ''}

    async def close(self) -> None:
        """End them all, first asking, then at once."""
        for job in self._jobs.values():
            job.cancel(CLOSE_S)
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work], timeout=CLOSE_S + 0.5)
        for job in self._jobs.values():
            job.kill()

    async def _run(self) -> None:
        while waiting := [job for job in self._jobs.values() if job.state == WAITING]:
            try:
                await waiting[0].run()
            except OSError as error:  # no process is to be had
                waiting[0].fail(str(error))

    def _find(self, given: Mapping[str, str]) -> Job:
        text = given.get('job', '')
        job = self._jobs.get(int(text)) if text.isascii() and text.isdecimal() else None
        if job is None:
            raise IlwError(f'There is no job {text[:20]!r} any more.')
        return job

    def _forget(self) -> None:
        ended = [number for number, job in self._jobs.items()
                 if job.state not in (WAITING, RUNNING)]
        for number in ended[:max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[number]

    def _changed(self) -> None:
        """Tell soon; what changes until then is told with it."""
        if not self._told:
            self._told = True
            asyncio.get_running_loop().call_later(TELL_S, self._say)

    def _say(self) -> None:
        self._told = False
        shown = [job.told() for job in self._jobs.values()]
        for each in shown:
            if each['state'] != RUNNING:
                each['curve'] = []
        self._tell(json.dumps({'t': 'jobs', 'jobs': shown[::-1]}))


def _require_lease(drives: bool, leases: bool) -> None:
    if drives and not leases:
        raise IlwError('This job drives the robot, so it is for whoever drives. Take the wheel '
                       'first.')
