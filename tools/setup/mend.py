"""
Mend a virtual environment that holds ROS 2 wheels, so that it behaves like /opt/ros/jazzy.

The wheels still name folders of the machine that built them, and bring no set-up script for the
prefix as a whole. Run it with the environment's own Python, after every installation of wheels;
running it twice changes nothing. It knows nothing of ILW.
"""

from collections.abc import Callable, Iterable
import os
from pathlib import Path
import re
import shlex
import sys
import sysconfig

BUILD_INCLUDE = re.compile(r'/opt/python/[^/"; ]+/include/python3\.\d+')
BUILD_NUMPY = re.compile(r'/opt/python/[^"; ]+/numpy/_core/include')
BUILD_PREFIX = re.compile(r'"/project/build/[^"]*"')


def mend(prefix: Path, python_include: str, numpy_include: str) -> int:
    """Mend the four things the wheels get wrong; return how many files changed."""
    site_packages = prefix / 'lib' / f'python3.{sys.version_info.minor}' / 'site-packages'
    libraries = [prefix / 'lib', *sorted(site_packages.glob('ros_*.libs'))]

    def include_folders(text: str) -> str:
        text = BUILD_NUMPY.sub(lambda _: numpy_include, text)
        return BUILD_INCLUDE.sub(lambda _: python_include, text)

    def own_prefix(text: str) -> str:
        return BUILD_PREFIX.sub(lambda _: f'"{prefix}"', text)

    share = prefix / 'share'
    changed = _rewrite(share.glob('**/*.cmake'), include_folders)
    changed += _rewrite(share.glob('*/local_setup.sh'), own_prefix)
    parents = share / 'ament_index' / 'resource_index' / 'parent_prefix_path'
    changed += _rewrite(parents.glob('*'), lambda _: '')
    script = setup_script(prefix, libraries)
    for name in ('setup', 'local_setup'):
        for shell in ('sh', 'bash', 'zsh'):
            path = prefix / f'{name}.{shell}'
            path.touch()
            changed += _rewrite([path], lambda _: script)
    return changed


def setup_script(prefix: Path, libraries: list[Path]) -> str:
    """Return a POSIX script that adds the prefix to the environment of a ROS program."""
    return '\n'.join(
        [
            '# Makes this prefix the underlay of a ROS workspace. Written by tools/setup/mend.py.',
            'export ROS_DISTRO=jazzy ROS_VERSION=2 ROS_PYTHON_VERSION=3',
            '# Without it every start of Python runs twice.',
            'export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1',
            _prepend('AMENT_PREFIX_PATH', [prefix]),
            _prepend('CMAKE_PREFIX_PATH', [prefix]),
            _prepend('PATH', [prefix / 'bin']),
            _prepend('LD_LIBRARY_PATH', libraries),
            '',
        ]
    )


def _prepend(name: str, folders: list[Path]) -> str:
    value = shlex.quote(':'.join(map(str, folders)))
    return f'export {name}={value}"${{{name}:+:${{{name}}}}}"'


def _rewrite(paths: Iterable[Path], change: Callable[[str], str]) -> int:
    changed = 0
    for path in paths:
        if path.is_file():
            before = path.read_text(encoding='utf-8')
            after = change(before)
            if after != before:
                staged = path.with_name(path.name + '.mended')
                staged.write_text(after, encoding='utf-8')
                os.replace(staged, path)
                changed += 1
    return changed


if __name__ == '__main__':
    import numpy

    count = mend(Path(sys.prefix), sysconfig.get_path('include'), numpy.get_include())
    print(f'mended {count} files in {sys.prefix}')
