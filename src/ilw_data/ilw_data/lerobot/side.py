"""LeRobot's library in a process of its own: requests and answers by lines, arrays by files."""

from collections.abc import Callable, Sequence
from contextlib import suppress
import json
import os
from pathlib import Path
import subprocess
import tempfile
from typing import Any

import numpy as np

from ilw_core.errors import IlwError
from ilw_core.storage.files import create, open_regular
from ilw_data.lerobot.environment import lerobot_python, project_root

_SCRIPT = 'tools/lerobot/side.py'


class LeRobotSide:
    """
    Asks ``tools/lerobot/side.py``, whose methods are the requests.

    :param say: told that the environment is made, where it is not there yet.
    :raises IlwError: the library cannot be set up or does not start.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        python, script = lerobot_python(say), project_root() / _SCRIPT
        self._folder = tempfile.TemporaryDirectory(prefix='ilw_lerobot_')
        self._said = create(Path(self._folder.name) / 'stderr.txt')
        self._process = subprocess.Popen(
            [str(python), '-I', str(script), self._folder.name], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._said, text=True, bufsize=1)
        self._answer()

    def ask(self, request: str, **values: Any) -> dict[str, Any]:
        """:raises IlwError: LeRobot refuses; says why."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # that it has ended, its missing answer tells
            self._process.stdin.write(json.dumps({'do': request, **values}) + '\n')
        return self._answer()

    def add(self, columns: dict[str, np.ndarray], task: str) -> None:
        """Write an episode: arrays of T rows each, named as the features of the set."""
        path = self._path()
        with create(path) as stream:
            np.savez(stream, **columns)  # type: ignore[arg-type]
        self.ask('add', arrays=str(path), task=task)
        os.unlink(path)

    def read(self, request: str, given: Sequence[np.ndarray] = (),
             **values: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays that a request wrote, in place of those given, and its answer."""
        path = self._path()
        if given:
            with create(path) as stream:
                np.savez(stream, *given)
        answer = self.ask(request, arrays=str(path), **values)
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        os.unlink(path)
        return arrays, answer

    def close(self) -> None:
        """End the process; what it had not finished is lost."""
        self._process.kill()
        self._process.communicate()
        self._said.close()
        self._folder.cleanup()

    def __enter__(self) -> 'LeRobotSide':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _path(self) -> Path:
        return Path(self._folder.name) / 'arrays.npz'

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {'error': self._last_words()}
        if 'error' in answer:
            raise IlwError(f'LeRobot\'s library says: {answer["error"]}')
        return answer

    def _last_words(self) -> str:
        with open_regular(self._said.name) as stream:
            lines = stream.read().decode(errors='replace').strip().splitlines()
        return f'it ended: {lines[-1][:300]}' if lines else 'it ended.'
