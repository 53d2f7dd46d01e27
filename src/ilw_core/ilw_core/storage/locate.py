"""Find configuration files: by path, or by name in ``config/`` of checkout or install."""

import os
from pathlib import Path

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError


def config_folder() -> Path:
    """
    Return the folder ``config/``: ``$ILW_CONFIG``, else the install's, else the checkout's.

    :raises IlwError: there is none.
    """
    candidates = [Path(os.environ['ILW_CONFIG'])] if os.environ.get('ILW_CONFIG') else []
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(':'):
        candidates.append(Path(prefix) / 'share' / 'ilw_bringup' / 'config')
    candidates.append(Path(__file__).resolve().parents[4] / 'config')
    for folder in candidates:
        if (folder / 'tasks').is_dir():
            return folder
    raise IlwError('The folder config/ was not found. Set ILW_CONFIG to it.')


def resource_file(name: str, beside: Path) -> Path:
    """
    Return the file of ``package://<package>/<path>``, or of a path relative to a folder.

    :raises IlwError: there is no such file.
    """
    if not name.startswith('package://'):
        path = beside / name
        if _is_file(path):
            return path
        raise IlwError(f'There is no file {path}.')
    package, _, inside = name.removeprefix('package://').partition('/')
    outside = {'..', '/'} & {*Path(inside).parts, *Path(package).parts}
    if outside or package in ('', '.'):
        raise IlwError(f'{name} leaves its package. Name the other package instead.')
    folders = [Path(prefix) / 'share' / package
               for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if prefix]
    folders.append(Path(__file__).resolve().parents[3] / package)
    for folder in folders:
        if _is_file(folder / inside):
            return _itself(folder / inside)
    raise IlwError(f'{name} was not found. Build the workspace, and source it.')


def config_file(kind: str, name: str) -> Path:
    """
    Return the file of a name in ``config/<kind>/``, or the path itself if it is one.

    :raises IlwError: there is no such file; lists those that are there.
    """
    if os.sep in name or name.endswith(('.yaml', '.yml', '.xml')):
        path = Path(name)
        if _is_file(path):
            return _itself(path)
        raise IlwError(f'There is no file {shown(name)}.')
    folder = config_folder() / kind
    path = folder / f'{name}.yaml'
    if _is_file(path):
        return _itself(path)
    known = ', '.join(sorted(p.stem for p in folder.glob('*.yaml')))
    raise IlwError(f'There is no {shown(name)} in {folder}. There are: {known or "none"}.')


def _itself(path: Path) -> Path:
    """
    Return the file behind a link.

    Only for what the operator named or installed: ``colcon build --symlink-install`` installs
    links, and files are read without following any.
    """
    return path.resolve() if path.is_symlink() else path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False
