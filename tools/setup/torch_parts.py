"""
Print, with their hashes, the parts that the installed torch asks for and that are not there yet.

Its CPU build asks for none; a CUDA build names libraries in exact versions, of which some name
others. Run it with the environment's Python and the path of ``lock-torch-cuda.txt``, and install
what it prints, until it prints nothing.
"""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
import re
import sys

from pip._vendor.packaging.requirements import Requirement


def blocks(text: str) -> dict[str, str]:
    """Return the entry of each package in a lock file, with its hashes."""
    found = re.findall(r'^([a-z0-9-]+)==(?:[^\n]*\\\n)*[^\n]*\n', text, re.MULTILINE)
    whole = re.finditer(r'^[a-z0-9-]+==(?:[^\n]*\\\n)*[^\n]*\n', text, re.MULTILINE)
    return dict(zip(found, (each[0] for each in whole), strict=True))


def missing(locked: dict[str, str], root: str = 'torch') -> list[str]:
    """
    Return the names of locked packages that are asked for and not installed as locked.

    :raises SystemExit: something is asked for in a version that is not the locked one.
    """
    waiting, seen, lacking = [(root, frozenset[str]())], set(), []
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        version = re.match(r'[^=]+==([^ \n\\]+)', locked.get(name, ''))
        found = _installed(name)
        if name != root and (found is None or version is None or found.version != version[1]):
            lacking.append(name)
            continue
        for text in (found.requires or []) if found is not None else []:
            part = Requirement(text)
            part_name = re.sub(r'[-_.]+', '-', part.name).lower()
            applies = part.marker is None or any(
                part.marker.evaluate({'extra': extra}) for extra in extras | {''})
            if applies and part_name in locked:
                waiting.append((part_name, frozenset(part.extras)))
    return sorted(set(lacking))


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


if __name__ == '__main__':
    known = blocks(Path(sys.argv[1]).read_text(encoding='utf-8'))
    print(''.join(known[name] for name in missing(known)), end='')
