"""
Where episodes lie on disk, and the book that counts them. No ROS.

An episode is written in ``<root>/<task>/.staging/<id>`` and renamed to its name only when it is
whole. ``<root>/<task>/.ledger.jsonl`` says what became of each attempt; nothing is ever removed
from it.
"""

from dataclasses import dataclass
import fcntl
import json
import os
from pathlib import Path
import re
import shutil
import time
from typing import IO, Any

from ilw_core.episode_folder import META_FILE, QUALITY_FILE
from ilw_core.errors import IlwError, StorageError
from ilw_teleop.bag_writer import sync_folder, write_synced

START_FILE = 'start.json'
ENDS = ('saved', 'discarded', 'failed', 'recovered')


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


class EpisodeStore:
    """
    The episodes of one task, written by one recorder at a time.

    :raises StorageError: the folder cannot be made or written.
    :raises IlwError: another recorder uses it.
    """

    def __init__(self, root: Path, task: str, *, min_free_bytes: int = 0) -> None:
        self.folder = root.expanduser().absolute() / task
        self.staging = self.folder / '.staging'
        self._ledger = self.folder / '.ledger.jsonl'
        self._min_free_bytes = min_free_bytes
        self._unwritten: list[dict[str, Any]] = []
        self._attempts: dict[str, str] = {}
        self._lock: IO[str] | None = None
        try:
            self.staging.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.folder / '.lock', 'w')  # noqa: SIM115 - held for life
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IlwError(f'Another recorder writes to {self.folder}. End it first, or choose '
                           f'another folder.') from error
        except OSError as error:
            raise storage_error(self.folder, error) from error
        self._read_ledger()

    @property
    def counters(self) -> Counters:
        """The counts; ``attempted`` is the sum of the others and of the open ones."""
        ends = list(self._attempts.values())
        return Counters(len(ends), *(ends.count(end) for end in ENDS))

    def probe(self) -> None:
        """
        Check that an episode could be written.

        :raises StorageError: it could not.
        """
        try:
            self.staging.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
            test = self.staging / '.probe'
            write_synced(test, 'x' * 4096)
            test.unlink()
        except OSError as error:
            raise storage_error(self.folder, error) from error
        if free < self._min_free_bytes:
            raise StorageError(f'{self.folder} must have {self._min_free_bytes // 1_000_000} MB '
                               f'free. Got {free // 1_000_000} MB. Delete something.')

    def begin(self, episode: str, meta: dict[str, Any]) -> Path:
        """
        Count an attempt and return its staging folder.

        :raises StorageError: the disk refuses; the attempt is not counted then.
        """
        self.probe()
        folder = self.folder_of(episode)
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            write_synced(folder / START_FILE, json.dumps(meta))
            self._append({'episode': episode, 'what': 'attempted'})
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise storage_error(self.folder, error) from error
        self._attempts[episode] = ''
        return folder

    def commit(self, folder: Path, meta: dict[str, Any], quality: dict[str, Any], *,
               recovered: bool = False) -> Path:
        """
        Give a finished bag its files, its name and its line in the ledger.

        :raises OSError: the disk refuses; the staging folder is as it was, or gone.
        """
        episode = str(meta['episode'])
        write_synced(folder / META_FILE, json.dumps(meta, indent=1, ensure_ascii=False))
        write_synced(folder / QUALITY_FILE, json.dumps(quality, indent=1))
        (folder / START_FILE).unlink(missing_ok=True)
        sync_folder(folder)
        when = time.strftime('%Y%m%d-%H%M%S', time.localtime(meta['recorded_at_s']))
        name = final = f'{when}-{safe_name(episode, 8)}'
        number = 1
        while (self.folder / final).exists():
            number += 1
            final = f'{name}-{number}'
        os.rename(folder, self.folder / final)
        sync_folder(self.folder)
        self.end(episode, 'recovered' if recovered else 'saved')
        return self.folder / final

    def drop(self, episode: str, folder: Path, what: str) -> None:
        """Delete a staging folder and count it as ``discarded`` or ``failed``."""
        shutil.rmtree(folder, ignore_errors=True)
        self.end(episode, what)

    def end(self, episode: str, what: str) -> None:
        """Count the end of an attempt; a disk that refuses gets the line later."""
        if self._attempts.get(episode):
            return
        self._attempts[episode] = what
        try:
            self._append({'episode': episode, 'what': what})
        except OSError:
            self._unwritten.append({'episode': episode, 'what': what})

    def __contains__(self, episode: str) -> bool:
        return episode in self._attempts

    def folder_of(self, episode: str) -> Path:
        """Return where an episode is written before it has its name."""
        return self.staging / safe_name(episode, 64)

    def open_attempts(self) -> list[str]:
        """Return the ids of attempts without an end."""
        return [episode for episode, end in self._attempts.items() if not end]

    def close(self) -> None:
        """Let another recorder use the folder."""
        if self._lock is not None:
            self._lock.close()

    def _append(self, line: dict[str, Any]) -> None:
        lines = [*self._unwritten, {'at_s': round(time.time(), 3), **line}]
        with open(self._ledger, 'ab') as file:
            if file.tell() and not self._ends_with_newline():
                file.write(b'\n')  # a crash tore the last line
            file.write(''.join(json.dumps(each) + '\n' for each in lines).encode())
            file.flush()
            os.fsync(file.fileno())
        self._unwritten.clear()

    def _ends_with_newline(self) -> bool:
        with open(self._ledger, 'rb') as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b'\n'

    def _read_ledger(self) -> None:
        try:
            lines = self._ledger.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(self._ledger, error) from error
        for line in lines:
            try:
                entry = json.loads(line)
                episode, what = entry['episode'], entry['what']
            except (ValueError, KeyError, TypeError):
                continue  # a torn line: the end of that attempt is found again by salvage
            if what == 'attempted':
                self._attempts.setdefault(episode, '')
            elif what in ENDS and not self._attempts.get(episode):
                self._attempts[episode] = what


def safe_name(text: str, length: int) -> str:
    """Return a text that is safe as a file name."""
    return re.sub(r'[^A-Za-z0-9_-]', '_', text)[:length] or '_'


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return what a person needs to know about a disk that refuses."""
    return StorageError(f'{path} must be writable. Got: {error.strerror or error}. '
                        f'Free space, or choose another folder.')
