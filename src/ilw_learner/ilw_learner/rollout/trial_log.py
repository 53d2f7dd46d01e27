"""The trials of a paired comparison, one JSON line each: a crash loses none of them. No torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError
from ilw_core.scores.paired import PairCounts
from ilw_core.storage.files import end_torn_line, json_text, open_to_append, parse_json

SCHEMA = 'ilw.trials/1'
NAMES = ('P0', 'P1')
_MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class Trial:
    """One episode of one policy."""

    pair: int
    """Both policies of a pair begin alike"""
    policy: str
    """``P0`` or ``P1``"""
    success: bool
    stop_reason: str
    seed: int | None = None
    """Of the world; None on a robot"""
    time_s: float = 0.0


def _trial(row: Any) -> Trial:
    """:raises ValueError: a value is of another type; :raises TypeError: it is no row."""
    trial = Trial(**row)
    good = (type(trial.pair) is int and trial.pair >= 0 and trial.policy in NAMES
            and type(trial.success) is bool and isinstance(trial.stop_reason, str)
            and (trial.seed is None or type(trial.seed) is int)
            and type(trial.time_s) in (int, float))
    if not good:
        raise ValueError(f'{shown(row)} is no trial')
    return trial


class TrialLog:
    """
    What was driven so far, and where it is written.

    :param header: what is compared, as JSON values; a file of another comparison is refused.
    :raises IlwError: the file is of another comparison, damaged, or in use.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.header = {'schema': SCHEMA, **header}
        self.trials: dict[tuple[int, str], Trial] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = open_to_append(path)
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IlwError(f'{path} is in use by another comparison. Wait for it, or name '
                           f'another file with --out.') from error
        except OSError as error:
            raise IlwError(f'{path} cannot be written: {error}.') from error
        self._read()

    def _read(self) -> None:
        self._stream.seek(0)
        if os.fstat(self._stream.fileno()).st_size > _MAX_BYTES:
            raise IlwError(f'{self.path} is larger than trials are ({_MAX_BYTES} bytes). Name '
                           f'another file with --out.')
        end_torn_line(self._stream)
        self._stream.seek(0)
        lines = self._stream.read().decode(errors='replace').splitlines()
        if not lines:
            self._write(self.header)
            return
        try:
            found, *rows = map(parse_json, lines)
            trials = [_trial(row) for row in rows]
        except (ValueError, TypeError) as error:
            raise IlwError(f'{self.path} holds no trials of a comparison ({error}). Name another '
                           f'file with --out.') from error
        if found != self.header:
            raise IlwError(f'{self.path} holds another comparison ({json.dumps(found)}). Name '
                           f'another file with --out, or delete it.')
        self.trials = {(t.pair, t.policy): t for t in trials}

    def add(self, trial: Trial) -> None:
        """Keep a trial; it is on the disk when this returns."""
        self._write(asdict(trial))
        self.trials[trial.pair, trial.policy] = trial

    def _write(self, row: Mapping[str, Any]) -> None:
        self._stream.write(json_text(row).encode() + b'\n')
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Let another process use the file."""
        self._stream.close()

    def __enter__(self) -> 'TrialLog':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pairs(self, most: int) -> list[tuple[Trial, Trial]]:
        """Return the complete pairs among the first ``most``, (P0, P1)."""
        return [(self.trials[i, 'P0'], self.trials[i, 'P1']) for i in range(most)
                if (i, 'P0') in self.trials and (i, 'P1') in self.trials]

    def counts(self, most: int) -> PairCounts:
        """Count the outcomes of the complete pairs among the first ``most``."""
        outcomes = [(a.success, b.success) for a, b in self.pairs(most)]
        return PairCounts(*(outcomes.count(kind) for kind in (
            (True, True), (True, False), (False, True), (False, False))))
