"""Run targets in processes of their own, however often those die; count and keep what broke."""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from typing import Any

from fuzz.judge import Account, keep
from fuzz.mutate import mutate
from fuzz.target import Target

ROOT = Path(__file__).resolve().parents[2]
_HANGS_S = 120.0
"""A process that finishes no input for so long hangs where Python cannot look"""
_DEATHS = 20
"""A target that kills its process so often is not tried any further"""


@dataclass(frozen=True)
class Campaign:
    """What to do with each target."""

    engine: str
    """``own`` or ``atheris``"""
    first: int
    """Number of the first input"""
    kept: Path
    """Receives an input for each distinct failure"""

    def fuzz(self, module: str, target: Target, count: int) -> dict[str, Any]:
        """Give a target so many inputs; return its account, and how long it took."""
        begin, number, died = time.monotonic(), self.first, {}
        with tempfile.TemporaryDirectory() as scratch:
            file, errors = Path(scratch) / 'account.json', Path(scratch) / 'errors'
            at = file.with_suffix('.at')
            while number < self.first + count and len(died) < _DEATHS:
                code = self._run(f'{module}.{target.name}', number,
                                 self.first + count - number, file, errors)
                if code == 0:
                    break
                words = errors.read_bytes().decode(errors='replace').strip()[-300:]
                print(f'{target.name}: the process ended with {code}: {words}', file=sys.stderr)
                if not at.exists():  # not even the valid inputs were survived
                    died[f'ended with {code}'] = ''
                    break
                number = int.from_bytes(at.read_bytes(), 'little')
                data = mutate(target.seeds, number, target.words)
                died[f'ended with {code} at input {number}'] = keep(self.kept, target.name, data)
                number += 1
            account = json.loads(file.read_text()) if file.exists() else vars(Account())
        account['failures'] |= died
        return {'target': target.name, **account, 'took_s': round(time.monotonic() - begin, 1)}

    def _run(self, name: str, number: int, count: int, file: Path, errors: Path) -> int:
        environment = os.environ | {'MALLOC_ARENA_MAX': '2', 'OMP_NUM_THREADS': '1'}
        if self.engine == 'atheris':
            paths = (ROOT / 'bench/.venv-fuzz/lib').glob('python3*/site-packages')
            environment['PYTHONPATH'] = ':'.join([environment.get('PYTHONPATH', ''),
                                                  *map(str, paths)])
        worker = [sys.executable, str(ROOT / 'tools/fuzz/worker.py'), name, self.engine,
                  str(number), str(count), str(file), str(self.kept.resolve())]
        with errors.open('wb') as stream:
            process = subprocess.Popen(worker, env=environment, stdout=sys.stderr, stderr=stream)
        at, seen, since = file.with_suffix('.at'), b'', time.monotonic()
        while process.poll() is None:
            now = at.read_bytes() if at.exists() else file.read_bytes() if file.exists() else b''
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > _HANGS_S:
                process.kill()
            time.sleep(0.2)
        return process.returncode
