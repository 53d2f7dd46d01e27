"""The log of an improvement: every decision is a JSON line with a sentence, on disk at once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
import fcntl
import os
from pathlib import Path
from typing import IO, Any

from ilw_core.errors import IlwError
from ilw_core.storage.files import (
    end_torn_line,
    json_text,
    open_to_append,
    read_json_lines,
)

SCHEMA = 'ilw.improvement/1'
BEGIN, EPISODE, SKIP, PROMOTE, REFUSE, ROLLBACK, CHANGED, STOP = KINDS = (
    'begin', 'episode', 'skip', 'promote', 'refuse', 'rollback', 'changed', 'stop')
"""``skip``: a round ended without a new policy; ``changed``: somebody else deployed another"""
_MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class LoggedDecision:
    """What was decided or taken note of."""

    time: str
    """UTC, ISO 8601"""
    what: str
    """One of ``KINDS``"""
    text: str
    """For a person"""
    facts: dict[str, Any]
    """The numbers behind it"""

    def as_json(self) -> dict[str, Any]:
        """Return it as the log has it."""
        return {'time': self.time, 'what': self.what, 'text': self.text, **self.facts}


class DecisionLog:
    """
    A log that one process writes at a time.

    :raises IlwError: it is of something else, damaged, or in use.
    """

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._stream = stream
        end_torn_line(stream)
        self.decisions = read_decisions(path)

    def add(self, what: str, text: str, facts: Mapping[str, Any]) -> LoggedDecision:
        """Keep a decision; it is on the disk when this returns."""
        made = LoggedDecision(datetime.now(timezone.utc).isoformat(timespec='seconds'), what, text,
                        dict(facts))
        self._stream.write(json_text(made.as_json()).encode() + b'\n')
        os.fsync(self._stream.fileno())
        self.decisions.append(made)
        return made


@contextmanager
def decision_log(path: Path) -> Iterator[DecisionLog]:
    """Open a log to go on with, made if need be; see ``DecisionLog``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_to_append(path) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise IlwError(f'{path} is in use by another ./ilw improve. Wait for it, or name '
                           f'another folder with --out.') from error
        yield DecisionLog(path, stream)


def read_decisions(path: Path) -> list[LoggedDecision]:
    """
    Return what a log holds; nothing where there is none.

    :raises IlwError: it holds something else.
    """
    if not path.is_file():
        return []
    try:
        return [_decision(row) for row in read_json_lines(path, _MAX_BYTES)]
    except (ValueError, TypeError, KeyError) as error:
        raise IlwError(f'{path} must hold the decisions of ./ilw improve, one JSON object a line '
                       f'({error}). Name another folder with --out.') from error


def _decision(row: Any) -> LoggedDecision:
    """:raises ValueError: it is none; :raises TypeError, KeyError: likewise."""
    facts = dict(row)
    made = LoggedDecision(*(str(facts.pop(key)) for key in ('time', 'what', 'text')), facts)
    if made.what not in KINDS:
        raise ValueError(f'{made.what!r:.40} is no decision')
    return made
