"""
Do many jobs with one function: one after the other, in processes of this machine, or with Ray.

A job is plain values: what cannot be pickled, a contract or an environment, is made of them where
the job is done. Results come in the order of the jobs, whoever did them; so what is computed from
a seed is the same everywhere.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
import multiprocessing
from typing import Any, Protocol, TypeVar

from ilw_core.errors import IlwError

Shared = TypeVar('Shared')
Job = TypeVar('Job')
Result = TypeVar('Result')


def _nothing(result: Any) -> None:
    """Go on."""


class Spread(Protocol):
    """Where jobs are done."""

    workers: int
    """Jobs that are done at once"""

    def map(self, function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job],
            done: Callable[[Result], None] = _nothing) -> list[Result]:
        """
        Return ``function(shared, job)`` of each job, in the order of the jobs.

        :param function: of a module, not one made inside another: it is found by its name.
        :param shared: what all jobs need; it is sent once to each machine, not once per job.
        :param done: called here with each result as it comes, in whatever order.
        :raises IlwError: a job raised one, or what did it was lost.
        """


class InProcess:
    """Does one job after the other, here."""

    workers = 1

    def map(self, function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job],
            done: Callable[[Result], None] = _nothing) -> list[Result]:
        """Return the results; see ``Spread``."""
        results = []
        for job in jobs:
            results.append(function(shared, job))
            done(results[-1])
        return results


class InProcesses:
    """
    Does jobs in further processes of this machine.

    They start clean, as forked ones would inherit the threads of torch and numba.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job],
            done: Callable[[Result], None] = _nothing) -> list[Result]:
        """Return the results; see ``Spread``."""
        results: list[Any] = [None] * len(jobs)
        with ProcessPoolExecutor(
                min(self.workers, max(1, len(jobs))),
                mp_context=multiprocessing.get_context('spawn')) as pool:
            places = {pool.submit(attempt, function, shared, job): i
                      for i, job in enumerate(jobs)}
            try:
                for future in as_completed(places):
                    results[places[future]] = outcome(future.result())
                    done(results[places[future]])
            except BrokenProcessPool as error:
                raise IlwError('A process that did a part of the work was ended, most often for '
                               'want of memory. Use fewer: --on 2.') from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return results


@dataclass(frozen=True)
class Refused:
    """A job met a problem that the user can solve: its text goes home, not a traceback."""

    text: str


def attempt(function: Callable[[Shared, Job], Result], shared: Shared, job: Job
            ) -> Result | Refused:
    """Return the result of a job, or why there is none."""
    try:
        return function(shared, job)
    except IlwError as error:
        return Refused(str(error))


def outcome(got: Result | Refused) -> Result:
    """Return the result of a job; :raises IlwError: there is none."""
    if isinstance(got, Refused):
        raise IlwError(got.text)
    return got
