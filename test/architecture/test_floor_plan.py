"""The floor plan: how many files lie side by side, how long they are, which import in a ring."""

import ast
from collections import Counter
from pathlib import Path
import statistics

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / 'src', ROOT / 'launch')
MADE = {'build', 'install', 'log', '__pycache__', '.mypy_cache', '.ruff_cache',
        'node_modules'}
"""Folders that a tool makes and git leaves alone"""


def files(folder: Path) -> list[Path]:
    """Return every file of a tree that somebody wrote."""
    return [path for path in sorted(folder.rglob('*')) if path.is_file()
            and not any(part in MADE or part.endswith('.egg-info')
                        for part in path.relative_to(folder).parts)]


def crowded(paths: list[Path], most: int = 15) -> dict[str, int]:
    """Return the folders with more files side by side."""
    return {str(folder): n for folder, n in Counter(p.parent for p in paths).items() if n > most}


def module_of(path: Path) -> str:
    """Return the name a source is imported by."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    parts = parts[1:] if parts[0] == 'launch' else parts[2:]
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imports(text: str, known: set[str]) -> set[str]:
    """Return the known modules that a source imports, wherever in it and for whatever reason."""
    named = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            whole = {f'{node.module}.{alias.name}' for alias in node.names}
            named |= whole & known  # a module out of its package
            named |= {node.module} if whole - known else set()
    return named & known


def ring(graph: dict[str, set[str]]) -> list[str]:
    """Return modules that import each other in a ring, the first of them again at the end."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name):], name]
        if name not in done:
            for other in sorted(graph.get(name, ())):
                if found := follow(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := follow(name, []))), [])


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda folder: folder.name)
def test_at_most_fifteen_files_lie_side_by_side(folder):
    assert len(files(folder)) > 20
    assert not crowded(files(folder))


def test_the_sixteenth_file_is_one_too_many():
    room = [Path('room', f'{n}.py') for n in range(15)]
    assert not crowded([*room, Path('room/inner/one.py')])
    assert crowded([*room, Path('room/one.msg')]) == {'room': 16}


def test_half_of_the_modules_have_120_lines_or_fewer():
    lengths = [len(path.read_text().splitlines()) for folder in FOLDERS
               for path in files(folder) if path.suffix == '.py' and path.name != '__init__.py']
    assert len(lengths) > 400 and statistics.median(lengths) <= 120


def test_no_module_imports_itself_by_way_of_others():
    modules = {module_of(path): path for folder in FOLDERS for path in files(folder)
               if path.suffix == '.py' and path.name != 'setup.py'}
    graph = {name: imports(path.read_text(), {*modules}) for name, path in modules.items()}
    assert sum(map(len, graph.values())) > 1000
    assert not ring(graph)


@pytest.mark.parametrize(('sources', 'found'), [
    ({'a': 'import b', 'b': 'import c', 'c': ''}, []),
    ({'a': 'import b', 'b': 'from c import X', 'c': 'import a'}, ['a', 'b', 'c', 'a']),
    ({'a': 'if TYPE_CHECKING:\n    from b import X', 'b': 'def f():\n    import a'},
     ['a', 'b', 'a']),
    ({'p': 'from p.x import X', 'p.x': 'from p import y', 'p.y': ''}, []),
    ({'p': 'from p.x import X', 'p.x': 'from p import X'}, ['p', 'p.x', 'p'])])
def test_a_ring_is_found_wherever_the_import_stands(sources, found):
    assert ring({name: imports(text, {*sources}) for name, text in sources.items()}) == found
