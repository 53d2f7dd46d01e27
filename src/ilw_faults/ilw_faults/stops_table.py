"""``./ilw faults --stops``: how what drives ended, by kind."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import secrets
import sys
import tempfile

from rich.table import Table

from ilw_bringup.start.private_domain import private_domain
from ilw_core.text.terminal import PlainConsole, echo
from ilw_faults.ends import KINDS, End, run_ends


@dataclass(frozen=True)
class StopsRow:
    """How the ends of one kind went: a line of the table, and of ``--json``."""

    kind: str
    """One of ``KINDS``"""
    n: int
    stop_action_last: int
    """Ends after which the stop action was the last command"""
    robot_timed_out: int
    """Ends after which the robot stood by its own time-out"""
    troubled: int
    """Ends with a traceback and the like"""
    left_behind: int
    """Files and processes that were still there"""
    slowest_ms: int
    """From the end to the stop action, the longest; 0 without one"""
    ok: int
    """Ends that went as they must"""


def count_stops(number: int, keep: Path | None, *, as_json: bool,
                say: Callable[[str], None]) -> bool:
    """
    End what drives so many times and print the table.

    :param keep: new folder for the nodes' output, where something went wrong.
    :returns: whether each end was as it must be, and none is missing: Ctrl-C ends it early.
    """
    ends: list[End] = []

    def told(count: int, end: End) -> None:
        ends.append(end)
        if not end.ok:
            say(f'{count}/{number}: {end.kind}, {end.driver} driving: NOT OK: '
                f'{"; ".join([*end.trouble, *end.left]) or "the last command moves the robot"}')
        elif count % 50 == 0:
            say(f'{count}/{number}')

    with tempfile.TemporaryDirectory() as folder, private_domain(), suppress(KeyboardInterrupt):
        run_ends(keep or Path(folder), number, secrets.randbits(32), told)
    rows = [summary(kind, [end for end in ends if end.kind == kind]) for kind in KINDS]
    if as_json:
        echo(json.dumps([asdict(row) for row in rows]))
    else:
        _print(rows, sum(end.ok for end in ends), len(ends))
    return len(ends) == number and all(end.ok for end in ends)


def summary(kind: str, ends: Sequence[End]) -> StopsRow:
    """Return the row of a kind."""
    return StopsRow(
        kind=kind, n=len(ends),
        stop_action_last=sum(end.reaction_s is not None for end in ends),
        robot_timed_out=sum(end.reaction_s is None and end.by_itself for end in ends),
        troubled=sum(bool(end.trouble) for end in ends),
        left_behind=sum(len(end.left) for end in ends),
        slowest_ms=round(1000 * max((end.reaction_s for end in ends
                                     if end.reaction_s is not None), default=0.0)),
        ok=sum(end.ok for end in ends))


def _print(rows: Sequence[StopsRow], good: int, number: int) -> None:
    table = Table(title=f'{good} of {number} ended as they must')
    for heading in ('kind', 'n', 'stop action last', "robot's time-out", 'tracebacks and the like',
                    'left behind', 'slowest [ms]', 'ok'):
        table.add_column(heading, justify='left' if heading == 'kind' else 'right')
    for row in rows:
        table.add_row(*map(str, vars(row).values()), style=None if row.ok == row.n else 'red')
    PlainConsole(width=None if sys.stdout.isatty() else 160).print(table)
