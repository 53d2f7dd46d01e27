"""Every fault, run one after the other. ``./ilw faults`` prints what comes out."""

from collections.abc import Iterator
import importlib
from pathlib import Path

from ilw_core.errors import IlwError
from ilw_faults.lender import Lender
from ilw_faults.row import Fault, Row, Seen, Unavailable

MODULES = ('hand', 'pads', 'nodes', 'policies', 'checkpoints', 'asks', 'sensors', 'scans',
           'flood', 'recorder', 'disk', 'network', 'stops', 'soak')
ALIKE = frozenset({
    'joystick unplugged and back', 'teleop hung (SIGSTOP) and back',
    'pad unplugged while driving, one of another kind comes instead',
    'a pad in DirectInput mode, read with the layout of an Xbox pad',
    'policy hung (SIGSTOP) and back', 'simulator hung (SIGSTOP) and back',
    'action is infinite', 'action too short', 'actions from an observation 0.5 s old',
    'checkpoint for another contract', 'checkpoint truncated',
    'policy loaded that takes memory without end', 'policy loaded that computes without end',
    'lidar jumps back in time by 10 s', 'lidar arrives 0.5 s late',
    'clock jumps forward by 10 s', 'scan without evidence: all 0',
    'scan without evidence: -inf ahead', 'flood of 10000 messages/s on policy/action',
    'flood of 10000 messages/s on joy', 'disk read-only between episodes',
    'demos folder removed between episodes', '5% packet loss between joystick and robot',
    'RunPolicy timed out', 'SIGTERM while driving', 'policy dies while driving (SIGSEGV)',
    'arbiter hung (SIGSTOP) and back', 'policy of another contract',
    'checkpoint with NaN weights', 'checkpoint outside the folders that may be named',
    'two checkpoints loaded at once', 'lidar out of order', 'odometry stops and comes back',
    'scan without evidence: NaN ahead', 'demos folder removed while recording',
    'arm: camera arrives 0.5 s late', 'arm: camera stops and comes back',
    'arm: camera changes its size', 'two recorders on one folder',
    '50% packet loss between joystick and robot'})
"""Like another, or held by quicker tests, too: the quick run leaves them out"""


def faults(only: str = '', *, slow: bool = True) -> list[Fault]:
    """
    Return the faults whose names contain a text.

    :param slow: with those that take longer than about 20 s or are like another.
    """
    modules = [importlib.import_module(f'ilw_faults.rows.{name}') for name in MODULES]
    return [fault for module in modules for fault in module.FAULTS
            if only.lower() in fault.name.lower() and (slow or not is_slow(fault))]


def is_slow(fault: Fault) -> bool:
    """Tell whether only a whole run takes it in."""
    return fault.slow or fault.name in ALIKE


def run(chosen: list[Fault], folder: Path) -> Iterator[tuple[Row | None, str]]:
    """
    Inject each fault; yields its row, or nothing and why this machine does not allow it.

    :param folder: receives the nodes' logs and episodes.
    """
    with Lender(folder) as lender:
        for fault in chosen:
            yield inject(fault, lender)


def inject(fault: Fault, lender: Lender) -> tuple[Row | None, str]:
    """Inject a fault; returns its row, or nothing and why this machine does not allow it."""
    try:
        return fault.row(lender.inject(fault)), ''
    except Unavailable as why:
        return None, f'{fault.name}: {why}'
    except IlwError as error:
        return fault.row(Seen(str(error), None, 0, ok=False)), ''


def page(rows: list[Row], machine: str, command: str) -> str:
    """Return ``docs/reliability.md``: the rows as a table, and how it was made."""
    lines = ['| fault | expected | observed | reaction [ms] | lost | |',
             '|---|---|---|---|---|---|']
    for row in rows:
        reaction = '' if row.reaction_ms is None else f'{row.reaction_ms:.0f}'
        cells = (row.fault, row.expected, row.observed, reaction, str(row.lost),
                 'ok' if row.ok else '**NOT OK**')
        lines.append('| ' + ' | '.join(cell.replace('|', '/') for cell in cells) + ' |')
    good = sum(row.ok for row in rows)
    return _HEAD.format(command=command, machine=machine, good=good, of=len(rows)) \
        + '\n'.join(lines) + '\n'


_HEAD = """# Reliability

Each fault was injected into running nodes over DDS; this page was written by
`{command}` on
{machine}: {good} of {of} as expected.

*Reaction*: from the fault to the stop action on the command topic (where the arbiter itself is the
victim: until the wheels stood; where data is at stake: until somebody was told). *Lost*: saved
episodes, or messages that had arrived, that are gone. *Bound*: two periods of the contract (0.2 s)
and 30 ms for one message, beside what the machine was late meanwhile: by what a thread that does
nothing was woken too late, or by what simulated time, in which the robot moves, was slower than
the wall's. A scan or picture that stays the same is seen only while the robot moves: there the
time that it was told to move counts. Commands outside the contract's range or rate are counted in
every row; one makes it fail.

"""
