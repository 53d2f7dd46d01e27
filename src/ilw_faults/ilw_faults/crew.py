"""Arbiter, teleop and policy under a launcher of their own, to be ended in any way."""

from collections.abc import Sequence
from contextlib import suppress
import fcntl
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.processes import command_line
from ilw_core.errors import IlwError

_LAUNCHER = '''
import ctypes, json, os, signal, subprocess, sys
signal.signal(signal.SIGINT, lambda *_: None)  # the nodes get it too, and end
tied, folder, lines = json.loads(sys.argv[1])
def tie():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if tied:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.environ['ILW_LAUNCHER'] = str(os.getpid())
nodes = [subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=open(folder + '/log', 'ab'),
                          stderr=subprocess.STDOUT, preexec_fn=tie) for line in lines]
sys.stdout.write(' '.join(str(node.pid) for node in nodes) + '\\n')
sys.stdout.flush()
sys.exit(max(map(abs, [node.wait() for node in nodes])))
'''
_FOREIGN = ('.ses',)
"""Files of libraries: ONNX Runtime keeps one for all processes and sessions, for ever"""
TROUBLE = ('Traceback', 'Exception ignored', 'terminate called', 'Fatal Python')


class Crew:
    """
    The nodes of one start.

    :param folder: a new folder; their output, and what they leave in the folder for temporary
        files.
    :param tied: the kernel tells the nodes when the launcher dies, as ``./ilw up`` has it; else
        they must see for themselves, as under ``ros2 launch``.
    """

    def __init__(self, specs: Sequence[NodeSpec], folder: Path, *, tied: bool) -> None:
        self._folder = folder
        (folder / 'tmp').mkdir(parents=True)
        given = json.dumps([tied, str(folder), [command_line(spec) for spec in specs]])
        self._launcher = subprocess.Popen(
            [sys.executable, '-c', _LAUNCHER, given], stdout=subprocess.PIPE, text=True,
            env={**os.environ, 'TMPDIR': str(folder / 'tmp')},
            start_new_session=True)
        assert self._launcher.stdout is not None
        pids = [int(word) for word in self._launcher.stdout.readline().split()]
        self._pids = dict(zip((spec.name for spec in specs), pids, strict=True))
        self._memory: set[str] = set()

    def alive(self) -> list[str]:
        """Return the names of the nodes that run."""
        return [name for name, pid in self._pids.items() if _runs(pid)]

    def note_memory(self) -> None:
        """Remember which shared memory the nodes have, their own and that of others."""
        for pid in self._pids.values():
            self._memory |= _shared_memory(pid)

    def interrupt(self) -> None:
        """Ctrl-C in the terminal of the launcher."""
        os.killpg(self._launcher.pid, signal.SIGINT)

    def strike(self, number: int) -> None:
        """Send a signal to each node, whoever still runs."""
        for name in self.alive():
            os.kill(self._pids[name], number)

    def strike_launcher(self, number: int) -> None:
        """Send a signal to the launcher alone."""
        self._launcher.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Wait until every node has ended; returns whether they did."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def trouble(self) -> list[str]:
        """Return the lines of the nodes' output that no end may write."""
        path = self._folder / 'log'
        text = path.read_text(errors='replace') if path.exists() else ''
        return [line for line in text.splitlines() if any(word in line for word in TROUBLE)]

    def left(self) -> list[str]:
        """Return what the nodes left behind: processes, shared memory, temporary files."""
        memory = [path for path in self._memory if _abandoned(path)]
        files = [str(path) for path in (self._folder / 'tmp').iterdir()
                 if path.name not in _FOREIGN]
        return [*self.alive(), *memory, *files]

    def code(self) -> int | None:
        """Return how the launcher ended: 0 when each node returned 0; ``None`` while it runs."""
        try:
            return self._launcher.wait(2.0)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """End what still runs, by force where it has to be."""
        self.strike(signal.SIGTERM)
        if not self.wait(5.0):
            self.strike(signal.SIGKILL)
        self._launcher.kill()
        self._launcher.wait()


def require(condition: bool, what: str) -> None:
    """Raise IlwError with the text unless the condition holds."""
    if not condition:
        raise IlwError(what)


def _runs(pid: int) -> bool:
    try:
        state = Path(f'/proc/{pid}/stat').read_text(errors='replace').rpartition(')')[2].split()
    except OSError:
        return False
    return state[0] not in 'ZX'


def _shared_memory(pid: int) -> set[str]:
    """Return a process's segments of DDS; not the ports, which all in a domain share."""
    try:
        lines = Path(f'/proc/{pid}/maps').read_text().splitlines()
    except OSError:
        return set()
    return {line.split(maxsplit=5)[5] for line in lines
            if '/dev/shm/fast' in line and '_port' not in line and not line.endswith('(deleted)')}


def _abandoned(path: str) -> bool:
    """Tell whether shared memory of DDS is there and nobody holds it: its owner locks it."""
    if not Path(path).exists():
        return False
    with suppress(FileNotFoundError), open(f'{path}_el', 'rb') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return Path(path).exists()
