"""The book of attempts: what became of each, ever. Nothing is removed from it."""

from dataclasses import dataclass
import os
from pathlib import Path
import time
from typing import Any

from ilw_core.errors import StorageError
from ilw_core.storage.files import json_text, open_regular, open_to_append, parse_json

ENDS = ('saved', 'discarded', 'failed', 'recovered')
MAX_LINE = 4096
"""Longer lines are damage; ids are far shorter"""


@dataclass(frozen=True)
class Counters:
    """What became of every attempt in this folder, ever."""

    attempted: int = 0
    saved: int = 0
    discarded: int = 0
    failed: int = 0
    recovered: int = 0

    @property
    def open(self) -> int:
        """Attempts that have not ended."""
        return self.attempted - self.saved - self.discarded - self.failed - self.recovered


class Ledger:
    """
    One line of JSON per beginning and end.

    Damaged lines are passed over; a file that vanished is written anew from memory.

    :raises StorageError: the file is there and cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._unwritten: list[dict[str, Any]] = []
        self._attempts: dict[str, str] = {}
        """Id -> end; empty while it has none"""
        self._read()

    @property
    def counters(self) -> Counters:
        """The counts; ``attempted`` is the sum of the others and of the open ones."""
        ends = list(self._attempts.values())
        return Counters(len(ends), *(ends.count(end) for end in ENDS))

    def __contains__(self, episode: str) -> bool:
        return episode in self._attempts

    def end_of(self, episode: str) -> str:
        """Return how an attempt ended; empty: it has not, or there is none."""
        return self._attempts.get(episode, '')

    def open_attempts(self) -> list[str]:
        """Return the ids of attempts without an end."""
        return [episode for episode, end in self._attempts.items() if not end]

    def begin(self, episode: str) -> None:
        """Count an attempt; :raises OSError: the disk refuses, it is not counted then."""
        self._append({'episode': episode, 'what': 'attempted'})
        self._attempts[episode] = ''

    def end(self, episode: str, what: str) -> None:
        """
        Count the end of an attempt; a disk that refuses gets the line later.

        The first end counts, but what had failed may still be recovered.
        """
        if not _supersedes(what, self._attempts.get(episode, '')):
            return
        self._attempts[episode] = what
        try:
            self._append({'episode': episode, 'what': what})
        except OSError:
            self._unwritten.append({'episode': episode, 'what': what})

    def _append(self, line: dict[str, Any]) -> None:
        lines = [*self._unwritten, {'at_s': round(time.time(), 3), **line}]
        if not self._file.exists():
            lines = [*self._history(), lines[-1]]
        with open_to_append(self._file) as file:
            # A crash tore the last line.
            torn = b'\n' if file.tell() and not self._ends_with_newline() else b''
            file.write(torn + ''.join(json_text(each) + '\n' for each in lines).encode())
            os.fsync(file.fileno())
        self._unwritten.clear()

    def _history(self) -> list[dict[str, Any]]:
        return [{'episode': episode, 'what': what} for episode, end in self._attempts.items()
                for what in ('attempted', end) if what]

    def _ends_with_newline(self) -> bool:
        with open_regular(self._file) as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b'\n'

    def _read(self) -> None:
        try:
            with open_regular(self._file) as file:
                while line := file.readline(MAX_LINE):
                    self._take(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(self._file, error) from error

    def _take(self, line: bytes) -> None:
        try:
            entry = parse_json(line)
            episode, what = entry['episode'], entry['what']
        except (ValueError, KeyError, TypeError):
            return  # torn: the end of that attempt is found again by salvage
        if not isinstance(episode, str):
            return
        if what == 'attempted':
            self._attempts.setdefault(episode, '')
        elif what in ENDS and _supersedes(what, self._attempts.get(episode, '')):
            self._attempts[episode] = what


def _supersedes(what: str, before: str) -> bool:
    return not before or (before == 'failed' and what in ('saved', 'recovered'))


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what a person needs to know about a disk that refuses."""
    return StorageError(f'{path} must be writable. Got: {error.strerror or error}. '
                        f'Free space, or choose another folder.')
