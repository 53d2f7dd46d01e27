"""bench/gpu.py tries every part on a CPU, where there is neither PyBullet nor ROS nor Box2D."""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
ABSENT = ('pybullet', 'rclpy', 'Box2D', 'pygame', 'ilw_msgs', 'optuna', 'matplotlib')
HOOK = f"""
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {ABSENT}:
            raise ModuleNotFoundError(f'{{name}} is not on a GPU machine', name=name)

sys.meta_path.insert(0, Missing())
"""


def without(folder):
    """Return an environment in which no process imports what is absent, nor a built workspace."""
    (folder / 'sitecustomize.py').write_text(HOOK)
    return {key: value for key, value in os.environ.items()
            if not key.startswith(('ILW_', 'AMENT_', 'COLCON_', 'ROS_'))} | {
                'PYTHONPATH': str(folder)}


def test_what_is_absent_cannot_be_imported(tmp_path):
    for name in ABSENT:
        done = subprocess.run([sys.executable, '-c', f'import {name}'], env=without(tmp_path),
                              capture_output=True, text=True, check=False)
        assert done.returncode != 0 and 'is not on a GPU machine' in done.stderr


@pytest.mark.slow
def test_every_part_runs_on_a_cpu_and_every_figure_has_its_share(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / 'bench/gpu.py'), '--device', 'cpu', '--quick', '--json'],
        env=without(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found['gpu'] == 'none' and found['quick'] and found['machine'] and found['date']
    assert {'torch', 'numba', 'numpy'} <= found['versions'].keys()
    assert list(found['parts']) == ['limits', 'simulator', 'q_updates', 'cloning', 'training']
    for part, rows in found['parts'].items():
        assert rows
        for row in rows:
            assert row['value'] > 0.0, row
            if part not in ('limits', 'training'):
                assert row['arithmetic_share'] > 0.0 and row['memory_share'] > 0.0, row
    assert [row['robots'] for row in found['parts']['simulator']] == [1024, 16_384]
    assert [row['what'] for row in found['parts']['training']] == ['clutter', 'maze']
    assert all(row['updates'] > 0 and row['steps'] > 10_000 for row in found['parts']['training'])


@pytest.mark.long
def test_a_part_that_fails_is_said_and_the_others_go_on(tmp_path):
    (tmp_path / 'safetensors.py').write_text("raise ImportError('broken')")
    done = subprocess.run(
        [sys.executable, str(ROOT / 'bench/gpu.py'), '--device', 'cpu', '--quick', '--json',
         '--only', 'limits', 'cloning'],
        env=without(tmp_path),
        cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found['parts']['limits'][0]['value'] > 0.0
    assert found['parts']['cloning'] == [{'what': 'cloning', 'where': 'cpu',
                                          'error': 'ImportError: broken'}]
