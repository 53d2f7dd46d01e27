"""
Forget packages whose installation was interrupted, so that pip installs them again.

pip takes a package with a METADATA file for installed; INSTALLER is written after the last file.
Run it with the environment's own Python.
"""

from pathlib import Path
import shutil
import sysconfig


def drop_half_installed(site_packages: Path) -> list[str]:
    """Remove the records of half-installed packages; return their folders' names."""
    dropped = []
    for folder in sorted(site_packages.glob('*.dist-info')):
        if not ((folder / 'INSTALLER').is_file() and (folder / 'RECORD').is_file()):
            shutil.rmtree(folder)
            dropped.append(folder.name)
    return dropped


if __name__ == '__main__':
    for name in drop_half_installed(Path(sysconfig.get_path('purelib'))):
        print(f'was half installed: {name}')
