"""Every fault, run one after the other. ``./ilw faults`` prints what comes out."""

from collections.abc import Iterator
from dataclasses import replace
import importlib
from pathlib import Path
import time

from ilw_bringup.faults.row import Fault, Row, Unavailable
from ilw_core.errors import IlwError

MODULES = ('hand', 'nodes', 'policies', 'sensors', 'network', 'soak')


def faults(only: str = '', *, slow: bool = True) -> list[Fault]:
    """
    Return the faults whose names contain a text.

    :param slow: with those that take longer than about 20 s.
    """
    modules = [importlib.import_module(f'ilw_bringup.faults.{name}') for name in MODULES]
    return [fault for module in modules for fault in module.FAULTS
            if only.lower() in fault.name.lower() and (slow or not fault.slow)]


def run(chosen: list[Fault], folder: Path) -> Iterator[tuple[Row | None, str]]:
    """
    Inject each fault; yields its row, or nothing and why this machine does not allow it.

    :param folder: receives the nodes' logs and episodes, a folder per fault.
    """
    for number, fault in enumerate(chosen):
        place = folder / f'{number:02d}'
        place.mkdir(parents=True)
        try:
            row = fault.inject(place)
        except Unavailable as why:
            yield None, f'{fault.name}: {why}'
            continue
        except IlwError as error:
            row = Row(fault.name, fault.expected, str(error), None, 0, ok=False)
        yield replace(row, fault=fault.name), ''


def table(rows: list[Row], about: str) -> str:
    """
    Return the rows as a page of ``docs/``.

    :param about: the machine and the command, a sentence.
    """
    lines = ['| fault | expected | observed | reaction [ms] | lost | |',
             '|---|---|---|---|---|---|']
    for row in rows:
        reaction = '' if row.reaction_ms is None else f'{row.reaction_ms:.0f}'
        cells = (row.fault, row.expected, row.observed, reaction, str(row.lost),
                 'ok' if row.ok else '**NOT OK**')
        lines.append('| ' + ' | '.join(cell.replace('|', '/') for cell in cells) + ' |')
    good = sum(row.ok for row in rows)
    return (f'{about}, {time.strftime("%Y-%m-%d")}: {good} of {len(rows)} as expected.\n\n'
            + '\n'.join(lines) + '\n')
