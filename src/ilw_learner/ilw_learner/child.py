"""A command of the learner in a process of its own: progress in, result or error out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import Any

from ilw_core.scores.score import EvalScore
from ilw_learner.training.progress import EvalProgress, Progress
from ilw_learner.training.summary import TrainSummary

_PROGRESS: dict[str, Callable[[Any], Any]] = {
    'train': Progress.from_json, 'eval': lambda data: EvalProgress(**data)}
_RESULTS: dict[str, Callable[[Any], TrainSummary | EvalScore]] = {
    'train': TrainSummary.from_json, 'eval': EvalScore.from_json}


@dataclass(frozen=True)
class ChildEnd:
    """How the process ended."""

    code: int
    """Exit code; negative: the signal that ended it"""
    result: TrainSummary | EvalScore | None = None
    """Of ``train`` or ``eval``; ``None`` unless it ended well"""
    error: str = ''
    """Kind of error, as ``EpisodeError``; empty when it named none"""
    words: str = ''
    """The last line it wrote about it, at most 2000 characters; it may quote files"""


class Child:
    """
    Runs ``train`` or ``eval`` with the options given.

    :param on_progress: called in a thread with each ``Progress`` or ``EvalProgress``.
    :param on_end: called once in that thread.
    """

    def __init__(self, command: str, options: Sequence[str],
                 on_progress: Callable[[Any], None],
                 on_end: Callable[[ChildEnd], None]) -> None:
        self._command, self._on_progress, self._on_end = command, on_progress, on_end
        # Not a pipe: one that nobody reads would block the child.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed at its end
        self._process = subprocess.Popen(
            [sys.executable, '-P', '-m', 'ilw_learner.cli', command, '--progress-json', *options],
            stdout=subprocess.PIPE, stderr=self._errors, text=True)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; ``on_end`` tells when it has."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and wait, as when the node goes away."""
        self._process.terminate()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        last: dict[str, Any] = {}
        for line in self._process.stdout:
            try:
                data = json.loads(line)
            except ValueError:
                continue  # a library that prints
            if isinstance(data, dict) and 'progress' in data:
                try:
                    progress = _PROGRESS[self._command](data['progress'])
                except (KeyError, TypeError):
                    continue  # again
                self._on_progress(progress)
            elif isinstance(data, dict):
                last = data
        code = self._process.wait()
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
        lines = self._errors.read().decode(errors='replace').strip().splitlines()
        self._errors.close()
        try:
            result = _RESULTS[self._command](last) if code == 0 else None
        except (KeyError, TypeError):
            result = None
        if result is not None:
            self._on_end(ChildEnd(code, result))
        else:
            self._on_end(ChildEnd(code, error=str(last.get('error', '')), words=str(
                last.get('text') or (lines[-1] if lines else f'exit code {code}'))[:2000]))
