"""Tell whether the process that started this one is gone."""

from collections.abc import Mapping
import os
from pathlib import Path

LAUNCHER = 'ILW_LAUNCHER'
"""Variable: process id of the bring-up that starts a node"""
DETACHED = 'ILW_DETACHED'
"""Variable: 1 lets a node go on without the process that started it"""


def launcher_environment(*, detached: bool) -> dict[str, str]:
    """Return the variables for nodes that this process starts."""
    return {LAUNCHER: str(os.getpid()), DETACHED: str(int(detached))}


class Launcher:
    """
    The process that started this one, from when this object is made.

    A node that init started (parent 1, as systemd's) has none to lose.

    :param environment: as ``os.environ``; what ``launcher_environment`` gave is in it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.detached = environment.get(DETACHED, '') == '1'
        """Nobody is missed"""
        self._parent = os.getppid()
        text = environment.get(LAUNCHER, '')
        named = int(text) if text.isascii() and text.isdecimal() else 0
        # It may be gone before this process could look; or a shell stands between the two.
        self._named = 0 if named in (self._parent, os.getpid()) else named

    def gone(self) -> bool:
        """Tell whether it has ended, in whatever way."""
        if self.detached:
            return False
        return os.getppid() != self._parent or bool(self._named and not _runs(self._named))


def _runs(pid: int) -> bool:
    """Tell whether a process is there and is not merely waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is somebody else's, but there
    try:
        state = Path(f'/proc/{pid}/stat').read_text(errors='replace').rpartition(')')[2].split()
    except OSError:
        return not Path('/proc/self/stat').exists()
    return state[:1] not in (['Z'], ['X'])
