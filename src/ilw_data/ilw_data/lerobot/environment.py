"""The environment of LeRobot's library, ``.venv-lerobot``, apart from ILW's: its pins conflict."""

from collections.abc import Callable
import importlib.util
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

from ilw_core.errors import IlwError
from ilw_core.storage.files import is_regular, read_bytes, write_file

SIZE_MB, DOWNLOAD_MB, MADE_IN_S = 600, 135, 60
"""Measured on 2026-11-29, two shared cores, Intel Xeon; the last on a fast network, idle (107 s
beside eight others)"""
_OURS = ('src/ilw_core', 'src/ilw_data', 'src/ilw_learner', 'tools/lerobot/plugin')
"""What LeRobot drives checkpoints of ILW with"""
_OPERATORS = '''

if not _has_ops():  # torch is another build than torchvision's; nothing here uses them
    _declared = torch.library.Library('torchvision', 'DEF')
    for _name in ('nms', 'qnms'):
        _declared.define(f'{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
'''
"""At the end of torchvision's extension.py: that two of its operators are declared is all that its
Python asks"""
_FOLDER, _DONE, _LOCK = '.venv-lerobot', 'ilw.lock', 'requirements/lock-lerobot.txt'
_MAX_BYTES = 4_000_000


def project_root() -> Path:
    """
    Return the checkout that this was called from.

    :raises IlwError: there is none.
    """
    root = Path(os.environ.get('ILW_ROOT') or Path(__file__).resolve().parents[4])
    if not is_regular(root / _LOCK):
        raise IlwError(f'LeRobot\'s library is set up in a checkout of ILW. Got {root}, without '
                       f'{_LOCK}. Call ./ilw lerobot there.')
    return root


def lerobot_python(say: Callable[[str], None]) -> Path:
    """
    Return the Python of the environment; made if it is not there, or of another lock.

    It holds LeRobot and what only LeRobot needs; torch and onnxruntime it takes from ILW's own.

    :param say: told how large it is and how long it takes, before it begins.
    :raises IlwError: it cannot be made; says what to do.
    """
    root = project_root()
    folder, lock = root / _FOLDER, read_bytes(root / _LOCK, _MAX_BYTES)
    python = folder / 'bin' / 'python'
    if is_regular(folder / _DONE) and read_bytes(folder / _DONE, _MAX_BYTES) == lock:
        return python
    if importlib.util.find_spec('torch') is None:
        raise IlwError('LeRobot\'s library needs torch, which this set-up lacks. Run ./ilw setup '
                       '--full, then this again.')
    say(f'LeRobot\'s library is set up once, in {folder}: {SIZE_MB} MB on the disk, '
        f'{DOWNLOAD_MB} MB to download, about {MADE_IN_S} s.')
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, '-m', 'venv', str(folder)], 'the environment could not be made')
    write_file(folder / '.gitignore', '*\n')
    ours = sysconfig.get_path('purelib')
    theirs = next(folder.glob('lib/python*/site-packages'))
    write_file(theirs / 'ilw.pth', '\n'.join([ours, *(str(root / each) for each in _OURS), '']))
    _run([str(python), '-m', 'pip', '--disable-pip-version-check', '--no-input', 'install',
          '--quiet', '--no-deps', '--require-hashes', '-r', str(root / _LOCK)],
         'its packages could not be installed')
    extension = theirs / 'torchvision' / 'extension.py'
    write_file(extension, read_bytes(extension, _MAX_BYTES) + _OPERATORS.encode())
    write_file(folder / _DONE, lock)
    return python


def _run(command: list[str], what: str) -> None:
    """:raises IlwError: it failed; with the last that it said."""
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.strip()] or ['it said nothing']
        raise IlwError(f'LeRobot\'s library was not set up: {what} ({said[-1].strip()[:300]}). '
                       f'Connect this machine to the network, or point pip at a mirror '
                       f'(PIP_INDEX_URL), then call this again.')
