"""A set-up goes on where it was, and repeats exactly what its changed inputs ask for."""

from pathlib import Path
import shutil
import subprocess

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
STAGES = ('venv', 'packages', 'mend', 'build', 'environment')


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a small workspace, in a folder with a space, in which every stage is done."""
    root = tmp_path / 'a clone'
    shutil.copytree(REPOSITORY / 'tools' / 'setup', root / 'tools' / 'setup')
    (root / 'requirements').mkdir()
    for name in ('lock.txt', 'lock-ros.txt', 'lock-torch-cuda.txt'):
        (root / 'requirements' / name).write_text('click==8.5.1\n')
    (root / 'src' / 'msgs' / 'msg').mkdir(parents=True)
    (root / 'src' / 'msgs' / 'msg' / 'A.msg').write_text('float32 a\n')
    (root / 'src' / 'msgs' / 'code.py').write_text('a = 1\n')
    (root / 'launch').mkdir()
    stamps = ' '.join(STAGES)
    in_shell(
        root,
        f'mkdir -p "$ILW_STAMPS"; for s in {stamps}; do fingerprint_$s > "$ILW_STAMPS/$s"; done',
    )
    return root


def in_shell(root: Path, script: str, **variables: str) -> subprocess.CompletedProcess:
    """Run shell text with the state's functions at hand."""
    return subprocess.run(
        ['sh', '-eu', '-c', f'. "$ILW_ROOT/tools/setup/state.sh"; {script}'],
        env={'PATH': '/usr/bin:/bin', 'ILW_ROOT': str(root), 'ILW_ROS_BASE': '/none', **variables},
        capture_output=True,
        text=True,
        check=True,
    )


def stale(root: Path, **variables: str) -> list[str]:
    """Return the stages that would run again."""
    script = f'for s in {" ".join(STAGES)}; do is_done $s || echo $s; done'
    return in_shell(root, script, **variables).stdout.split()


def test_nothing_is_repeated_when_nothing_changed(clone):
    assert stale(clone) == []


def test_a_changed_message_is_built_again_without_new_packages(clone):
    (clone / 'src/msgs/msg/A.msg').write_text('float64 a\n')
    assert stale(clone) == ['build', 'environment']


def test_a_changed_python_file_needs_nothing(clone):
    (clone / 'src/msgs/code.py').write_text('a = 2\n')
    (clone / 'src/msgs/new.py').write_text('b = 2\n')
    assert stale(clone) == []


def test_a_new_data_file_is_installed(clone):
    (clone / 'launch/new.launch.py').write_text('')
    assert stale(clone) == ['build', 'environment']


def test_a_changed_lock_repeats_the_packages_and_all_after(clone):
    (clone / 'requirements/lock.txt').write_text('click==8.5.2\n')
    assert stale(clone) == ['packages', 'mend', 'build', 'environment']


def test_an_interrupted_stage_is_repeated(clone):
    (clone / '.venv/ilw_stamps/packages').unlink()
    assert stale(clone) == ['packages']


def test_a_moved_folder_is_set_up_anew(clone):
    moved = clone.rename(clone.with_name('elsewhere'))
    assert stale(moved) == list(STAGES)


def test_an_installed_ros_is_used(clone, tmp_path):
    script = tmp_path / 'ros' / 'jazzy' / 'setup.bash'
    script.parent.mkdir(parents=True)
    script.touch()
    found = in_shell(clone, 'echo "$ILW_ROS_SCRIPT"', ILW_ROS_BASE=str(tmp_path / 'ros'))
    assert found.stdout.strip() == str(script)
    assert stale(clone, ILW_ROS_BASE=str(tmp_path / 'ros')) == list(STAGES)


def test_the_ros_of_another_private_environment_is_not_an_installed_one(clone, tmp_path):
    venv = tmp_path / 'venv'
    (venv / 'share' / 'rclpy').mkdir(parents=True)
    for name in ('share/rclpy/package.xml', 'pyvenv.cfg', 'setup.bash'):
        (venv / name).touch()
    found = in_shell(clone, 'echo "$ILW_ROS_SCRIPT"', AMENT_PREFIX_PATH=str(venv))
    assert found.stdout.strip() == ''
