"""
Start nodes as processes, watch them, and end them all. Knows nothing of what they do.

Each node ends with this process, even if this process is killed: the kernel sees to it. Only
detached nodes go on.
"""

from collections.abc import Mapping
import ctypes
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import psutil

from ilw_bringup.start.bringup import NodeSpec
from ilw_bringup.start.screen import Plain, Screen
from ilw_core.errors import IlwError
from ilw_core.storage.files import open_regular, open_to_append
from ilw_core.text.live_area import LIVE
from ilw_ros.launcher import DETACHED, launcher_environment

_GRACE_S = 3.0
"""A node has this long to end when it is asked to; then it is killed"""
_LAST_BYTES = 65536
"""Of a log, where its last line is looked for"""
_RESPAWNS = 5
"""A node that may be started again is, so often; one that goes on dying is a fault"""
_OWN_WILL = (0, 2)
"""Exit codes of a node that was told to end, or that refused to start"""
_LIVE = {LIVE: '1', 'RCUTILS_COLORIZED_OUTPUT': '1',
         'RCUTILS_CONSOLE_OUTPUT_FORMAT': '[{severity}] {name}: {message}'}
"""Variables of nodes that write to a screen, by a pipe: as on the terminal itself"""
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def executable(package: str, name: str) -> str:
    """
    Return the path of a node's executable, as ``ros2 run`` finds it.

    :raises IlwError: it is not installed.
    """
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(':'):
        path = Path(prefix) / 'lib' / package / name
        if path.is_file():
            return str(path)
    if not package.startswith('ilw_'):
        raise IlwError(f'{package} is not installed here. It comes with ROS 2: sudo apt install '
                       f'ros-jazzy-{package.replace("_", "-")}, and source /opt/ros/jazzy.')
    raise IlwError(f'{package}/{name} is not installed. Run ./ilw setup --full, or source the '
                   f'workspace.')


def command_line(spec: NodeSpec) -> list[str]:
    """Return the command that starts a node with its name and parameters."""
    line = [executable(spec.package, spec.executable), *spec.words,
            '--ros-args', '-r', f'__node:={spec.name}']
    for key, value in spec.parameters.items():
        line += ['-p', f'{key}:={_yaml(value)}']
    for inside, outside in spec.remappings.items():
        line += ['-r', f'{inside}:={outside}']
    if spec.namespace:
        line += ['-r', f'__ns:={spec.namespace}']
    if spec.enclave:
        line += ['--enclave', spec.enclave]
    if spec.params_file:
        line += ['--params-file', spec.params_file]
    if spec.log_level != 'info':
        line += ['--log-level', spec.log_level]
    return line


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _ignore_ctrl_c() -> None:
    """In a node that shares the terminal Ctrl-C is for us, until it is up and ends by it, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _die_with_parent() -> None:
    _ignore_ctrl_c()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Fleet:
    """
    The nodes of one bring-up.

    :param log_folder: one file per node; ``None`` lets them write to standard error.
    :param environment: variables of the nodes, beside those of this process.
    :param screen: shows what they write, where they do not log to files.
    """

    def __init__(self, log_folder: Path | None = None,
                 environment: Mapping[str, str] | None = None,
                 screen: Screen | Plain | None = None) -> None:
        self._log_folder = log_folder
        self._screen = screen if isinstance(screen, Screen) and log_folder is None else None
        self._environment = {**launcher_environment(detached=False), **(environment or {})}
        self._specs: dict[str, NodeSpec] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts = 0
        self._respawned: dict[str, int] = {}

    def start(self, specs: list[NodeSpec]) -> None:
        """Start nodes; one of the same name must not be running."""
        for spec in specs:
            if self.running(spec.name):
                raise ValueError(f'{spec.name} is running already')
            self._specs[spec.name] = spec
            output = self._output(spec.name)
            self._running[spec.name] = subprocess.Popen(
                command_line(spec), env={**os.environ, **self._environment,
                                         **(_LIVE if self._screen else {})},
                # Of a terminal a node may want to know the size.
                stdin=None if spec.terminal or self._screen else subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT,
                start_new_session=not spec.terminal,
                preexec_fn=_ignore_ctrl_c if self._environment[DETACHED] == '1'
                else _die_with_parent)
            if self._screen:
                os.close(output)

    def _output(self, name: str) -> Any:
        if self._screen:
            return self._screen.pipe()
        if self._log_folder is None:
            return sys.stderr.fileno()
        self._log_folder.mkdir(parents=True, exist_ok=True)
        return open_to_append(self._log_folder / f'{name}.log')

    def running(self, name: str) -> bool:
        """Tell whether a node is up."""
        return name in self._running and self._running[name].poll() is None

    def pid(self, name: str) -> int:
        """Return the process id of a node."""
        return self._running[name].pid

    def dead(self) -> list[str]:
        """Return the names of nodes that ended on their own and are missed."""
        return [name for name, process in self._running.items()
                if process.poll() is not None and not self._specs[name].optional]

    def restart_dead(self) -> list[str]:
        """Start again what ended on its own; return the names."""
        names = self.dead()
        for name in names:
            del self._running[name]
            self.start([self._specs[name]])
            self.restarts += 1
        return names

    def respawn(self) -> list[str]:
        """Start again what died of a fault and may be, a few times each; return the names."""
        names = [name for name in self.dead() if self._specs[name].respawn
                 and self._running[name].returncode not in _OWN_WILL
                 and self._respawned.get(name, 0) < _RESPAWNS]
        for name in names:
            self._respawned[name] = self._respawned.get(name, 0) + 1
            del self._running[name]
            self.start([self._specs[name]])
        return names

    def last_words(self, name: str) -> str:
        """Return the last line a node logged; empty if there is none."""
        if self._log_folder is None:
            return ''
        path = self._log_folder / f'{name}.log'
        if not path.exists():
            return ''
        with open_regular(path) as stream:
            stream.seek(max(0, path.stat().st_size - _LAST_BYTES))
            lines = stream.read().decode(errors='replace').strip().splitlines()
        return lines[-1] if lines else ''

    def memory_mb(self) -> float:
        """Return the memory of all nodes and of this process [MB], shared pages counted once."""
        total = 0
        for pid in [os.getpid(), *(p.pid for p in self._running.values())]:
            try:
                for process in [psutil.Process(pid), *psutil.Process(pid).children(True)]:
                    if pid != os.getpid() or process.pid == pid:
                        total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return total / 1e6

    def stop(self, *names: str) -> list[str]:
        """
        End the named nodes, or all: ask first (SIGTERM), then kill.

        Not by Ctrl-C: Python would show where it was, in a node that has only begun to start.

        :returns: names of those that had to be killed.
        """
        chosen = {n: self._running.pop(n) for n in (names or list(self._running))
                  if n in self._running}
        for process in chosen.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_S
        killed = []
        for name, process in chosen.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.wait()
                killed.append(name)
        return killed

    def __enter__(self) -> 'Fleet':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return
