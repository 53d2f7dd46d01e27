"""Run tests in a fork of a warm process: what they import from elsewhere is there already."""

from dataclasses import dataclass
import os
from pathlib import Path
import resource
import shutil
import signal
import sys
import time

_COPIED = ('src', 'launch', 'test', 'config', 'docs', 'tools', 'bench', 'requirements')
_FILES = ('ilw', 'pyproject.toml', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md')
_PACKAGES = ('src/ilw_core', 'src/ilw_data', 'src/ilw_sysid', 'src/ilw_teleop',
             'src/ilw_learner', 'src/ilw_sim', 'src/ilw_emulator', 'src/ilw_faults', 'src/ilw_web',
             'launch')
_MEMORY_BYTES = 6 << 30


@dataclass(frozen=True)
class Outcome:
    """How the tests of one mutant ended."""

    seen: bool
    by: str
    """The test that failed first, or ``time``; empty if none did"""
    wall_s: float
    cpu_s: float


class Tree:
    """A copy of the tree in which bugs are put; the one it was made of is never written."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        for name in _COPIED:
            shutil.copytree(root / name, folder / name, symlinks=True,
                            ignore=shutil.ignore_patterns('__pycache__', '.venv*', '.hypothesis'))
        for name in _FILES:
            shutil.copy2(root / name, folder / name)
        for name in ('.venv', 'install'):
            (folder / name).symlink_to(root / name)

    def start(self, tests: list[str], environment: dict[str, str], cpu_s: float) -> 'Trial':
        """Begin to run tests in a child process, which ends after so much processor time."""
        said = self.folder / 'said.txt'
        child = os.fork()
        if not child:
            self._run(tests, environment, cpu_s, said)
        return Trial(child, said, time.monotonic())

    def _run(self, tests: list[str], environment: dict[str, str], cpu_s: float,
             said: Path) -> None:
        code = 1
        try:
            os.setsid()
            output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.folder)
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 5))
            resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
            packages = [str(self.folder / name) for name in _PACKAGES]
            sys.path[:0] = packages
            os.environ.update(environment, ILW_ROOT=str(self.folder),
                              ILW_CONFIG=str(self.folder / 'config'),
                              PYTHONPATH=':'.join([*packages, os.environ['PYTHONPATH']]))
            import hypothesis
            import numba
            import pytest
            numba.core.config.reload_config()  # it read the environment when it was imported
            hypothesis.settings.register_profile(
                'mutants', derandomize=True, database=None, deadline=None,
                phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
            hypothesis.settings.load_profile('mutants')
            # One file after the other: collecting all takes longer than the first needs to fail.
            for test in tests:
                code = int(pytest.main(['-x', '-q', '-p', 'no:cacheprovider', '--no-header',
                                        '--basetemp', str(self.folder / 'pytest'), test]))
                if code:
                    break
        finally:
            sys.stdout.flush()
            os._exit(code)


@dataclass
class Trial:
    """Tests that run."""

    child: int
    said: Path
    began_s: float

    def ended(self, wall_s: float) -> Outcome | None:
        """Return how it ended, ``None`` while it runs; one that takes too long is ended."""
        late = time.monotonic() - self.began_s > wall_s
        if late:
            os.killpg(self.child, signal.SIGKILL)
        child, status, usage = os.wait4(self.child, 0 if late else os.WNOHANG)
        if not child:
            return None
        took_s = time.monotonic() - self.began_s
        cpu_s = usage.ru_utime + usage.ru_stime
        if os.WIFSIGNALED(status):
            by = 'time' if late else f'signal {os.WTERMSIG(status)}'
            return Outcome(True, by, took_s, cpu_s)
        said = self.said.read_text(errors='replace').splitlines()
        failed = next((line for line in said if line.startswith(('FAILED', 'ERROR'))), 'ERROR')
        seen = os.WEXITSTATUS(status) != 0
        return Outcome(seen, failed.partition(' - ')[0] if seen else '', took_s, cpu_s)
