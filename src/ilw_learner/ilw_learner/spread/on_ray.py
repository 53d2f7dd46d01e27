"""Jobs as Ray tasks: on this machine alone, or on all that a Ray cluster has."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout, suppress
import logging
import os
import socket
import sys
import threading
from typing import Any

from ilw_core.errors import IlwError
from ilw_learner.spread.spread import Job, Result, Shared, attempt, outcome

_ANSWER_S = 4.0
"""A machine that is there accepts a connection within"""
_JOIN_S = 30.0
"""Ray on it lets a program join within, even if its machines are busy"""
_SETTINGS = b'\x04'
_HTTP2_BEGIN = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + b'\0\0\0' + _SETTINGS + b'\0' * 5
"""What begins a connection of gRPC (RFC 9113, section 3.4): Ray itself waits a minute for an
answer, and tells of it in many lines"""
_PORTS = {'ray://': 10001, '': 6379}
INSTALL = '.venv/bin/pip install -r requirements/ray.txt'


class OnRay:
    """
    Does jobs as tasks of Ray, a core each.

    What a machine that is lost was doing is done again on another, as a job always has the same
    result.

    :param ray: the module, connected.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        has = ray.cluster_resources()
        self.workers = max(1, int(has.get('CPU', 1)))
        self._gpu = 1 if has.get('GPU', 0) >= 1 else 0

    def map(self, function: Callable[[Shared, Job], Result], shared: Shared, jobs: Sequence[Job],
            done: Callable[[Result], None] = lambda result: None) -> list[Result]:
        """Return the results; see ``Spread``."""
        ray = self._ray
        task = ray.remote(num_cpus=1, max_retries=3)(attempt)
        sent = ray.put(shared)
        places = {task.remote(function, sent, job): i for i, job in enumerate(jobs)}
        results: list[Any] = [None] * len(jobs)
        waiting = list(places)
        try:
            while waiting:
                with _words_of_ray():
                    (ready,), waiting = ray.wait(waiting, num_returns=1)
                    got = ray.get(ready)
                results[places[ready]] = outcome(got)
                done(results[places[ready]])
        except ray.exceptions.RayTaskError as error:
            raise _of_job(error) from error
        except ray.exceptions.RayError as error:
            raise IlwError(f'Ray lost a part of the work: {_first_line(error)} See what its '
                           f'machines say, and call again.') from error
        finally:
            for left in waiting:
                with suppress(ray.exceptions.RayError):
                    ray.cancel(left, force=True)
        return results


def _of_job(error: Any) -> Exception:
    """Return what a job raised that was no ``IlwError``, as it would have been raised here."""
    cause = error.cause
    if isinstance(cause, ModuleNotFoundError):
        return IlwError(f'A machine of the cluster has no {cause.name}. Start Ray there in the '
                        f'shell of ./ilw shell; see docs/how-to/many_machines.md.')
    return cause if isinstance(cause, Exception) else RuntimeError(str(error))


@contextmanager
def on_ray(where: str) -> Iterator[OnRay]:
    """
    Connect to Ray, and leave it at the end.

    :param where: ``ray``, ``ray://HOST[:PORT]`` or ``HOST:PORT``; see ``spread_on``.
    :raises IlwError: Ray is not installed, or does not answer: told within 8 s where nothing is,
        or nothing that speaks as Ray does.
    """
    address = os.environ.get('RAY_ADDRESS', '') if where == 'ray' else where
    alone = address in ('', 'local')
    if not alone and address != 'auto':
        address = _answering(address)
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # nobody is told what is done here
    if alone:
        # Its name is of other systems; what it does everywhere: Ray listens on loopback only.
        os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'
    try:
        import ray
    except ImportError as error:
        raise IlwError(f'--on {where} needs the package ray: {INSTALL}') from error
    logging.getLogger('ray').setLevel(logging.ERROR)  # what goes wrong is said in one line below
    if alone:
        try:
            ray.init(address='local', include_dashboard=False, log_to_driver=False,
                     configure_logging=False)
        except Exception as error:  # what Ray itself raises, as on a machine that is too busy
            raise IlwError(f'Ray does not start here: {_first_line(error)} Use processes: '
                           f'--on {os.cpu_count()}') from error
    else:
        _join(ray, address)
    try:
        yield OnRay(ray)
    finally:
        with _words_of_ray():
            ray.shutdown()


def _words_of_ray() -> AbstractContextManager[Any]:
    """Standard output is the command's: what Ray has to say of a lost worker goes beside it."""
    return redirect_stdout(sys.stderr)


def _answering(address: str) -> str:
    """Return an address with its port; :raises IlwError: nobody answers there."""
    kind = 'ray://' if address.startswith('ray://') else ''
    host, _, port = address.removeprefix(kind).partition(':')
    number = int(port or _PORTS[kind]) if (port or '0').isdecimal() else 0
    try:
        with socket.create_connection((host, number), _ANSWER_S) as link:
            if not os.environ.get('RAY_USE_TLS'):
                link.sendall(_HTTP2_BEGIN)
                said = link.recv(9)  # a frame's head; a server begins with its settings
                if said[3:4] != _SETTINGS:
                    raise _nobody(address, 'what answers does not speak as Ray does')
    except (OSError, OverflowError) as error:
        raise _nobody(address, str(error)) from error
    return f'{kind}{host}:{number}'


def _join(ray: Any, address: str) -> None:
    """Connect to a cluster; what answers may be something else than Ray, and keep silent."""
    failed: list[BaseException] = []

    def connect() -> None:
        try:
            ray.init(address=address, log_to_driver=False, configure_logging=False)
        except BaseException as error:
            failed.append(error)

    # A thread that is left behind: Ray itself waits for a minute and more.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_JOIN_S)
    if thread.is_alive():
        raise _nobody(address, f'it lets nobody join within {_JOIN_S:.0f} s; with a token on its '
                               f'side, set RAY_AUTH_MODE=token here, too')
    if failed:
        raise _nobody(address, _first_line(failed[0])) from failed[0]


def _nobody(address: str, why: str) -> IlwError:
    return IlwError(f'No Ray answers at {address} ({why}). Start it there, `ray start '
                    f'--head` in ./ilw shell, or name another address.')


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
