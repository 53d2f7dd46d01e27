"""Set-up installs the files whose hashes are locked, and no other, from whatever place."""

import hashlib
import importlib.util
from pathlib import Path
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.long
LOCKS = ('lock.txt', 'lock-ros.txt', 'lock-torch-cuda.txt')
APART = {'ray.txt': 10, 'rerun.txt': 2, 'lock-lerobot.txt': 10,
         'lock-foxglove.txt': 1, 'lock-efficientnet.txt': 1}
"""Lists that set-up does not install, and how many packages they have at least"""


def wheel(folder, name, text='', requires=(), version='1.0', tag='py3-none-any'):
    """Write a wheel of one module; return its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f'{name}-{version}.dist-info'
    wants = ''.join(f'Requires-Dist: {each}\n' for each in requires)
    files = {f'{name}.py': text, f'{info}/METADATA':
             f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wants}',
             f'{info}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
    record = ''.join(f'{each},,\n' for each in (*files, f'{info}/RECORD'))
    path = folder / f'{name}-{version}-{tag}.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        for each, content in {**files, f'{info}/RECORD': record}.items():
            archive.writestr(each, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(name, *hashes, version='1.0'):
    return ' \\\n    '.join([f'{name}=={version}', *(f'--hash=sha256:{h}' for h in hashes)]) + '\n'


@pytest.fixture(scope='module')
def venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp('venv') / '.venv'
    subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
    return folder


@pytest.fixture
def root(tmp_path, venv):
    """Return a workspace with empty locks and an environment of its own."""
    shutil.copytree(REPOSITORY / 'tools' / 'setup', tmp_path / 'tools' / 'setup')
    shutil.copytree(venv, tmp_path / '.venv', symlinks=True)
    (tmp_path / '.venv' / 'ilw_stamps').mkdir()
    (tmp_path / 'requirements').mkdir()
    for name in LOCKS:
        (tmp_path / 'requirements' / name).write_text('# none\n')
    return tmp_path


def install(root, ros='', house='--no-index --find-links "$ILW_ROOT/wheels"', **variables):
    """Run the stage that installs packages from the wheelhouse; return how it ended."""
    script = (f'eval "$(sed "/^main /d" "$ILW_ROOT/tools/setup/setup.sh")"; ILW_ROS_SCRIPT={ros!r}'
              f'; WHEELHOUSE=({house}); stage_packages')
    return subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=False,
                          env={'PATH': '/usr/bin:/bin', 'ILW_ROOT': str(root), 'ILW_ROS': 'pypi',
                               'PIP_CONFIG_FILE': '/dev/null', 'HOME': str(root)}
                          | variables)


def installed(root):
    return {p.stem for p in (root / '.venv').glob('lib/*/site-packages/*.py')}


def test_a_file_of_a_locked_hash_is_installed(root):
    one, two = (wheel(root / 'wheels', name) for name in ('ilw_one', 'ilw_two'))
    (root / 'requirements/lock.txt').write_text(entry('ilw-one', '0' * 64, one))
    (root / 'requirements/lock-ros.txt').write_text(entry('ilw-two', two))
    done = install(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {'ilw_one', 'ilw_two'} <= installed(root)


@pytest.mark.parametrize('which', LOCKS)
@pytest.mark.parametrize('hashes', [['0' * 64], []], ids=['another hash', 'no hash'])
def test_a_file_of_another_hash_or_of_none_is_refused(root, which, hashes):
    digest = wheel(root / 'wheels', 'torch', requires=['nvidia-one==1.0'])
    wheel(root / 'wheels', 'nvidia_one')
    (root / 'requirements/lock.txt').write_text(entry('torch', digest))
    lock = root / 'requirements' / which
    name = 'torch' if which == 'lock.txt' else 'nvidia-one'
    lock.write_text(entry(name, *hashes))
    done = install(root)
    assert done.returncode != 0
    assert 'hash' in (done.stdout + done.stderr).lower()
    assert name.replace('-', '_') not in installed(root)


def test_a_tampered_file_is_refused(root):
    digest = wheel(root / 'wheels', 'ilw_one')
    wheel(root / 'wheels', 'ilw_one', text='print("evil")')
    (root / 'requirements/lock.txt').write_text(entry('ilw-one', digest))
    done = install(root)
    assert done.returncode != 0 and 'ilw_one' not in installed(root)


def test_what_a_build_of_torch_asks_for_is_installed_by_hash_and_only_that(root):
    house = root / 'wheels'
    torch = wheel(house, 'torch', requires=[
        'cuda-kit[a]==1.0; platform_system == "Linux"', 'nvidia-other==1.0; extra == "other"',
        'triton==1.0; platform_machine == "none"'])
    kit = wheel(house, 'cuda_kit', requires=['nvidia-a==1.0; extra == "a"',
                                             'nvidia-b==1.0; extra == "b"'])
    parts = {name: wheel(house, name.replace('-', '_'))
             for name in ('nvidia-a', 'nvidia-b', 'nvidia-other', 'triton')}
    (root / 'requirements/lock.txt').write_text(entry('torch', torch))
    (root / 'requirements/lock-torch-cuda.txt').write_text(
        entry('cuda-kit', kit) + ''.join(entry(*each) for each in parts.items()))
    done = install(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {'torch', 'cuda_kit', 'nvidia_a'} <= installed(root)
    assert not installed(root) & {'nvidia_b', 'nvidia_other', 'triton'}


def test_with_ros_installed_its_numpy_stays_and_takes_no_hash(root):
    numpy = wheel(root / 'wheels', 'numpy', version='0.9')
    one = wheel(root / 'wheels', 'ilw_one')
    (root / 'requirements/lock.txt').write_text(entry('numpy', numpy, '1' * 64, version='0.9'))
    assert install(root).returncode == 0
    (root / 'requirements/lock.txt').write_text(
        entry('numpy', '0' * 64, '1' * 64, version='2.0') + entry('ilw-one', one))
    done = install(root, ros='/opt/ros/x/setup.bash')
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'ilw_one' in installed(root)


def test_a_robot_gets_what_robot_txt_names_and_no_more(root):
    one, two, torch = (wheel(root / 'wheels', name) for name in ('ilw_one', 'ilw_two', 'torch'))
    (root / 'requirements/lock.txt').write_text(
        entry('ilw-one', one) + entry('ilw-two', '0' * 64, two) + entry('torch', torch))
    (root / 'requirements/robot.txt').write_text('# names\nilw-two\n')
    (root / '.ilw_variant').write_text('robot\n')
    done = install(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(root) & {'ilw_one', 'ilw_two', 'torch'} == {'ilw_two'}
    (root / '.ilw_variant').write_text('\n')
    assert install(root).returncode == 0
    assert {'ilw_one', 'ilw_two', 'torch'} <= installed(root)


@pytest.mark.parametrize('good', [True, False], ids=['locked', 'of another hash'])
def test_a_build_of_torch_in_a_folder_here_goes_before_that_of_the_index(root, good):
    of_index = wheel(root / 'index' / 'torch', 'torch', text='index = True')
    page = f'<a href="torch-1.0-py3-none-any.whl#sha256={of_index}">torch-1.0-py3-none-any.whl</a>'
    (root / 'index' / 'torch' / 'index.html').write_text(f'<!DOCTYPE html><html>{page}</html>')
    own = wheel(root / 'folder', 'torch', text='index = False', version='1.0+cpu')
    lock = entry('torch', of_index, own if good else '0' * 64)
    (root / 'requirements/lock.txt').write_text(lock)
    done = install(root, house='', PIP_INDEX_URL=f'file://{root}/index',
                   PIP_FIND_LINKS=str(root / 'folder'))
    assert done.returncode == 0, done.stdout + done.stderr
    (module,) = (root / '.venv').glob('lib/*/site-packages/torch.py')
    assert module.read_text() == f'index = {not good}'


@pytest.mark.parametrize(('name', 'least'), [*((name, 11) for name in LOCKS), *APART.items()])
def test_every_locked_package_has_its_hashes(name, least):
    text = (REPOSITORY / 'requirements' / name).read_text()
    blocks = [b for b in re.split(r'\n(?=\S)', text) if '==' in b]
    assert len(blocks) >= least
    for block in blocks:
        lines = block.strip().split('\n')
        assert re.fullmatch(r'[a-z0-9-]+==[^ ;]+ \\', lines[0]), lines[0]
        for line in lines[1:]:
            assert re.fullmatch(r'    --hash=sha256:[0-9a-f]{64}( \\)?', line), line
        assert len(set(lines)) == len(lines) > 1


def lock_module():
    path = REPOSITORY / 'tools' / 'setup' / 'lock.py'
    spec = importlib.util.spec_from_file_location('setup_lock', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(('name', 'of'), [
    ('a_b-1.0-py3-none-any.whl', True), ('A.B-1.0.tar.gz', True), ('a-b-1.0.zip', True),
    ('a_b-1.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl', True),
    ('a_b-1.0-cp38-abi3-manylinux_2_28_aarch64.whl', True),
    ('a_b-1.0-cp312-cp312-musllinux_1_2_x86_64.whl', True),
    ('a_b-1.0-cp311-cp311-win_amd64.whl', False), ('a_b-1.0-cp39-cp39-linux_x86_64.whl', False),
    ('a_b-1.0-cp310-cp310-linux_x86_64.whl', False), ('a_b-1.0.1-py3-none-any.whl', False),
    ('a_b_c-1.0-py3-none-any.whl', False), ('a_b-1.0-py3-none-any.whl.metadata', False),
    ('a_b-1.0-cp311-cp311-macosx_14_0_arm64.whl', False)])
def test_the_lock_takes_the_files_that_this_system_may_install(name, of):
    assert lock_module().is_of(name, 'a-b', '1.0') is of
