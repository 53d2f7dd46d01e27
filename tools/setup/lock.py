"""
Write the locks from ros.in, ilw.in, robot.in, ray.in and rerun.in: every version, and the hash
of every file that may be it.

Run it with the environment's Python after a change of either list:
``python tools/setup/lock.py``; with ``--same-versions`` it looks only for hashes; with
``--apart`` only for those of lists that are complete (``APART``). It asks pip what
it would install and installs nothing. (`pip freeze` is no lock here: the ROS wheels contain
distributions that are not on PyPI.) Files come from where pip is set to look: its index, further
indexes and folders. What builds of PyTorch add on CUDA machines is in ``lock-torch-cuda.txt``, see
``torch_parts.py``.
"""

from concurrent.futures import ThreadPoolExecutor
import hashlib
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from pip._internal.commands import create_command

REQUIREMENTS = Path(__file__).resolve().parents[2] / 'requirements'
ROS_ONLY = re.compile(r'ros-.*|empy|lark-parser')
"""What a machine with ROS installed already has."""
TORCH_ONLY = re.compile(r'nvidia-.*|triton|cuda-.*')
"""Differ between torch's builds for CPU and CUDA; torch itself names their exact versions."""
APART = ('lerobot', 'foxglove', 'efficientnet')
"""Lists of what is installed when somebody first needs it"""
BESIDE = ('ray', 'rerun')
"""Lists of what a person installs into the environment, beside what is there"""
OTHER_SYSTEMS = re.compile(
    r'-(?:win32|win_\w+|macosx_\w+|ios_\w+|android_\w+|\w+wasm32|emscripten\w*)\.whl$')
OTHER_PYTHONS = re.compile(
    r'-(?:cp2\d|cp3\d|cp310|pp\d+|py2|graalpy\d*)-(?!abi3)[^-]+-[^-]+\.whl$')


def resolve(*wanted: str, own_builds: bool = True) -> dict[str, str]:
    """
    Return name to version of everything that arguments to pip need.

    :param own_builds: also look where this machine keeps builds of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / 'report.json'
        command = [sys.executable, '-m', 'pip', 'install', '--quiet', '--dry-run',
                   '--ignore-installed', '--report', str(report), *wanted]
        environment = dict(os.environ)
        if not own_builds:
            command += ['--index-url', Sources().indexes[0]]
            environment |= {'PIP_CONFIG_FILE': os.devnull, 'PIP_FIND_LINKS': ''}
        subprocess.run(command, check=True, env=environment)
        found = json.loads(report.read_text(encoding='utf-8'))['install']
    return {normal(item['metadata']['name']): item['metadata']['version'].split('+')[0]
            for item in found}


def beside(name: str, pins: dict[str, str]) -> dict[str, str]:
    """Return name to version of what a list needs that is not locked, fitting what is."""
    with tempfile.TemporaryDirectory() as folder:
        fixed = Path(folder) / 'fixed.txt'
        fixed.write_text(''.join(f'{n}=={v}\n' for n, v in pins.items()), encoding='utf-8')
        found = resolve(f'-r{REQUIREMENTS / name}', f'-c{fixed}')
    return {n: v for n, v in found.items() if n not in pins}


def normal(name: str) -> str:
    """Return a distribution's name as indexes write it."""
    return re.sub(r'[-_.]+', '-', name).lower()


class Sources:
    """Where pip is set to look, and its own way to get there."""

    def __init__(self) -> None:
        command: Any = create_command('download')
        options, _ = command.parse_args(['nothing'])
        self._session = command._build_session(options)
        self.indexes = [options.index_url, *options.extra_index_urls]
        self._folders = [Path(each) for each in options.find_links if Path(each).is_dir()]

    def hashes(self, name: str, version: str) -> dict[str, str]:
        """Return file name -> sha256 of every file of a version that may be installed here."""
        found: dict[str, str] = {}
        for file in (file for folder in self._folders for file in folder.iterdir()):
            if is_of(file.name, name, version):
                found[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        for index in self.indexes:
            for file_name, digest in self._listed(f'{index.rstrip("/")}/{name}/'):
                if is_of(file_name, name, version) and found.setdefault(
                        file_name, digest) != digest:
                    found[f'{file_name} of {index}'] = digest
        if not found:
            sys.exit(f'{name}=={version}: no file of it was found.')
        return found

    def _listed(self, page: str) -> list[tuple[str, str]]:
        if page.startswith('file:'):
            file = Path(unquote(urlsplit(page).path)) / 'index.html'
            text = file.read_text(encoding='utf-8') if file.is_file() else ''
            return _of_links(page, text)
        answer = self._session.get(page, headers={
            'Accept': 'application/vnd.pypi.simple.v1+json, text/html;q=0.1'})
        if answer.status_code == 404:
            return []
        answer.raise_for_status()
        if 'json' in answer.headers.get('content-type', ''):
            return [(file['filename'], file['hashes']['sha256'])
                    for file in answer.json()['files'] if 'sha256' in file['hashes']]
        return _of_links(answer.url, answer.text)


def _of_links(page: str, text: str) -> list[tuple[str, str]]:
    return [_of_link(urljoin(page, link)) for link in re.findall(r'href="([^"]+)"', text)]


def _of_link(link: str) -> tuple[str, str]:
    """Return the name and sha256 of a file that a page links to."""
    parts = urlsplit(link)
    path = Path(unquote(parts.path))
    said = re.search(r'sha256=([0-9a-f]{64})', parts.fragment)
    if said:
        return path.name, said[1]
    local = parts.scheme == 'file' and path.is_file()
    return path.name, hashlib.sha256(path.read_bytes()).hexdigest() if local else ''


def is_of(file_name: str, name: str, version: str) -> bool:
    """Tell whether a file is one of a version that this system and its Pythons may install."""
    if not file_name.endswith(('.whl', '.tar.gz', '.zip')):
        return False
    if OTHER_SYSTEMS.search(file_name) or OTHER_PYTHONS.search(file_name):
        return False
    if file_name.endswith('.whl'):
        own, its_version = file_name.split('-')[:2]
    else:
        own, _, its_version = re.sub(r'\.(tar\.gz|zip)$', '', file_name).rpartition('-')
    return normal(own) == name and its_version.split('+')[0] == version


def write(name: str, head: str, pins: dict[str, str], sources: Sources) -> None:
    """Write one lock file, sorted."""
    with ThreadPoolExecutor(12) as pool:
        found = pool.map(lambda pin: sources.hashes(*pin), sorted(pins.items()))
    blocks = [' \\\n    '.join([f'{package}=={version}', *(
        f'--hash=sha256:{digest}' for digest in sorted(set(files.values()) - {''}))])
        for (package, version), files in zip(sorted(pins.items()), found, strict=True)]
    text = f'# {head} Written by tools/setup/lock.py.\n' + '\n'.join([*blocks, ''])
    (REQUIREMENTS / name).write_text(text, encoding='utf-8')


def locked() -> dict[str, str]:
    """Return name to version of what is locked now."""
    lines = [line for name in ('lock.txt', 'lock-ros.txt')
             for line in (REQUIREMENTS / name).read_text(encoding='utf-8').splitlines()]
    return dict(line.rstrip(' \\').split('==') for line in lines if '==' in line)


def write_apart(sources: Sources) -> None:
    """Write the locks of what is installed apart, by lists that are complete."""
    for name in APART:
        lines = (REQUIREMENTS / f'{name}.in').read_text(encoding='utf-8').splitlines()
        pins = dict(line.split()[0].split('==') for line in lines if line and line[0] != '#')
        write(f'lock-{name}.txt', f'Every package that {name}.in names, locked.', pins, sources)


def main() -> None:
    """Resolve and write the files."""
    if '--apart' in sys.argv:
        write_apart(Sources())
        return
    lists = [f'-r{REQUIREMENTS / name}' for name in ('ilw.in', 'ros.in')]
    found = locked() if '--same-versions' in sys.argv else resolve(*lists)
    pins = {n: v for n, v in found.items() if not TORCH_ONLY.fullmatch(n)}
    with_cuda = resolve(f'torch=={pins["torch"]}', own_builds=False)
    cuda = {n: v for n, v in with_cuda.items() if TORCH_ONLY.fullmatch(n)}
    ros = {n: v for n, v in pins.items() if ROS_ONLY.fullmatch(n)}
    own = {n: v for n, v in pins.items() if n not in ros}
    robot = [line.split()[0] for line in (REQUIREMENTS / 'robot.in').read_text().splitlines()
             if line and not line.startswith('#')]
    names = sorted(resolve(*(f'{each}=={pins[normal(each)]}' for each in robot)).keys() - ros)
    (REQUIREMENTS / 'robot.txt').write_text('\n'.join([
        '# What robot.in needs, names of lock.txt. Written by tools/setup/lock.py.', *names, '']))
    sources = Sources()
    write('lock-ros.txt', 'Every package that ros.in needs, locked.', ros, sources)
    write('lock.txt', 'Every package that ilw.in needs, locked.', own, sources)
    for name in BESIDE:
        write(f'{name}.txt', f'What {name}.in needs beside lock.txt, locked.',
              beside(f'{name}.in', pins), sources)
    write('lock-torch-cuda.txt', "What torch's builds for CUDA need beside that, locked.", cuda,
          sources)
    write_apart(sources)


if __name__ == '__main__':
    main()
