"""Hold the house to its rules, on the syntax tree: who may import whom, and how long a file is."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (*ROOT.glob('src/*/*/**/*.py'), *ROOT.glob('launch/**/*.py'))
                 if p.name != 'setup.py' and 'build' not in p.parts)

FORBIDDEN = {
    'src/ilw_core/ilw_core': {'rclpy', 'torch', 'pybullet', 'ilw_ros', 'ilw_msgs', 'ilw_sim',
                              'ilw_emulator', 'ilw_teleop', 'ilw_learner', 'ilw_bringup'},
    'src/ilw_core/ilw_ros': {'torch', 'pybullet', 'ilw_sim', 'ilw_emulator', 'ilw_teleop',
                             'ilw_learner', 'ilw_bringup'},
    'src/ilw_teleop/ilw_teleop': {'rclpy', 'torch', 'pybullet', 'ilw_sim', 'ilw_emulator',
                                  'ilw_learner', 'ilw_bringup', 'ilw_ros', 'ilw_msgs'},
    'src/ilw_sim/ilw_sim': {'rclpy', 'torch', 'ilw_teleop', 'ilw_learner', 'ilw_bringup',
                            'ilw_ros', 'ilw_msgs', 'ilw_emulator'},
    'src/ilw_emulator/ilw_emulator': {'rclpy', 'torch', 'pybullet', 'numba', 'ilw_sim',
                                      'ilw_teleop', 'ilw_learner', 'ilw_bringup', 'ilw_ros',
                                      'ilw_msgs'},
    'src/ilw_learner/ilw_learner': {'rclpy', 'pybullet', 'ilw_sim', 'ilw_emulator', 'ilw_teleop',
                                    'ilw_bringup', 'ilw_ros', 'ilw_msgs'},
}
ALLOWED_IN_NODES = {'rclpy', 'ilw_ros', 'ilw_msgs'}
WITHOUT_TORCH = {'bag_reader.py', 'runtime.py', 'evaluate.py'}


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


@pytest.mark.parametrize('room', FORBIDDEN)
def test_cores_never_import_what_is_not_theirs(room):
    for path in (p for p in SOURCES if p.is_relative_to(ROOT / room)):
        forbidden = FORBIDDEN[room] - (ALLOWED_IN_NODES if 'nodes' in path.parts else set())
        assert not imports(path) & forbidden, f'{path.relative_to(ROOT)}'


def test_what_runs_on_the_robot_never_imports_torch():
    for path in SOURCES:
        on_robot = (path.name in WITHOUT_TORCH or path.name == 'policy_node.py'
                    or 'doctor' in path.parts)
        if 'ilw_learner' in path.parts and on_robot:
            assert 'torch' not in imports(path), f'{path.relative_to(ROOT)}'


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


def test_only_qos_py_writes_a_qos():
    for path in SOURCES:
        if path.name != 'qos.py':
            calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text()))
                     if isinstance(n, ast.Call)}
            assert 'QoSProfile' not in calls, f'{path.relative_to(ROOT)}'
