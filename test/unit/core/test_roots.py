"""A request names what is inside some folders, and learns nothing of what is outside."""

import os

import pytest

from ilw_core.errors import (
    CheckpointError,
    ContractError,
    GraphError,
    IlwError,
    NotAllowedError,
    UntrustedError,
)
from ilw_core.storage.roots import Roots, folders
from ilw_core.text.answers import answer_of


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two roots and a stranger's folder beside them; the process is where they are."""
    for name in ('runs/a/checkpoint', 'deployed/clutter/0123', 'elsewhere/checkpoint'):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / 'runs/a/file.yaml').write_text('a: 1')
    (tmp_path / 'elsewhere/secret.yaml').write_text('key: 1')
    (tmp_path / 'deployed/clutter/current').symlink_to('0123')
    (tmp_path / 'runs/out').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'runs/nowhere').symlink_to(tmp_path / 'gone')
    (tmp_path / 'runs/secret.yaml').symlink_to(tmp_path / 'elsewhere/secret.yaml')
    (tmp_path / 'elsewhere/in').symlink_to(tmp_path / 'runs/a')
    os.mkfifo(tmp_path / 'runs/pipe.yaml')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def roots(place):
    return Roots(['runs', str(place / 'deployed')])


@pytest.mark.parametrize('name', ['runs/a/checkpoint', 'a/checkpoint', './runs/a/checkpoint',
                                  'runs//a/./checkpoint'])
def test_a_folder_inside_is_found_from_here_and_from_its_root(roots, place, name):
    assert roots.folder(name, 'a checkpoint') == place / 'runs/a/checkpoint'


def test_an_absolute_path_and_a_link_that_stays_inside_are_found(roots, place):
    assert roots.folder(str(place / 'runs/a'), 'it') == place / 'runs/a'
    assert roots.folder('deployed/clutter/current', 'it') == place / 'deployed/clutter/0123'


def test_a_root_may_be_a_link_itself_and_need_not_exist_yet(place):
    (place / 'linked').symlink_to('runs')
    late = Roots(['linked', 'late'])
    assert late.folder('linked/a', 'it') == late.folder(str(place / 'linked/a'), 'it')
    (place / 'late/x').mkdir(parents=True)
    assert late.folder('late/x', 'it') == place / 'late/x'


@pytest.mark.parametrize('name', [
    '', '\0', 'runs/a\0', 'runs/a\n', '/', '/etc', '/etc/passwd', '/proc/self/environ',
    '/dev/zero', '..', '../x', 'runs/../elsewhere', 'runs/a/../../elsewhere/checkpoint',
    'runs/out', 'runs/out/checkpoint', 'out', 'runs/nowhere', 'elsewhere/../runs/a', 'r' * 2000,
    'runs/\ud800', '/proc/self/cwd/runs/a', '/proc/self/root/etc'])
def test_what_is_outside_or_no_name_is_not_allowed(roots, name):
    for find in (roots.folder, roots.file):
        with pytest.raises(NotAllowedError):
            find(name, 'a checkpoint')


def test_absolute_paths_outside_get_one_answer_whether_they_exist_or_not(roots, place):
    told = set()
    for name in ('elsewhere/checkpoint', 'elsewhere/absent', 'elsewhere/secret.yaml',
                 'elsewhere/in', 'runs2'):
        with pytest.raises(NotAllowedError) as refused:
            roots.folder(str(place / name), 'a checkpoint')
        told.add(str(refused.value).replace(repr(str(place / name)), 'NAME'))
    assert len(told) == 1


def test_relative_names_outside_get_one_answer_whether_they_exist_or_not(roots):
    told = set()
    for name in ('elsewhere', 'elsewhere/checkpoint', 'absent', 'elsewhere/absent'):
        with pytest.raises(IlwError) as refused:
            roots.folder(name, 'a checkpoint')
        told.add((type(refused.value), str(refused.value).replace(repr(name), 'NAME')))
    assert len(told) == 1


@pytest.mark.parametrize('name', ['runs/pipe.yaml', 'runs/a', 'runs/absent.yaml'])
def test_what_is_inside_and_no_file_is_no_file(roots, name):
    with pytest.raises(IlwError, match='no file there'):
        roots.file(name, 'a contract')


def test_a_file_that_is_a_link_to_outside_is_not_allowed_and_a_file_inside_is(roots, place):
    with pytest.raises(NotAllowedError):
        roots.file('runs/secret.yaml', 'a contract')
    assert roots.file('runs/a/file.yaml', 'a contract') == place / 'runs/a/file.yaml'


def test_without_roots_nothing_is_allowed(place):
    with pytest.raises(NotAllowedError, match='no folder at all'):
        Roots(folders('')).folder('runs', 'it')
    assert folders('a:/b/c::d') == ['a', '/b/c', 'd']


def test_an_answer_has_the_nearest_code_and_nothing_of_the_errors_text():
    codes = {CheckpointError: 2, ContractError: 3, NotAllowedError: 4}
    for kind, code in ((CheckpointError, 2), (UntrustedError, 2), (GraphError, 2),
                       (ContractError, 3), (NotAllowedError, 4), (IlwError, 9), (OSError, 9),
                       (MemoryError, 9), (RecursionError, 9)):
        got, line = answer_of(kind, 'runs/x\n' + 'y' * 500, codes, 9)
        assert got == code
        assert line.isprintable() and len(line) < 300 and line.startswith("'runs/x")
