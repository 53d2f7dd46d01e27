"""Hold the house to its rules, on the syntax tree: who may import whom, and how long a file is."""

import ast
from dataclasses import dataclass, fields
from functools import cache
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


@dataclass(frozen=True)
class Facts:
    """What the rules ask of a file."""

    imports: frozenset[str]
    """Top-level packages, wherever in the file"""
    calls: frozenset[str]
    """What is called, as it is written"""
    docstring: str
    types: tuple[str, ...]
    """Public classes"""
    text: str


@cache
def facts(path: Path) -> Facts:
    """Read a file once for all rules."""
    imports, calls, text = set(), set(), path.read_text()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            imports.add(node.module.split('.')[0])
        elif isinstance(node, ast.Call):
            calls.add(ast.unparse(node.func))
    types = tuple(node.name for node in tree.body
                  if isinstance(node, ast.ClassDef) and not node.name.startswith('_'))
    return Facts(frozenset(imports), frozenset(calls), ast.get_docstring(tree) or '', types, text)


def test_there_are_sources_to_check():
    assert len(SOURCES) > 40


@pytest.mark.parametrize('name', FOREIGN)
def test_a_package_imports_only_what_is_below_it(name):
    below = set.union(*itertools.takewhile(lambda line: name not in line, LAYERS))
    above = set.union(*LAYERS) - below - {name}
    for path in (p for p in SOURCES if package(p) == name):
        foreign = FOREIGN[name] - (ALLOWED_IN_NODES if 'nodes' in path.parts else set())
        assert not facts(path).imports & (foreign | above), f'{path.relative_to(ROOT)}'


def test_every_package_has_its_line():
    found = {package(p) for p in SOURCES if not p.name.endswith('.launch.py')}
    assert found == set(FOREIGN) <= set.union(*LAYERS)


def test_what_runs_on_the_robot_never_imports_torch():
    for path in SOURCES:
        if 'ilw_learner' in path.parts and {*path.parts} & {*WITHOUT_TORCH}:
            assert 'torch' not in facts(path).imports, f'{path.relative_to(ROOT)}'


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
        for name in facts(path).types:
            places.setdefault(name, []).append(str(path.relative_to(ROOT)))
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
                     if f'class {node.capitalize()}Params:' in facts(each).text)
        module = '.'.join(source.relative_to(ROOT).with_suffix('').parts[2:])
        kind = getattr(importlib.import_module(module), f'{node.capitalize()}Params')
        assert given['ros__parameters'] == {
            each.name: each.default for each in fields(kind)}, node


def test_no_pickle_and_no_eval():
    for path in SOURCES:
        assert not facts(path).imports & {'pickle', 'shelve', 'marshal', 'dill'}, path
        assert not facts(path).calls & {'eval', 'exec', 'yaml.load'}, path
        if 'torch.load' in facts(path).calls:  # numbers only, of one file whose hash is known
            assert path.name == 'frozen_encoder.py', path
            assert facts(path).text.count('torch.load(') == 1, path
            assert 'weights_only=True)' in facts(path).text, path
            assert '.hexdigest() != _SHA256' in facts(path).text, path


def test_files_stay_short():
    too_long = {str(p.relative_to(ROOT)): n for p in SOURCES
                if (n := len(facts(p).text.splitlines()))
                > (150 if 'nodes' in p.parts else 400)}
    assert not too_long


def test_every_file_says_what_it_is_for():
    silent = [str(p.relative_to(ROOT)) for p in SOURCES
              if facts(p).text.strip() and not facts(p).docstring]
    assert not silent


def test_a_file_says_what_it_is_not_that_it_does_without_ros():
    lacking = [str(path.relative_to(ROOT)) for path in SOURCES
               if re.search(r'\b(No|Without) ROS\b', facts(path).docstring)]
    assert not lacking, 'who may import ROS is held here'


def test_only_the_arbiter_s_loop_makes_it_decide():
    callers = {path.name for path in SOURCES
               if any(call.endswith('.decide') for call in facts(path).calls)}
    assert callers == {'loop.py'}


def test_only_qos_py_writes_a_qos():
    assert {path.name for path in SOURCES if 'QoSProfile' in facts(path).calls} == {'qos.py'}
