"""The text of a message type and of all it contains, as an MCAP schema wants it. No rclpy."""

from functools import cache
import os
from pathlib import Path
import re

from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes

_MAX_BYTES = 1_000_000
_FIELD = re.compile(
    r'^\s*([A-Za-z][A-Za-z0-9_]*(?:/[A-Za-z0-9_]+)*)(?:<=\d+)?(?:\[[^\]]*\])?\s+\w')
_BUILT_IN = {'bool', 'byte', 'char', 'float32', 'float64', 'int8', 'uint8', 'int16', 'uint16',
             'int32', 'uint32', 'int64', 'uint64', 'string', 'wstring'}


@cache
def schema_text(kind: str) -> str:
    """
    Return the ``ros2msg`` schema of ``package/msg/Name``.

    :raises IlwError: a definition is not installed.
    """
    parts, seen, waiting = [_definition(kind)], {kind}, _nested(kind)
    while waiting:
        nested = waiting.pop(0)
        if nested not in seen:
            seen.add(nested)
            short = nested.replace('/msg/', '/')
            parts.append(f'{"=" * 80}\nMSG: {short}\n{_definition(nested)}')
            waiting += _nested(nested)
    return '\n'.join(parts)


@cache
def _definition(kind: str) -> str:
    package, _, name = kind.split('/')
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(':'):
        file = Path(prefix) / 'share' / package / 'msg' / f'{name}.msg'
        if prefix and file.is_file():
            return read_bytes(file.resolve(), _MAX_BYTES).decode()  # installed as a link
    raise IlwError(f'The definition of {kind} was not found in AMENT_PREFIX_PATH. '
                   f'Install the package {package}, or source its workspace.')


def _nested(kind: str) -> list[str]:
    package = kind.split('/')[0]
    found = []
    for line in _definition(kind).splitlines():
        match = _FIELD.match(line.split('#')[0])
        if match and match[1] not in _BUILT_IN:
            parts = match[1].split('/')
            found.append(f'{parts[0] if len(parts) > 1 else package}/msg/{parts[-1]}')
    return found
