"""``./ilw`` is called in a folder full of traps, and runs none of them; nor do its children."""

import json
import os
from pathlib import Path
import subprocess

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = ('click', 'numpy', 'yaml', 'json', 'sitecustomize', 'usercustomize', 'rclpy', 'torch',
         'cv2', 'rich', 'ilw_core', 'ilw_bringup', 'encodings', 'logging', 'matplotlib', 'onnx',
         'pip', 'safetensors')
TOOLS = ('python', 'python3', 'bash', 'sh', 'readlink', 'dirname', 'sha256sum', 'find', 'cat',
         'sort', 'xargs', 'cut', 'tr', 'grep', 'env')
CHILD = '''
import json, sys
from ilw_learner.child import Child
ended = []
child = Child('eval', ['idle', '--task', 'maze', '--episodes', '1'], lambda now: None,
              ended.append)
child._thread.join()
print(json.dumps([ended[0].code, ended[0].words]))
'''


@pytest.fixture
def traps(tmp_path):
    """Return a folder whose every file writes a marker when it is run."""
    here, marker = tmp_path / 'here', tmp_path / 'marker'
    here.mkdir()
    code = f'open({str(marker)!r}, "a").write(__name__ + "\\n")\n'
    for name in NAMES:
        (here / f'{name}.py').write_text(code)
    for name in ('rclpy', 'numpy', 'ilw_learner'):
        (here / name).mkdir()
        (here / name / '__init__.py').write_text(code)
    (here / 'all.pth').write_text(f'import builtins; exec({code!r})\n')
    for name in TOOLS:
        (here / name).write_text(f'#!/bin/sh\necho {name} >> {marker}\n')
        (here / name).chmod(0o755)
    for name in ('.env', '.envrc', 'setup.bash', 'setup.sh', 'ilw_env.sh', '.profile', '.bashrc'):
        (here / name).write_text(f'echo {name} >> {marker}\n')
    (here / 'conftest.py').write_text(code)
    (here / 'pytest.ini').write_text('[pytest]\naddopts = -p click\n')
    (here / 'DEFAULT_FASTDDS_PROFILES.xml').write_text('<broken')
    (here / 'matplotlibrc').write_text('backend: module://click\n')
    return here, marker


def call(traps, *words, **variables):
    here, marker = traps
    own = {name: value for name, value in os.environ.items()
           if name not in ('PYTHONPATH', 'PYTHONSAFEPATH')}
    done = subprocess.run([str(REPOSITORY / 'ilw'), *words], cwd=here, env=own | variables,
                          capture_output=True, text=True, timeout=120, check=False)
    assert not marker.exists(), marker.read_text() + done.stderr
    return done



@pytest.mark.parametrize('variables', [
    {}, {'PYTHONPATH': ':'}, {'PYTHONPATH': '/nowhere:'}, {'PYTHONPATH': '.'},
    {'PYTHONPATH': '/nowhere::/nowhere'}, {'PATH': f':{os.environ["PATH"]}'},
    {'PATH': f'.:{os.environ["PATH"]}'}], ids=str)
def test_nothing_in_the_folder_is_run(traps, variables):
    assert 'Imitation learning' in call(traps, '--help', **variables).stdout


@pytest.mark.parametrize('words', [
    ('episodes', 'list', '.'), ('doctor', '--json'), ('security', '--help'),
    ('eval', 'idle', '--task', 'maze', '--episodes', '1'), ('runs', '.')], ids=' '.join)
def test_no_command_runs_anything_there(traps, words):
    assert 'Traceback' not in call(traps, *words, PYTHONPATH=':', PATH=os.environ['PATH']).stderr


def test_children_run_nothing_there(traps):
    here, marker = traps
    python = REPOSITORY / '.venv' / 'bin' / 'python'
    done = subprocess.run([str(python), '-P', '-c', CHILD], cwd=here, capture_output=True,
                          text=True, timeout=120, check=False)
    assert not marker.exists(), marker.read_text()
    assert json.loads(done.stdout)[0] == 0, done.stdout


def test_a_configuration_of_numba_there_is_refused(traps):
    (traps[0] / '.numba_config.yaml').write_text('cache_dir: .\n')
    done = call(traps, '--help')
    assert done.returncode == 2 and '.numba_config.yaml' in done.stderr
