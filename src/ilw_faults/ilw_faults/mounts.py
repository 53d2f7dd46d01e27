"""Disks that fail on demand: small, read-only, slow. Needs root; others get ``Unavailable``."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import subprocess
import time

from ilw_faults.row import Unavailable

_CGROUPS = Path('/sys/fs/cgroup')


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Mount a disk of a given size over a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _run('mount', '-t', 'tmpfs', '-o', f'size={size_bytes}', 'tmpfs', str(folder))
    try:
        yield
    finally:
        _unmount(folder)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Show a folder as it is on a read-only disk; permission bits do not bind root."""
    _run('mount', '--bind', str(folder), str(folder))
    try:
        _run('mount', '-o', 'remount,ro,bind', str(folder))
        yield
    finally:
        _unmount(folder)


class SlowDisk:
    """
    A disk whose writes the kernel throttles, for chosen processes; a context manager.

    A loop device, mounted so that each write goes to it at once, and a control group with a limit:
    what a process writes then takes the time it would take on a slow card or stick.

    :param folder: where it is mounted.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._folder, self._size_bytes = folder, size_bytes
        self._device = ''
        self._group: Path | None = None

    def __enter__(self) -> 'SlowDisk':
        image = self._folder.with_suffix('.img')
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(image, 'wb') as file:
            file.truncate(self._size_bytes)
        try:
            # Without a journal: its thread would write unthrottled in the process's stead.
            _run('mkfs.ext4', '-q', '-O', '^has_journal', str(image))
            self._device = _run('losetup', '-f', '--show', str(image))
            _run('mount', '-o', 'sync', self._device, str(self._folder))
            self._group = _group(f'ilw_slow_{os.getpid()}')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._group is not None:
            with suppress(OSError):
                self.limit(None)
            for _ in range(50):
                with suppress(OSError):
                    self._group.rmdir()
                    break
                time.sleep(0.1)  # its processes are just ending
        _unmount(self._folder)
        if self._device:
            subprocess.run(['losetup', '-d', self._device], check=False)

    def bind(self, pid: int) -> None:
        """Have the limit hold for a process."""
        assert self._group is not None
        (self._group / 'cgroup.procs').write_text(str(pid))

    def limit(self, bytes_per_s: int | None) -> None:
        """Set the limit; ``None`` lifts it."""
        assert self._group is not None
        number = Path('/sys/block', Path(self._device).name, 'dev').read_text().strip()
        old = self._group / 'blkio.throttle.write_bps_device'
        if old.exists():
            old.write_text(f'{number} {bytes_per_s or 0}')
        else:
            (self._group / 'io.max').write_text(f'{number} wbps={bytes_per_s or "max"}')


def _group(name: str) -> Path:
    """Make a control group that can limit writing, of either version of the interface."""
    old = _CGROUPS / 'blkio'
    group = (old if old.is_dir() else _CGROUPS) / name
    try:
        group.mkdir()
        if not (group / 'blkio.throttle.write_bps_device').exists():
            (_CGROUPS / 'cgroup.subtree_control').write_text('+io')
            if not (group / 'io.max').exists():
                group.rmdir()
                raise Unavailable('a slow disk: the control groups limit no writing')
    except OSError as error:
        raise Unavailable(f'a slow disk: control groups: {error}') from error
    return group


def _run(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f'{words[0]} is not installed') from error
    if done.returncode:
        raise Unavailable(f'{" ".join(words)}: {done.stderr.strip()}')
    return done.stdout.strip()


def _unmount(folder: Path) -> None:
    # Lazy: a node that is being killed may still have a file open.
    subprocess.run(['umount', '-l', str(folder)], check=False, capture_output=True)
