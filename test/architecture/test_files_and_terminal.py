"""Files are opened by ``ilw_core.storage.files`` only, the terminal written by its own module."""

import ast
from pathlib import Path
import re

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (*ROOT.glob('src/*/*/**/*.py'), *ROOT.glob('launch/**/*.py'))
                 if p.name != 'setup.py' and 'build' not in p.parts)
METHODS = re.compile(
    r'\.(open|read_text|read_bytes|write_text|write_bytes|touch|tofile|savefig|imread|imwrite|'
    r'fromfile|loadtxt|genfromtxt|memmap|load_file|save_file|copyfile|copy2|copytree|copy|move|'
    r'fdopen|FileIO|ZipFile|TarFile|Image\.open|parse_file)$')
WHOLE = re.compile(
    r'^(open|FileIO|load_file|save_file|ZipFile|'
    r'(np|numpy)\.(load|save|savez|savez_compressed|savetxt)|json\.(load|dump)|'
    r'yaml\.(load|safe_load|full_load|unsafe_load|load_all|safe_load_all)|'
    r'(ET|ElementTree)\.(parse|iterparse)|(cv2|sqlite3|shelve|fileinput|linecache|mmap)\.'
    r'(connect|open|input|getline|imread|VideoCapture)|onnx\.(load|save)|torch\.(load|save)|'
    r'(tarfile|zipfile|gzip|bz2|lzma|io|codecs|os|webbrowser)\.open)$')
MAY = {
    'src/ilw_core/ilw_core/storage/files.py': {'os.open', 'os.fdopen'},
    # Folders, to wait until the names in them are on the disk.
    'src/ilw_core/ilw_core/storage/bag_files.py': {'os.open'},
    # To a stream, whose format is the suffix of a file that `files` then writes.
    'src/ilw_core/ilw_core/storage/figure_file.py': {'figure.savefig'},
    # From and to streams that `files` opened, or that `tempfile` made.
    'src/ilw_data/ilw_data/episode/dataset.py': {'np.load', 'np.savez'},
    'src/ilw_data/ilw_data/lerobot/side.py': {'np.load', 'np.savez'},
    'src/ilw_learner/ilw_learner/networks/frozen_encoder.py': {'torch.load'},
    'src/ilw_data/ilw_data/episode/frames.py': {'np.memmap'},
    # Opened by its name, after `files` has found it to be a regular file.
    'src/ilw_data/ilw_data/bag/raw/sqlite_guard.py': {'sqlite3.connect'},
    # A new file of its own: mode x.
    'src/ilw_data/ilw_data/bag/copy.py': {'FileIO'},
    # This package's own sources, beside it.
    'src/ilw_sim/ilw_sim/batch/kernel.py': {'Path(__file__).with_name(name).read_bytes'},
    # Disks that are full, slow or broken, made for the faults; the kernel's own files.
    'src/ilw_faults/ilw_faults/mounts.py': {'open', '.write_text', '.read_text'},
    'src/ilw_faults/ilw_faults/rows/disk.py': {'open'},
    # The kernel's own files of a process; a lock that Fast DDS left.
    'src/ilw_faults/ilw_faults/crew.py': {'open', '.read_text'},
    'src/ilw_core/ilw_ros/launcher.py': {'.read_text'},
    # /dev/null, where nobody is left to be told anything.
    'src/ilw_core/ilw_ros/console.py': {'os.open'},
    # A file in memory.
    'src/ilw_learner/ilw_learner/checkpoint/graph_trial.py': {'os.fdopen'},
}


def found_in(text: str) -> set[str]:
    """Return the calls in a source that open, read or write a file by its name."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            if call.split('.')[-1] in ('copy', 'move', 'load', 'save', 'open', 'touch'):
                copies = call.startswith('shutil.') or call.endswith(('.open', '.touch'))
                if copies or WHOLE.match(call):
                    found.add(call)
            elif METHODS.search(call) or WHOLE.match(call):
                found.add(call)
    return found


def allowed(path: Path, call: str) -> bool:
    mine = MAY.get(str(path.relative_to(ROOT)), set())
    return call in mine or any(each.startswith('.') and call.endswith(each) for each in mine)


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_opened_by_one_module(path):
    strange = {call for call in found_in(path.read_text()) if not allowed(path, call)}
    assert not strange, (
        'use ilw_core.storage.files: regular files only, within a bound, through no link')


def test_every_exception_is_still_needed():
    for name, calls in MAY.items():
        there = found_in((ROOT / name).read_text())
        for call in calls:
            assert any(each == call or (call[0] == '.' and each.endswith(call))
                       for each in there), (name, call)


@pytest.mark.parametrize('line', [
    'open(p)', 'open(p, "rb")', 'open(p, "w")', 'p.open()', 'p.open("rb")', 'io.open(p)',
    'os.open(p, 0)', 'p.read_text()', 'p.read_bytes()', '(a / "b").read_text()',
    'p.write_text("x")', 'p.write_bytes(b"x")', 'np.load(p)', 'np.fromfile(p)', 'np.loadtxt(p)',
    'np.memmap(p)', 'np.save(p, x)', 'cv2.imread(p)', 'cv2.imwrite(p, x)', 'json.load(f)',
    'json.dump(x, f)', 'yaml.safe_load(t)', 'yaml.load(t)', 'sqlite3.connect(p)',
    'shutil.copy(a, b)', 'shutil.copyfile(a, b)', 'shutil.copy2(a, b)', 'shutil.copytree(a, b)',
    'shutil.move(a, b)', 'ElementTree.parse(p)', 'ET.parse(p)', 'tarfile.open(p)',
    'zipfile.ZipFile(p)', 'gzip.open(p)', 'load_file(p)', 'figure.savefig(p)', 'FileIO(p)',
    'os.fdopen(3)', 'onnx.load(p)', 'torch.load(p)', 'x.tofile(p)', 'p.touch()',
    'Image.open(p)', 'linecache.getline(p, 1)', 'fileinput.input(p)', 'codecs.open(p)'])
def test_the_rule_catches_every_way_to_open_a_file(line):
    assert found_in(line)


@pytest.mark.parametrize('line', [
    'read_bytes(p, 9)', 'open_regular(p)', 'json.loads(t)', 'x.copy()', 'copy.copy(x)',
    'array.load()', 'self.dqn.load(state)', 'parse_yaml(t, w)', 'ElementTree.fromstring(t)'])
def test_the_rule_lets_other_calls_pass(line):
    assert not found_in(line)


def test_commands_print_through_the_terminal_module_only():
    for path in SOURCES:
        if path.name == 'terminal.py':
            continue
        calls = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.Call)}
        assert not calls & {'click.echo', 'click.secho', 'Console', 'rich.print'}, path
        if path.name.startswith('commands_') or path.name == 'cli.py':
            assert 'print' not in calls and 'sys.stdout.write' not in calls, path
