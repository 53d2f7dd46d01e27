"""A ROS domain apart: what is started in it commands no robot that is already running."""

from collections.abc import Iterator
from contextlib import contextmanager
import os

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
