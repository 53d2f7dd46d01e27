"""The ROS wheels are fitted to the folder they are in, once; half-installed ones are found."""

import importlib.util
from pathlib import Path
import subprocess

import pytest

TOOLS = Path(__file__).resolve().parents[3] / 'tools' / 'setup'


def load(name: str):
    """Import one of the set-up's scripts, which are no package."""
    spec = importlib.util.spec_from_file_location(f'setup_{name}', TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheels(prefix: Path) -> Path:
    """Write what the wheels leave wrong."""
    index = prefix / 'share/ament_index/resource_index/parent_prefix_path'
    index.mkdir(parents=True)
    (index / 'rclpy').write_text('/opt/python/cp311-cp311')
    (prefix / 'share/rclpy/cmake').mkdir(parents=True)
    (prefix / 'share/rclpy/cmake/export.cmake').write_text(
        'set(dirs "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include")\n'
    )
    (prefix / 'share/rclpy/local_setup.sh').write_text(': ${P:="/project/build/temp/install"}\n')
    return prefix


def test_no_path_of_the_build_machine_stays(tmp_path):
    prefix = wheels(tmp_path / 'a venv')
    load('mend').mend(prefix, '/include/python', '/numpy/include')
    text = (prefix / 'share/rclpy/cmake/export.cmake').read_text()
    assert text == 'set(dirs "/include/python;/numpy/include")\n'
    assert (prefix / 'share/rclpy/local_setup.sh').read_text() == f': ${{P:="{prefix}"}}\n'
    index = prefix / 'share/ament_index/resource_index/parent_prefix_path/rclpy'
    assert index.read_text() == ''


def test_mending_twice_changes_nothing(tmp_path):
    prefix = wheels(tmp_path / 'venv')
    mend = load('mend').mend
    assert mend(prefix, '/include', '/numpy') > 0
    assert mend(prefix, '/include', '/numpy') == 0


def test_the_prefix_can_be_sourced_with_a_space_in_its_name(tmp_path):
    prefix = wheels(tmp_path / 'a venv')
    load('mend').mend(prefix, '/include', '/numpy')
    shell = ['sh', '-euc', '. "$0/setup.sh"; echo "$AMENT_PREFIX_PATH"', str(prefix)]
    result = subprocess.run(
        shell, env={'PATH': '/bin'}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(prefix)


def test_a_half_installed_package_is_forgotten(tmp_path):
    for name, files in {
        'whole': ('METADATA', 'INSTALLER', 'RECORD'),
        'half': ('METADATA',),
    }.items():
        (tmp_path / f'{name}-1.dist-info').mkdir()
        for file in files:
            (tmp_path / f'{name}-1.dist-info' / file).touch()
    assert load('drop_half_installed').drop_half_installed(tmp_path) == ['half-1.dist-info']
    assert [path.name for path in tmp_path.iterdir()] == ['whole-1.dist-info']


def test_the_callers_own_paths_stay_behind_ours(tmp_path):
    text = load('env_file').exports({'PATH': '/ros/bin:/usr/bin', 'A': "it's"}, tmp_path / 'venv')
    (tmp_path / 'env.sh').write_text(text)
    shell = ['/bin/sh', '-euc', f'. {tmp_path}/env.sh; echo "$PATH" "$A"']
    result = subprocess.run(
        shell, env={'PATH': '/mine'}, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == f"{tmp_path}/venv/bin:/ros/bin:/mine it's"


@pytest.mark.parametrize(
    'own', [':', '.', ':/mine', '/mine:', '/mine::', './lib:/mine', 'lib', ''])
def test_no_list_keeps_an_entry_that_is_the_folder_one_is_called_in(tmp_path, own):
    lists = ('PATH', 'LD_LIBRARY_PATH', 'PYTHONPATH', 'AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH')
    text = load('env_file').exports(dict.fromkeys(lists, '/ros::/other:'), tmp_path / 'venv')
    (tmp_path / 'env.sh').write_text(text)
    said = ' '.join(f'"${name}"' for name in lists)
    found = subprocess.run(
        ['/bin/sh', '-euc', f'. {tmp_path}/env.sh; printf "%s\\n" {said}'],
        env=dict.fromkeys(lists, own), capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    mine = ':/mine' if '/mine' in own else ''
    assert found == [f'{tmp_path}/venv/bin:/ros:/other{mine}', *[f'/ros:/other{mine}'] * 4]
