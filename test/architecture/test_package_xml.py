"""Every package declares what it imports: rosdep can install it, and colcon knows the order."""

import ast
from pathlib import Path
import re
import sys
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {path.parent.name if path.parent.name != 'launch' else 'ilw_bringup': path.parent
            for path in (*ROOT.glob('src/*/package.xml'), ROOT / 'launch' / 'package.xml')
            if path.parent.name != 'ilw_msgs'}
KEYS = {  # module -> key of rosdep, https://github.com/ros/rosdistro/blob/master/rosdep/python.yaml
    'aiohttp': 'python3-aiohttp', 'click': 'python3-click',
    'cryptography': 'python3-cryptography', 'cv2': 'python3-opencv',
    'evdev': 'python3-evdev', 'google': 'python3-protobuf', 'gymnasium': 'python3-gymnasium-pip',
    'PIL': 'python3-pil', 'matplotlib': 'python3-matplotlib', 'numba': 'python3-numba',
    'numpy': 'python3-numpy',
    'onnxruntime': 'python3-onnxruntime-pip', 'psutil': 'python3-psutil',
    'pybullet': 'python3-pybullet-pip', 'pybullet_data': 'python3-pybullet-pip',
    'rich': 'python3-rich', 'rosbags': 'python3-rosbags-pip',
    'sqlalchemy': 'python3-sqlalchemy', 'torch': 'python3-torch', 'yaml': 'python3-yaml'}
WITHOUT_KEY = {'lz4', 'mcap', 'onnx', 'optuna', 'safetensors', 'tensorboard', 'zstandard'}
"""Modules that rosdep has no key for on Ubuntu 24.04: docs/how-to/install.md installs them"""
ON_DEMAND = {'ray', 'rerun', 'wandb'}
"""Named by the error of whoever asks for it, and installed by nobody else"""
INSIDE = {'ilw_ros': 'ilw_core', 'ilw_cli': 'ilw_core'}
"""Module -> the package that it is in, where the names differ"""


def imported(package):
    found = set()
    for path in package.rglob('*.py'):
        if path.name == 'setup.py' or 'build' in path.relative_to(package).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split('.')[0])
    return {INSIDE.get(name, name) for name in found - set(sys.stdlib_module_names)}


def declared(package):
    root = ElementTree.parse(package / 'package.xml').getroot()
    return {element.text for kind in ('depend', 'exec_depend') for element in root.iter(kind)}


@pytest.mark.parametrize('name', PACKAGES)
def test_a_package_declares_all_that_it_imports(name):
    needed = {KEYS.get(module, module)
              for module in imported(PACKAGES[name]) - {name} - WITHOUT_KEY - ON_DEMAND}
    assert needed <= declared(PACKAGES[name]), 'write <exec_depend> for each in its package.xml'


@pytest.mark.parametrize('name', PACKAGES)
def test_a_package_declares_nothing_that_it_does_not_use(name):
    package = PACKAGES[name]
    used = {KEYS.get(module, module) for module in imported(package)}
    for path in package.rglob('*.py'):
        used |= set(re.findall(r'\b([a-z0-9_]+)/(?:msg|srv|action)/', path.read_text()))
    assert declared(package) <= used


def test_each_package_is_looked_at_and_imports_something_from_outside():
    assert len(PACKAGES) >= 6
    assert {'torch', 'onnxruntime'} <= imported(PACKAGES['ilw_learner'])
    assert 'pybullet' in imported(PACKAGES['ilw_sim'])


def test_the_install_page_installs_what_rosdep_does_not_know():
    page = (ROOT / 'docs' / 'how-to' / 'install.md').read_text()
    line = next(line for line in page.splitlines() if line.startswith('pip install '))
    named = {re.split(r'[=<>]', word)[0] for word in line.split()[2:]}
    by_pip = {key for key in KEYS.values() if key.endswith('-pip')}
    assert named >= WITHOUT_KEY | {key.removeprefix('python3-').removesuffix('-pip')
                                   for key in by_pip}
    skipped = page.split('--skip-keys "')[1].split('"')[0].split()
    assert sorted(skipped) == sorted(by_pip)
    pinned = {word for word in line.split() if '==' in word}
    locked = (ROOT / 'requirements' / 'ilw.in').read_text().split()
    assert pinned and pinned <= set(locked), 'the versions that are locked'
