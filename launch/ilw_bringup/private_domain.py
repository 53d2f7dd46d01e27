"""A ROS domain apart: what is started in it commands no robot that is already running."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re

_FIRST, _COUNT = 60, 42
"""Up to 101: above, DDS would use ports that the kernel gives to others"""


@contextmanager
def private_domain(number: int = 0) -> Iterator[int]:
    """
    Use a ROS domain of this process, on this machine only; yields its number.

    :param number: another number is another domain.
    """
    domain = _FIRST + (os.getpid() + number) % _COUNT
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


def _forget_ports(domain: int) -> None:
    """Remove what killed nodes left in shared memory: the next ones would take it for alive."""
    first = 7400 + 250 * domain  # as RTPS numbers the ports of a domain
    for file in Path('/dev/shm').glob('*fastrtps_port*'):
        found = re.search(r'fastrtps_port(\d+)', file.name)
        if found and first <= int(found[1]) < first + 250:
            file.unlink(missing_ok=True)
