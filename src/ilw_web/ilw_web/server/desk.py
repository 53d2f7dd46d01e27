"""Look up what the page asks for: the episodes of a folder and what the doctor says of them."""

import asyncio
from collections.abc import Mapping
import json
from pathlib import Path
import sys
from typing import Any

from ilw_core.errors import IlwError

_EPISODES = 'from ilw_data.commands.episodes import episodes_main; episodes_main()'
MOST_BYTES = 8_000_000
LONGEST_S = 300.0


class Desk:
    """
    Asks the commands that know, each in a process of its own: what is large keeps nobody waiting.

    :param demos: folder whose episodes are listed.
    :param task: contract that they are held to.
    """

    def __init__(self, demos: Path, task: str) -> None:
        self._commands = {
            'episodes': ['list', str(demos)], 'check': ['check', str(demos), '--task', task]}
        self._busy: set[str] = set()

    async def ask(self, name: str, values: Mapping[str, str]) -> Any:
        """
        Return what a command says.

        :raises KeyError: there is no such request.
        :raises IlwError: the command failed; a sentence.
        """
        del values
        words = self._commands[name]
        if name in self._busy:
            raise IlwError('It is being looked at already.')
        self._busy.add(name)
        try:
            return await _run([*words, '--json'])
        finally:
            self._busy.discard(name)


async def _run(words: list[str]) -> Any:
    child = await asyncio.create_subprocess_exec(
        sys.executable, '-c', _EPISODES, *words, limit=MOST_BYTES,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(LONGEST_S):
            out, err = await child.communicate()
    except TimeoutError as error:
        raise IlwError(f'It took longer than {LONGEST_S:.0f} s. Look at it in a terminal: '
                       f'./ilw episodes {" ".join(words[:2])}.') from error
    finally:
        if child.returncode is None:
            child.kill()
    try:
        return json.loads(out)
    except ValueError as error:
        said = err.decode(errors='replace').strip().splitlines() or ['it said nothing']
        raise IlwError(said[-1].removeprefix('error: ')) from error
