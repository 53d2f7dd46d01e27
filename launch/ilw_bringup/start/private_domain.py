"""A ROS domain apart: what is started in it commands no robot that is already running."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import socket

_FIRST, _COUNT = 60, 42
"""Up to 101: above, DDS would use ports that the kernel gives to others"""
_newest: dict[int, int] = {}
"""Process -> the number of the domain it used last, from 0"""


@contextmanager
def private_domain() -> Iterator[int]:
    """
    Use a ROS domain of this process, on this machine only; yields its number.

    Two at once never share one: each would be the other's rival, and the first to end would take
    the other's shared memory away. One after the other they differ, too: the graph lists killed
    nodes for 20 s.
    """
    domain, claim = _claim(_newest.get(os.getpid(), os.getpid()) + 1)
    _newest[os.getpid()] = domain - _FIRST
    ours = {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield domain
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        _forget_ports(domain)
        claim.close()


def _claim(first: int) -> tuple[int, socket.socket]:
    """Return a domain that no other process has claimed, and what holds the claim."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for number in range(first, first + _COUNT):
        domain = _FIRST + number % _COUNT
        try:
            claim.bind(f'\0ilw-domain-{domain}')  # a name without a file: nothing is left of it
            return domain, claim
        except OSError:
            continue
    return _FIRST + first % _COUNT, claim  # all are taken: as good as any


def _forget_ports(domain: int) -> None:
    """Remove what killed nodes left in shared memory: the next ones would take it for alive."""
    first = 7400 + 250 * domain  # as RTPS numbers the ports of a domain
    for file in Path('/dev/shm').glob('*fastrtps_port*'):
        found = re.search(r'fastrtps_port(\d+)', file.name)
        if found and first <= int(found[1]) < first + 250:
            file.unlink(missing_ok=True)
