"""``./ilw faults``: inject every fault into the running loop, and print what happened."""

import json
import os
from pathlib import Path
import platform
import shlex
import sys
import tempfile
import time

import click
from rich.table import Table

from ilw_core.errors import IlwError
from ilw_core.storage.files import write_file
from ilw_core.text.terminal import PlainConsole, echo
from ilw_faults.matrix import faults as known_faults
from ilw_faults.matrix import page, run
from ilw_faults.row import Row

_ERR = PlainConsole(stderr=True)


@click.command()
@click.argument('only', default='')
@click.option('--quick', is_flag=True, help='Leave out what takes longer than about 20 s.')
@click.option('--soak-hours', type=click.FloatRange(0.0, 1000.0, min_open=True),
              help='Only let the loop run at full speed for so long, and watch it grow or not.')
@click.option('--stops', type=click.IntRange(1, 1_000_000),
              help='Only end what drives so many times, in ways and at moments drawn by chance.')
@click.option('--list', 'only_list', is_flag=True, help='Say which faults there are, and stop.')
@click.option('--page', 'page_path', type=click.Path(path_type=Path, dir_okay=False),
              help='Also write the table to this file, as docs/reliability.md was made.')
@click.option('--keep', type=click.Path(path_type=Path),
              help="Keep the nodes' logs and episodes in this new folder.")
@click.option('--json', 'as_json', is_flag=True, help='One JSON list on standard output.')
def faults(only: str, quick: bool, soak_hours: float | None, stops: int | None, only_list: bool,
           page_path: Path | None, keep: Path | None, as_json: bool) -> None:
    """
    Inject faults into real nodes and print a table; exit code 1 if one was not as expected.

    ONLY is part of a fault's name. The nodes are in a ROS domain of their own, so no robot that is
    running is touched. Faults after one another that break no node share them.

    Example: ./ilw faults lidar --keep /tmp/faults
    """
    if keep is not None and keep.exists():
        raise IlwError(f'{keep} is there already. Give --keep a new folder.')
    if stops is not None:
        from ilw_faults.stops_table import count_stops

        sys.exit(0 if count_stops(stops, keep, as_json=as_json, say=_ERR.print) else 1)
    if soak_hours is not None:
        from ilw_faults.rows.soak import soak_fault

        chosen = [soak_fault(3600.0 * soak_hours)]
    else:
        chosen = known_faults(only, slow=not quick)
    if not chosen:
        raise IlwError(f'No fault is called {only!r}. See ./ilw faults --list.')
    if only_list:
        for fault in chosen:
            echo(f'{fault.name}: {fault.expected}')
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (row, why) in enumerate(run(chosen, keep or Path(folder)), 1):
            if row is None:
                _ERR.print(f'{number}/{len(chosen)}: left out: {why}', style='yellow')
                continue
            _ERR.print(f'{number}/{len(chosen)}: {row.fault}: {"ok" if row.ok else "NOT OK"}')
            rows.append(row)
    if page_path is not None:
        write_file(page_path, page(rows, _machine(), f'./ilw {shlex.join(sys.argv[1:])}'))
    if as_json:
        echo(json.dumps([row.as_json() for row in rows]))
    else:
        _print(rows)
    if not all(row.ok for row in rows):
        sys.exit(1)


def _print(rows: list[Row]) -> None:
    table = Table(title=f'{sum(row.ok for row in rows)} of {len(rows)} as expected')
    for heading in ('fault', 'expected', 'observed', 'reaction', 'lost', ''):
        table.add_column(heading, justify='right' if heading in ('reaction', 'lost') else 'left')
    for row in rows:
        reaction = '' if row.reaction_ms is None else f'{row.reaction_ms:.0f} ms'
        table.add_row(row.fault, row.expected, row.observed, reaction, str(row.lost),
                      'ok' if row.ok else 'NOT OK', style=None if row.ok else 'red')
    PlainConsole(width=None if sys.stdout.isatty() else 200).print(table)


def _machine() -> str:
    memory_gb = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
    return (f'{os.cpu_count()} cores ({platform.machine()}), {memory_gb:.0f} GiB, '
            f'{platform.system()} {platform.release().split("-")[0]}, '
            f'Python {platform.python_version()}, {time.strftime("%Y-%m-%d")}')
