"""What a machine lacks is said in one line each, before anything is installed."""

from pathlib import Path
import shutil
import subprocess
import sys

import pytest

CHECK = Path(__file__).resolve().parents[3] / 'tools' / 'setup' / 'check.sh'
TOOLS = ('cmake', 'g++', 'make', 'bash')
ALWAYS = ('sh', 'awk', 'df', 'env')


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Return a folder to be the whole PATH, with everything the set-up needs."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ALWAYS:
        (folder / name).symlink_to(shutil.which(name) or f'/bin/{name}')
    for name in TOOLS:
        (folder / name).symlink_to('/bin/true')
    return folder


def fake_python(folder: Path, version: tuple[int, int] = (3, 11), lacks: str = '') -> Path:
    """Write a command that answers like a Python of this version, with or without its parts."""
    include = folder / 'include'
    include.mkdir(exist_ok=True)
    if lacks != 'headers':
        (include / 'Python.h').touch()
    path = folder / 'python3'
    path.write_text(
        f"""#!/bin/sh
case $2 in
    *version_info*) exit {0 if version in ((3, 11), (3, 12)) else 1} ;;
    *ensurepip*) exit {1 if lacks == 'venv' else 0} ;;
    *sysconfig*) echo '{include}' ;;
esac
"""
    )
    path.chmod(0o755)
    return path


def check(root: Path, commands: Path, python: str = '', needed_mb: int = 1):
    """Run the check with `commands` as the whole PATH."""
    return subprocess.run(
        ['/bin/sh', str(CHECK), str(root), python, str(needed_mb)],
        env={'PATH': str(commands)},
        capture_output=True,
        text=True,
    )


def test_a_complete_machine_passes_and_names_its_python(tmp_path, commands):
    python = fake_python(commands)
    result = check(tmp_path, commands)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.strip() == str(python)


@pytest.mark.parametrize('tool', ['cmake', 'g++', 'make'])
def test_a_missing_tool_is_one_line_with_the_remedy(tmp_path, commands, tool):
    fake_python(commands)
    (commands / tool).unlink()
    result = check(tmp_path, commands)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f'ilw: missing: {tool}. On Debian or Ubuntu: sudo apt install {tool}'
    ]


@pytest.mark.parametrize(
    ('lacks', 'remedy'), [('venv', 'python3-venv'), ('headers', 'python3-dev')]
)
def test_a_missing_part_of_python_is_one_line_with_the_remedy(tmp_path, commands, lacks, remedy):
    fake_python(commands, lacks=lacks)
    result = check(tmp_path, commands)
    assert result.returncode == 2
    assert result.stderr.count('\n') == 1
    assert result.stderr.rstrip().endswith(remedy)


def test_everything_missing_is_said_at_once(tmp_path, commands):
    for tool in ('cmake', 'g++', 'make'):
        (commands / tool).unlink()
    result = check(tmp_path, commands)
    assert result.returncode == 2
    assert [line.split(': ')[2].split('.')[0] for line in result.stderr.splitlines()] == [
        'Python 3',
        'cmake',
        'g++',
        'make',
    ]


def test_a_python_too_old_for_the_wheels_is_refused(tmp_path, commands):
    python = fake_python(commands, version=(3, 9))
    result = check(tmp_path, commands, python=str(python))
    assert result.returncode == 2
    assert f'Python 3.11 or 3.12 ({python} is not)' in result.stderr


def test_a_full_disk_is_said_with_numbers(tmp_path, commands):
    fake_python(commands)
    result = check(tmp_path, commands, needed_mb=10**12)
    assert result.returncode == 2
    assert 'disk space (1000000000000 MB needed' in result.stderr


def test_the_python_of_this_test_would_do(tmp_path, commands):
    result = check(tmp_path, commands, python=sys.executable)
    assert 'Python 3.11 or 3.12' not in result.stderr
