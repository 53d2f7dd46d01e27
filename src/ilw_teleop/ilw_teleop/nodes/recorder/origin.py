"""What every episode says about its origin."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
import os
import platform
import shlex
from typing import Any

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError


def about(robot: str, operator: str, namespace: str, arguments: str = '') -> dict[str, Any]:
    """
    Return what every ``episode.json`` of this recorder says about its origin.

    :param arguments: of the bring-up, as ``name=value name=value``, quoted as a shell has it.
    :raises IlwError: they are not.
    """
    try:
        given = dict(word.split('=', 1) for word in shlex.split(arguments))
    except ValueError as error:
        raise IlwError(f'The parameter arguments must be name=value name=value. Got '
                       f'{shown(arguments)} ({error}).') from error
    versions = {'python': platform.python_version()}
    for package in ('ilw_teleop', 'ilw_core', 'rclpy', 'mcap'):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {'robot': robot, 'operator': operator, 'namespace': namespace, 'arguments': given,
            'ros_distro': os.environ.get('ROS_DISTRO', ''), 'versions': versions}
