"""Hold the house to its rules, on the syntax tree: who may import whom, and how long a file is."""

import ast
from dataclasses import fields
import importlib
import itertools
from pathlib import Path
import re

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (*ROOT.glob('src/*/*/**/*.py'), *ROOT.glob('launch/**/*.py'))
                 if p.name != 'setup.py' and 'build' not in p.parts)

LAYERS = (  # who may import whom: a package those before it, of its own line none
    {'ilw_msgs'}, {'ilw_core'}, {'ilw_cli', 'ilw_ros'}, {'ilw_data'},
    {'ilw_sysid', 'ilw_teleop', 'ilw_sim', 'ilw_emulator', 'ilw_learner'}, {'ilw_web'},
    {'ilw_bringup'},
    {'ilw_faults'})
FOREIGN = {  # packages of others that a package does without
    'ilw_core': {'rclpy', 'torch', 'pybullet', 'ilw_msgs'},
    'ilw_cli': {'rclpy', 'torch', 'pybullet', 'ilw_msgs'},
    'ilw_ros': {'torch', 'pybullet'},
    'ilw_data': {'rclpy', 'torch', 'pybullet', 'numba', 'ilw_msgs', 'ilw_ros'},
    'ilw_sysid': {'rclpy', 'torch', 'pybullet', 'numba', 'ilw_msgs', 'ilw_ros'},
    'ilw_teleop': {'rclpy', 'torch', 'pybullet', 'ilw_ros', 'ilw_msgs'},
    'ilw_sim': {'rclpy', 'torch', 'ilw_ros', 'ilw_msgs'},
    'ilw_emulator': {'rclpy', 'torch', 'pybullet', 'numba', 'ilw_ros', 'ilw_msgs'},
    'ilw_learner': {'rclpy', 'pybullet', 'ilw_ros', 'ilw_msgs'},
    'ilw_web': {'rclpy', 'torch', 'pybullet', 'numba', 'ilw_ros', 'ilw_msgs', 'ilw_sim'},
    'ilw_bringup': {'pybullet'},
    'ilw_faults': {'rclpy', 'pybullet'},
}
ALLOWED_IN_NODES = {'rclpy', 'ilw_ros', 'ilw_msgs'}
WITHOUT_TORCH = ('runtime', 'evaluate.py', 'policy_node.py')


def package(path: Path) -> str:
    """Return the package a source is in."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == 'launch' else parts[2]


def imports(path: Path) -> set[str]:
    """Return the top-level packages a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split('.')[0])
    return found


def test_there_are_sources_to_check():
    assert len(SOURCES) > 40


@pytest.mark.parametrize('name', FOREIGN)
def test_a_package_imports_only_what_is_below_it(name):
    below = set.union(*itertools.takewhile(lambda line: name not in line, LAYERS))
    above = set.union(*LAYERS) - below - {name}
    for path in (p for p in SOURCES if package(p) == name):
        foreign = FOREIGN[name] - (ALLOWED_IN_NODES if 'nodes' in path.parts else set())
        assert not imports(path) & (foreign | above), f'{path.relative_to(ROOT)}'


def test_every_package_has_its_line():
    found = {package(p) for p in SOURCES if not p.name.endswith('.launch.py')}
    assert found == set(FOREIGN) <= set.union(*LAYERS)


def test_what_runs_on_the_robot_never_imports_torch():
    for path in SOURCES:
        if 'ilw_learner' in path.parts and {*path.parts} & {*WITHOUT_TORCH}:
            assert 'torch' not in imports(path), f'{path.relative_to(ROOT)}'


def test_contributing_names_every_room():
    lines = (ROOT / 'CONTRIBUTING.md').read_text().splitlines()
    for name in FOREIGN:
        (line,) = (line for line in lines if line.startswith('| `') and f'`{name}`' in line)
        rooms = {p.parent.name for p in SOURCES
                 if package(p) == name and p.name == '__init__.py'
                 and package(p.parent) == name and p.parent.parent.name == name}
        assert not {room for room in rooms if f'`{room}`' not in line}, name


def test_a_public_type_has_its_name_alone():
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith('_'):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert not {name: found for name, found in places.items() if len(found) > 1}


@pytest.mark.parametrize('path', [  # one with a base says only what differs from it
    path for path in sorted((ROOT / 'config' / 'train').glob('*.yaml'))
    if 'base' not in yaml.safe_load(path.read_text())], ids=lambda path: path.stem)
def test_the_defaults_of_an_algorithm_are_those_of_its_file(path):
    from ilw_learner.algorithms import ALGORITHMS

    given = yaml.safe_load(path.read_text())
    values = {key: value for key, value in given.items() if key not in ('algorithm', 'tasks')}
    default = ALGORITHMS[given['algorithm']].config()
    assert {key: getattr(default, key) for key in values} == {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def test_every_algorithm_has_its_file():
    from ilw_learner.algorithms import ALGORITHMS

    assert {path.stem for path in (ROOT / 'config' / 'train').glob('*.yaml')} >= {*ALGORITHMS}


@pytest.mark.parametrize('path', sorted(ROOT.glob('src/*/config/*.yaml')),
                         ids=lambda path: path.stem)
def test_the_file_of_a_node_has_all_its_parameters_at_their_defaults(path):
    pytest.importorskip('rclpy')
    for node, given in yaml.safe_load(path.read_text()).items():
        (source,) = (each for each in SOURCES
                     if f'class {node.capitalize()}Params:' in each.read_text())
        module = '.'.join(source.relative_to(ROOT).with_suffix('').parts[2:])
        kind = getattr(importlib.import_module(module), f'{node.capitalize()}Params')
        assert given['ros__parameters'] == {
            each.name: each.default for each in fields(kind)}, node


def test_no_pickle_and_no_eval():
    for path in SOURCES:
        assert not imports(path) & {'pickle', 'shelve', 'marshal', 'dill'}, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                text = ast.unparse(node.func)
                assert text not in {'eval', 'exec', 'torch.load', 'yaml.load'}, (path, text)


def test_files_stay_short():
    too_long = {str(p.relative_to(ROOT)): n for p in SOURCES
                if (n := len(p.read_text().splitlines()))
                > (150 if 'nodes' in p.parts else 400)}
    assert not too_long


def test_every_file_says_what_it_is_for():
    silent = [str(p.relative_to(ROOT)) for p in SOURCES
              if p.read_text().strip() and not ast.get_docstring(ast.parse(p.read_text()))]
    assert not silent


def test_a_file_says_what_it_is_not_that_it_does_without_ros():
    told = {str(path.relative_to(ROOT)): ast.get_docstring(ast.parse(path.read_text())) or ''
            for path in SOURCES}
    lacking = [name for name, text in told.items() if re.search(r'\b(No|Without) ROS\b', text)]
    assert not lacking, 'who may import ROS is held here'


def test_only_the_arbiter_s_loop_makes_it_decide():
    callers = {path.name for path in SOURCES for node in ast.walk(ast.parse(path.read_text()))
               if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
               and node.func.attr == 'decide'}
    assert callers == {'loop.py'}


def test_only_qos_py_writes_a_qos():
    for path in SOURCES:
        if path.name != 'qos.py':
            calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text()))
                     if isinstance(n, ast.Call)}
            assert 'QoSProfile' not in calls, f'{path.relative_to(ROOT)}'
