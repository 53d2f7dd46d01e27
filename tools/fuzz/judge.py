"""Give one target its inputs, within bounds of time and memory, and keep what goes wrong."""

from dataclasses import dataclass, field
import hashlib
import json
from pathlib import Path
import resource
import signal
import time
import traceback
from types import FrameType

from fuzz.target import Target

MEMORY_MB = 1000
"""Address space beyond what the loaded libraries take"""
SECONDS = 10.0
"""CPU time of one input"""
_SAVE_EVERY_S = 0.5


class TooLongError(BaseException):
    """No ``Exception``: nothing between an input and its judge may take it for damage."""


@dataclass
class Account:
    """What is known of a target so far; written to a file, as the process may die any time."""

    inputs: int = 0
    accepted: int = 0
    worst_s: float = 0.0
    """CPU time of the slowest input"""
    worst_mb: float = 0.0
    """Growth of the process's largest resident size"""
    failures: dict[str, str] = field(default_factory=dict)
    """What happened and where -> file with the input"""


class Judge:
    """
    Runs a target in this process.

    :param account: where the account is kept.
    :param kept: folder that receives an input for each distinct failure.
    """

    def __init__(self, target: Target, account: Path, kept: Path) -> None:
        self.target, self._file, self._kept = target, account, kept
        before = json.loads(account.read_text()) if account.exists() else {}
        self.account, self._saved_s, self._base_kb = Account(), 0.0, 0
        signal.signal(signal.SIGPROF, _too_long)
        for seed in target.seeds:  # what is loaded on first use is no growth
            self.run(seed)
        broken = self.account.failures | before.pop('failures', {})
        self.account = Account(**before, failures=broken)
        self._base_kb = _peak_kb()
        limit = _mapped_bytes() + MEMORY_MB * 10 ** 6
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

    def run(self, data: bytes) -> None:
        """Judge one input."""
        begin = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            self.target.run(data)
            self.account.accepted += 1
        except self.target.refusals as error:
            if isinstance(error.__cause__, MemoryError):
                self._fail(data, error.__cause__)
        except (Exception, TooLongError) as error:
            self._fail(data, error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
        now = time.process_time()
        account = self.account
        account.inputs += 1
        account.worst_s = max(account.worst_s, now - begin)
        if now - self._saved_s > _SAVE_EVERY_S:
            self._saved_s = now
            self.save()

    def save(self) -> None:
        """Write the account."""
        if self._base_kb:
            growth_mb = (_peak_kb() - self._base_kb) / 1000
            self.account.worst_mb = max(self.account.worst_mb, growth_mb)
        partial = self._file.with_suffix('.part')
        partial.write_text(json.dumps(vars(self.account)))
        partial.rename(self._file)

    def _fail(self, data: bytes, error: BaseException) -> None:
        at = [f for f in traceback.extract_tb(error.__traceback__)
              if 'ilw_' in f.filename or '/fuzz/' in f.filename]
        where = f'{Path(at[-1].filename).name}:{at[-1].lineno}' if at else 'unknown'
        what = f'{type(error).__name__} at {where}'
        if what not in self.account.failures:
            print(f'{self.target.name}: {what}: {str(error)[:200]}', flush=True)
            self.account.failures[what] = keep(self._kept, self.target.name, data)
            self.save()


def keep(folder: Path, name: str, data: bytes) -> str:
    """Store an input and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f'{name}-{hashlib.sha256(data).hexdigest()[:12]}'
    file.write_bytes(data)
    return str(file)


def _peak_kb() -> int:
    """Return the largest resident size of this process; ``getrusage`` has its parent's, too."""
    status = Path('/proc/self/status').read_text()
    return int(status.partition('VmHWM:')[2].split()[0])


def _mapped_bytes() -> int:
    return int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLongError(f'more than {SECONDS} s')
