"""
Where episodes lie on disk.

An episode is written in ``<root>/<task>/.staging/<id>`` and renamed to its name only when it is
whole. ``<root>/<task>/.ledger.jsonl`` says what became of each attempt, see ``ledger.py``.
"""

from contextlib import suppress
import fcntl
import os
from pathlib import Path
import re
import shutil
import time
from typing import IO, Any

from ilw_core.errors import StorageError
from ilw_core.storage.bag_files import sync_folder, write_synced
from ilw_core.storage.episode_folder import META_FILE, QUALITY_FILE
from ilw_core.storage.files import json_text, open_to_append
from ilw_teleop.recording.ledger import Counters, Ledger, storage_error

START_FILE = 'start.json'
MAX_ID = 128
"""Characters of an episode's id"""
RESERVE_BYTES = 256_000
"""Kept free to finish an episode on a disk that ran full: index, descriptions, ledger"""


class EpisodeStore:
    """
    The episodes of one task, written by one recorder at a time.

    :raises StorageError: the folder cannot be made or written, or another recorder uses it.
    """

    def __init__(self, root: Path, task: str, *, min_free_bytes: int = 0) -> None:
        self.folder = root.expanduser().absolute() / task
        self.staging = self.folder / '.staging'
        self._reserve = self.staging / '.reserve'
        self._min_free_bytes = min_free_bytes
        self._lock: IO[bytes] | None = None
        self._make()
        self.ledger = Ledger(self.folder / '.ledger.jsonl')

    @property
    def counters(self) -> Counters:
        """What became of every attempt."""
        return self.ledger.counters

    def look(self) -> None:
        """
        Check what can be checked often: the folder is there, it may be written, it has room.

        :raises StorageError: it is not so.
        """
        try:
            if not self._holds_lock() or not self.staging.is_dir():
                raise StorageError(f'{self.folder} was removed while the recorder uses it. It is '
                                   f'made anew; the episodes in it are gone.')
            if os.statvfs(self.folder).f_flag & os.ST_RDONLY:
                raise StorageError(f'{self.folder} must be writable. Got: a read-only disk. '
                                   f'Mount it for writing, or choose another folder.')
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise storage_error(self.folder, error) from error
        if free < self._min_free_bytes:
            raise StorageError(f'{self.folder} must have {self._min_free_bytes // 1_000_000} MB '
                               f'free. Got {free // 1_000_000} MB. Delete something.')

    def probe(self) -> None:
        """
        Check that an episode could be written, by writing; a folder that vanished is made anew.

        :raises StorageError: it could not.
        """
        self._make()
        self.look()
        try:
            write_synced(self.staging / '.probe', 'x' * 4096)
            with open_to_append(self._reserve) as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except OSError as error:
            self.release()
            raise storage_error(self.folder, error) from error
        finally:
            with suppress(OSError):
                (self.staging / '.probe').unlink()

    def release(self) -> None:
        """Give what was kept free to those who finish an episode."""
        with suppress(OSError):
            self._reserve.unlink()

    def begin(self, episode: str, meta: dict[str, Any]) -> Path:
        """
        Count an attempt and return its staging folder.

        :raises StorageError: the disk refuses; the attempt is not counted then.
        """
        self.probe()
        folder = _free(self.staging / staging_name(episode))  # not over what waits for salvage
        try:
            self.stage(folder, meta)
            self.ledger.begin(episode)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise storage_error(self.folder, error) from error
        return folder

    def stage(self, folder: Path, meta: dict[str, Any]) -> None:
        """Make a staging folder that says what it is for; :raises OSError: it cannot."""
        folder.mkdir()
        write_synced(folder / START_FILE, json_text(meta))

    def commit(self, folder: Path, meta: dict[str, Any], quality: dict[str, Any], *,
               what: str = 'saved') -> Path:
        """
        Give a finished bag its files, its name and its line in the ledger.

        :param what: ``saved`` or ``recovered``.
        :raises OSError: the disk refuses; the staging folder is as it was, or gone.
        """
        episode = str(meta['episode'])
        write_synced(folder / QUALITY_FILE, json_text(quality, indent=1))
        write_synced(folder / META_FILE, json_text(meta, indent=1))
        (folder / START_FILE).unlink(missing_ok=True)
        sync_folder(folder)
        when = time.strftime('%Y%m%d-%H%M%S', time.localtime(meta['recorded_at_s']))
        final = _free(self.folder / f'{when}-{_safe(episode, 8)}')
        os.rename(folder, final)
        sync_folder(self.folder)
        self.ledger.end(episode, what)
        return final

    def drop(self, episode: str, folder: Path, what: str) -> None:
        """Count an attempt as ``discarded`` or ``failed`` and delete its staging folder."""
        # In this order: a crash between the two leaves a folder whose fate the ledger knows.
        self.ledger.end(episode, what)
        shutil.rmtree(folder, ignore_errors=True)

    def set_aside(self, episode: str, folder: Path) -> None:
        """Count an attempt as ``failed`` and keep what nobody can read in ``.damaged``."""
        aside = self.folder / '.damaged'
        aside.mkdir(exist_ok=True)
        os.rename(folder, _free(aside / folder.name))
        self.ledger.end(episode, 'failed')

    def __contains__(self, episode: str) -> bool:
        return episode in self.ledger

    def close(self) -> None:
        """Let another recorder use the folder."""
        if self._lock is not None:
            self._lock.close()

    def _make(self) -> None:
        """Make the folder, and take its lock if we do not hold it."""
        try:
            self.staging.mkdir(parents=True, exist_ok=True)
            if self._holds_lock():
                return
            self.close()
            self._lock = open_to_append(self.folder / '.lock')  # held for life
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(f'Another recorder writes to {self.folder}. End it first, or '
                               f'choose another folder.') from error
        except OSError as error:
            raise storage_error(self.folder, error) from error

    def _holds_lock(self) -> bool:
        """Tell whether the lock file we hold is the one in the folder."""
        if self._lock is None or self._lock.closed:
            return False
        with suppress(FileNotFoundError):
            return (self.folder / '.lock').stat().st_ino == os.fstat(self._lock.fileno()).st_ino
        return False


def staging_name(episode: str) -> str:
    """Return what the folder of an episode is called, or begins with, until it is whole."""
    return _safe(episode, 64)


def _safe(text: str, length: int) -> str:
    """Return a text that is safe as a file name."""
    return re.sub(r'[^A-Za-z0-9_-]', '_', text)[:length] or '_'


def _free(path: Path) -> Path:
    """Return a path where nothing is: this one, or one with a number after it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f'{path.name}-{number}')
    return free
