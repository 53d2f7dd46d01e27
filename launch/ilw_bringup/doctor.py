"""Look at this machine: is everything there that ILW needs? Changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import importlib.metadata
from importlib.util import find_spec
import os
from pathlib import Path
import shutil
import sys

from ilw_bringup.start.processes import executable
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_folder


@dataclass(frozen=True)
class MachineFinding:
    """One line of the report."""

    level: str
    """``ok``, ``note`` (works without it) or ``bad``"""
    what: str
    text: str


def examine() -> Iterator[MachineFinding]:
    """Yield a finding per thing looked at."""
    version = '.'.join(map(str, sys.version_info[:3]))
    yield MachineFinding('ok' if sys.version_info >= (3, 10) else 'bad', 'python', version)
    for package in ('numpy', 'onnxruntime', 'rosbags', 'mcap', 'cryptography',
                    'gymnasium'):
        yield _package(package)
    robot = find_spec('ilw_sim') is None
    for package in ('torch', 'pybullet'):
        if robot and find_spec(package) is None:
            yield MachineFinding('note', package,
                                 'left out on a robot: ./ilw setup --full adds it')
        else:
            yield _package(package)
    yield _guard('ros 2', lambda: f'{os.environ.get("ROS_DISTRO", "?")}, domain '
                                  f'{os.environ.get("ROS_DOMAIN_ID", "0")}, {_rclpy()}')
    yield _guard('nodes', lambda: executable('ilw_teleop', 'arbiter_node'))
    yield _guard('config', lambda: str(config_folder()))
    yield _network()
    yield _security()
    yield _gpu()
    yield _joystick()
    free_gb = shutil.disk_usage('.').free / 1e9
    yield MachineFinding('ok' if free_gb > 2.0 else 'bad', 'disk', f'{free_gb:.0f} GB free here')


def _package(name: str) -> MachineFinding:
    try:
        return MachineFinding('ok', name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return MachineFinding('bad', name, 'not installed: run ./ilw setup')


def _guard(what: str, look: Callable[[], str]) -> MachineFinding:
    try:
        return MachineFinding('ok', what, look())
    except (IlwError, ImportError) as error:
        return MachineFinding('bad', what, str(error))


def _rclpy() -> str:
    import rclpy  # noqa: F401 - found missing here rather than at the top

    return 'rclpy imports'


def _network() -> MachineFinding:
    reach = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE') or 'SUBNET'  # what ROS does by itself
    if reach in ('LOCALHOST', 'OFF'):
        return MachineFinding('ok', 'network', f'{reach}: other machines are not found')
    return MachineFinding('note', 'network', f'{reach}: whoever is on this network can listen and '
                                             f'command; see docs/how-to/secure.md')


def _security() -> MachineFinding:
    try:
        from ilw_bringup.security.enforcement import why_not_enforced

        why = why_not_enforced()
    except (IlwError, ImportError) as error:
        return MachineFinding('bad', 'dds security', str(error))
    return MachineFinding('note', 'dds security',
                          f'cannot be enforced here. {why}') if why else MachineFinding(
        'ok', 'dds security', 'can be enforced here: ./ilw security init')


def _gpu() -> MachineFinding:
    try:
        import torch
    except ImportError:
        return MachineFinding('note', 'gpu', 'not looked for: nothing is trained without torch')
    if torch.cuda.is_available():
        return MachineFinding('ok', 'gpu', torch.cuda.get_device_name(0))
    return MachineFinding('note', 'gpu', 'none; training runs on the CPU')


def _joystick() -> MachineFinding:
    found = sorted(str(p) for p in Path('/dev/input').glob('event*'))
    readable = [p for p in found if os.access(p, os.R_OK)]
    if readable:
        return MachineFinding('ok', 'joystick', f'{len(readable)} readable input devices')
    if found:
        return MachineFinding('note', 'joystick', 'input devices are not readable: add yourself '
                              'to the group input and log in again')
    return MachineFinding('note', 'joystick', 'no input device; use --input keyboard')
