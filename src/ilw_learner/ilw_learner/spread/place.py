"""The place that ``--on`` names."""

from collections.abc import Iterator
from contextlib import contextmanager
import re

from ilw_cli.options import HERE
from ilw_core.errors import IlwError
from ilw_learner.spread.on_ray import on_ray
from ilw_learner.spread.spread import InProcess, InProcesses, Spread

_MOST_PROCESSES = 1024
_RAY = re.compile(r'ray|ray://[^/\s:]+(:\d{1,5})?|[^/\s:]+:\d{1,5}')


@contextmanager
def spread_on(where: str) -> Iterator[Spread]:
    """
    Give the place that ``--on`` names.

    :param where: ``here``; a number of processes; ``ray`` (the cluster that RAY_ADDRESS names,
        else one of this machine alone); ``ray://HOST[:PORT]`` or ``HOST:PORT``.
    :raises IlwError: it is none of these, Ray is not installed, or nobody answers there.
    """
    if where == HERE:
        yield InProcess()
    elif where.isdecimal() and 1 <= int(where) <= _MOST_PROCESSES:
        yield InProcesses(int(where))
    elif _RAY.fullmatch(where):
        with on_ray(where) as found:
            yield found
    else:
        raise IlwError(f'--on must be here, a number of processes (1 to {_MOST_PROCESSES}), ray, '
                       f'ray://HOST or HOST:PORT. Got {where!r}.')
