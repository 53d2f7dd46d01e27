"""Look up what the page asks for, draw and mend episodes: by the commands that know how."""

import asyncio
from collections.abc import Callable, Mapping
import json
from pathlib import Path
import shlex
from typing import Any

from ilw_cli.config_name import names_in
from ilw_core.errors import IlwError
from ilw_web.jobs.child import PipedChild, whole
from ilw_web.jobs.forms import Check, folder, name_in, number, words
from ilw_web.jobs.known_folders import KnownFolders

_EPISODES = 'from ilw_data.commands.episodes import episodes_main; episodes_main()'
_YIELDING = f'import os; os.nice(10); {_EPISODES}'
_ILW = ('-P', '-m', 'ilw_bringup.cli')
_TASK = {'--task': name_in('tasks')}
EDITS: dict[str, dict[str, Check | None]] = {
    'drop': {'--why': words}, 'restore': {}, 'redo': {**_TASK},
    'trim': {'--head': number(0, 1e5), '--tail': number(0, 1e5), '--auto': None, **_TASK}}
"""What the page may do to an episode, and what its options take; ``None``: they are flags"""
FEWEST_BESIDE, MOST_BESIDE = 2, 6
"""Episodes in one chart"""
DRAW_S = 3.0
"""Thumbnails that are not begun by then are left for the next request"""
MOST_BYTES = 8_000_000
LONGEST_S = 300.0


class Desk:
    """
    Asks the commands, each in a process of its own: what is large keeps nobody waiting.

    :param share: makes a folder readable by the page; returns the address that it has there.
    """

    def __init__(self, places: KnownFolders, share: Callable[[Path], str]) -> None:
        self._places, self._share = places, share
        self._thumbnails = places.runs / '.cache' / 'thumbnails'
        self._asked: dict[tuple[str, ...], asyncio.Task[Any]] = {}

    async def ask(self, name: str, values: Mapping[str, str]) -> Any:
        """
        Return what a command says.

        :raises KeyError: there is no such request.
        :raises IlwError: the command failed; a sentence.
        """
        if name == 'choices':
            return {'tasks': names_in('tasks'), 'algorithms': names_in('train'),
                    'task': self._places.task}
        command = self._line(name, values)
        key = (name,) if name == 'mend' else tuple(command)
        if name == 'mend' and key in self._asked:
            raise IlwError('Another episode is being mended. Do it again when that has ended.')
        if key not in self._asked:  # who asks the same meanwhile gets the same answer
            task = self._asked[key] = asyncio.create_task(_run([*command, '--json']))
            task.add_done_callback(lambda _: self._ended(key, task))
        answer = await asyncio.shield(self._asked[key])
        return answer | {'at': self._share(self._thumbnails)} if name == 'thumbnails' else answer

    def _ended(self, key: tuple[str, ...], task: asyncio.Task[Any]) -> None:
        if key == ('mend',):  # what was asked before no longer tells what is on the disk
            self._asked.clear()
        elif self._asked.get(key) is task:
            del self._asked[key]

    def _line(self, name: str, values: Mapping[str, str]) -> list[str]:
        """Return the words of a command for Python; :raises KeyError: there is none."""
        places, demos = self._places, str(self._places.demos)
        if name == 'check':
            return ['-c', _EPISODES, 'check', folder(values.get('folder', '') or demos, places),
                    '--task', name_in('tasks')(values.get('task', '') or places.task, places)]
        if name == 'mend':
            return ['-c', _EPISODES, *self._edit(values.get('command', ''))]
        if name == 'plan':
            return ['-c', _EPISODES, *self._edit(values.get('command', '')), '--dry-run']
        if name == 'thumbnails':
            return ['-c', _YIELDING, 'thumbnails', f'--out={self._thumbnails}',
                    f'--seconds={DRAW_S:g}', demos]
        if name == 'beside':
            return ['-c', _YIELDING, 'curves', *self._beside(values)]
        if name == 'config':
            return [*_ILW, 'config', 'show', name_in('train')(values.get('algo', ''), places),
                    '--task', name_in('tasks')(values.get('task', ''), places)]
        if name == 'runs':
            if not places.runs.is_dir():
                raise IlwError(f'There is no run in {places.runs} yet.')
            return [*_ILW, 'runs', str(places.runs)]
        if name == 'curves':
            chosen = values.get('folders', '').split('\n')[:8]
            return [*_ILW, 'runs', '--curves', *(folder(each, places) for each in chosen)]
        return {'episodes': ['-c', _EPISODES, 'list', demos],
                'dropped': ['-c', _EPISODES, 'list', '--dropped', demos]}[name]

    def _beside(self, values: Mapping[str, str]) -> list[str]:
        """:raises IlwError: they are too few, too many, or no episodes of the cockpit's."""
        chosen = list(dict.fromkeys(filter(None, values.get('episodes', '').split('\n'))))
        if not FEWEST_BESIDE <= len(chosen) <= MOST_BESIDE:
            raise IlwError(f'Choose {FEWEST_BESIDE} to {MOST_BESIDE} episodes. '
                           f'Got {len(chosen)}.')
        return [f'--field={words(values.get("field", ""), self._places)}',
                f'--task={self._places.task}', *(folder(each, self._places) for each in chosen)]

    def _edit(self, command: str) -> list[str]:
        """
        Return the words of an edit, as a finding of the doctor or the page itself has it.

        :raises IlwError: it is none, or of an episode elsewhere.
        """
        try:
            _, episodes, verb, path, *rest = shlex.split(command)
            allowed = EDITS[verb]
        except (ValueError, KeyError) as error:
            raise IlwError('This is no command that mends an episode.') from error
        options, given = [], iter(rest)
        for word in given:
            name, _, value = word.partition('=')
            if name not in allowed:
                raise IlwError(f'{verb} has no {name[:40]!r} here. Run it in a terminal.')
            check = allowed[name]
            options.append(name if check is None else
                           f'{name}={check(value or next(given, ""), self._places)}')
        if episodes != 'episodes':
            raise IlwError('This is no command that mends an episode.')
        return [verb, *options, folder(path, self._places)]


async def _run(words: list[str]) -> Any:
    child = PipedChild(words)
    try:
        async with asyncio.timeout(LONGEST_S):
            out, err = await asyncio.gather(
                *(whole(each, MOST_BYTES) for each in await child.streams()))
            await child.ended()
    except TimeoutError as error:
        raise IlwError(f'It took longer than {LONGEST_S:.0f} s. Look at it in a terminal: '
                       f'./ilw {" ".join(words[2:4])}.') from error
    except ValueError as error:
        raise IlwError(f'Its answer has {error}. Look at it in a terminal: '
                       f'./ilw {" ".join(words[2:4])}.') from error
    finally:
        child.end()
    try:
        return json.loads(out)
    except ValueError as error:
        said = err.decode(errors='replace').strip().splitlines() or ['it said nothing']
        raise IlwError(said[-1].removeprefix('error: ')) from error
