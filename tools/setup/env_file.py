"""
Write the environment of the built workspace as one file of plain exports.

colcon's own set-up script starts hundreds of small processes; this file is read in a millisecond.
The script is sourced once, in an empty environment, and what it added is written down. Knows
nothing of ILW's packages.
"""

import argparse
import os
from pathlib import Path
import shlex
import subprocess
import sys

LISTS = ('PATH', 'LD_LIBRARY_PATH', 'PYTHONPATH', 'AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH')
"""Variables that are extended, not replaced: the caller's own value stays behind ours."""
IGNORED = (
    *('_', 'PWD', 'OLDPWD', 'SHLVL'),
    *('COLCON_CURRENT_PREFIX', 'AMENT_CURRENT_PREFIX', 'COLCON_PYTHON_EXECUTABLE'),
)
_KEEP = """\
_ilw_keep() {  # what of the caller's list names a folder whatever the current one is
    _ilw_rest=$1: _ilw_kept=
    while [ -n "$_ilw_rest" ]; do
        _ilw_entry=${_ilw_rest%%:*}
        _ilw_rest=${_ilw_rest#*:}
        case $_ilw_entry in /*) _ilw_kept=$_ilw_kept:$_ilw_entry ;; esac
    done
}"""
BARE = {
    'PATH': '/usr/bin:/bin',
    # colcon's script would call the venv's Python, without quotes: fails in a folder with spaces.
    'COLCON_PYTHON_EXECUTABLE': os.path.realpath(sys.executable),
}


def environment_of(scripts: list[Path]) -> dict[str, str]:
    """Return the variables that sourcing the scripts, in order, leaves in a bare bash."""
    lines = [f'. {shlex.quote(str(script))} >&2' for script in scripts]
    found = subprocess.run(
        ['bash', '--norc', '-c', '\n'.join([*lines, 'env -0'])],
        env=BARE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    pairs = (line.split('=', 1) for line in found.split('\0') if '=' in line)
    return {name: value for name, value in pairs if name not in IGNORED}


def exports(variables: dict[str, str], venv: Path) -> str:
    """Return POSIX shell text that adds the variables and the venv to an environment."""
    lines = [
        '# The environment of the built workspace. Written by tools/setup/env_file.py.',
        f'export VIRTUAL_ENV={shlex.quote(str(venv))}',
        _KEEP,
    ]
    variables = dict(variables)
    bare = BARE['PATH'].split(':')
    own = [entry for entry in variables.get('PATH', '').split(':') if entry and entry not in bare]
    variables['PATH'] = ':'.join(dict.fromkeys([str(venv / 'bin'), *own]))
    for name, value in sorted(variables.items()):
        if name in LISTS:
            # An empty entry would be whatever folder a program is called in.
            value = ':'.join(filter(None, value.split(':')))
            lines.append(f'_ilw_keep "${{{name}:-}}"')
            lines.append(f'export {name}={shlex.quote(value)}$_ilw_kept')
        else:
            lines.append(f'export {name}={shlex.quote(value)}')
    lines.append('unset -f _ilw_keep; unset _ilw_kept _ilw_rest _ilw_entry')
    return '\n'.join([*lines, ''])


def main() -> None:
    """Write the file named on the command line, in one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--venv', type=Path, required=True)
    parser.add_argument('--output', type=Path, required=True)
    parser.add_argument('scripts', type=Path, nargs='+')
    args = parser.parse_args()
    variables = environment_of(args.scripts)
    prefixes = variables.get('AMENT_PREFIX_PATH', '').split(':')
    if not any(Path(prefix).parent == args.scripts[-1].parent for prefix in prefixes):
        sys.exit(f'{args.scripts[-1]} must add its packages to AMENT_PREFIX_PATH. Got {prefixes}.')
    text = exports(variables, args.venv)
    staged = args.output.with_suffix('.new')
    staged.write_text(text, encoding='utf-8')
    os.replace(staged, args.output)


if __name__ == '__main__':
    main()
