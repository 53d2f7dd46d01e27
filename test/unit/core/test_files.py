"""What is no regular file is neither read nor written, whatever lies there."""

import json
import os
from pathlib import Path
import socket
import threading

import pytest

from ilw_core.base.plant import load_plant
from ilw_core.contract.file import load_contract
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError, EpisodeError, IlwError
from ilw_core.storage import files
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_core.storage.files import FileRefusedError
from ilw_core.storage.locate import config_file
from ilw_core.storage.map_file import load_map

KINDS = ['link', 'dangling link', 'pipe', 'folder', 'socket', 'device', 'made up']


def in_time(work, seconds=5.0):
    """Return what the work raised; fails if it hangs."""
    ended = []

    def run():
        try:
            ended.append(work())
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert ended, 'it hangs'
    return ended[0]


def put(kind, path, content=b'{}'):
    """Put something that is no regular file at a path; return the path to read."""
    if kind == 'link':
        target = path.with_name('target-' + path.name)
        target.write_bytes(content)
        path.symlink_to(target)
    elif kind == 'dangling link':
        path.symlink_to(path.with_name('nowhere'))
    elif kind == 'pipe':
        os.mkfifo(path)
    elif kind == 'folder':
        path.mkdir()
    elif kind == 'socket':
        here = os.getcwd()
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            socket.socket(socket.AF_UNIX).bind(path.name)
        finally:
            os.chdir(here)
    elif kind == 'device':
        return Path('/dev/zero')
    else:
        return Path('/proc/self/environ')
    return path


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('read', [
    lambda p: files.read_bytes(p, 1000), lambda p: files.read_json(p, 1000),
    lambda p: files.read_json_lines(p, 1000), lambda p: read_yaml(p, 'a thing')])
def test_only_regular_files_are_read_and_the_answer_comes_at_once(tmp_path, kind, read):
    error = in_time(lambda: read(put(kind, tmp_path / 'one')))
    assert isinstance(error, IlwError)
    assert 'must be a' in str(error) and '\n' not in str(error)


@pytest.mark.parametrize('kind', ['link', 'dangling link', 'pipe', 'folder', 'socket', 'device'])
@pytest.mark.parametrize('write', [
    lambda p: files.write_file(p, 'new'), lambda p: files.write_in_place(p, 'new'),
    lambda p: files.open_to_append(p).close(), lambda p: files.create(p).close(),
    lambda p: files.open_to_update(p).close()])
def test_nothing_is_written_through_what_is_no_regular_file(tmp_path, kind, write):
    path = put(kind, tmp_path / 'one', b'old')
    before = sorted(os.listdir(tmp_path))
    assert isinstance(in_time(lambda: write(path)), (FileRefusedError, FileExistsError))
    assert sorted(os.listdir(tmp_path)) == before
    if kind == 'link':
        assert (tmp_path / 'target-one').read_bytes() == b'old'
    assert not (tmp_path / 'nowhere').exists()


def test_a_regular_file_is_written_replaced_and_added_to(tmp_path):
    path = tmp_path / 'one'
    files.write_file(path, 'first')
    files.write_file(path, b'second')
    with files.open_to_append(path) as stream:
        stream.write(b', third')
    assert files.read_bytes(path, 100) == b'second, third'
    files.write_in_place(path, 'x')
    assert files.read_bytes(path, 100) == b'x'
    assert os.listdir(tmp_path) == ['one']


def test_a_link_to_the_folder_may_be_on_the_way(tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'real' / 'one').write_text('[1]')
    (tmp_path / 'named').symlink_to(tmp_path / 'real')
    assert files.read_json(tmp_path / 'named' / 'one', 10) == [1]


def test_a_file_is_read_up_to_its_bound_and_no_larger_one_at_all(tmp_path):
    path = tmp_path / 'one'
    path.write_bytes(b'x' * 10)
    assert files.read_bytes(path, 10) == b'x' * 10
    with pytest.raises(FileRefusedError, match='9 bytes at most'):
        files.read_bytes(path, 9)
    os.truncate(path, 1 << 40)
    with pytest.raises(FileRefusedError, match='larger than it may be'):
        files.read_bytes(path, 1000)


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a":' * 100_000, '9' * 100_000, '', '{',
                                  b'\xff'])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r'nested|digits|Expecting|decode'):
        files.parse_json(text)


def episode(folder, meta='{"schema": "ilw.episode/1"}'):
    folder.mkdir(parents=True)
    (folder / 'one.mcap').write_bytes(b'')
    if meta:
        (folder / 'episode.json').write_text(meta)
    return folder


@pytest.mark.parametrize('kind', KINDS[:5])
def test_what_lies_beside_a_bag_is_read_as_a_file_of_its_own(tmp_path, kind):
    put(kind, episode(tmp_path / 'a', meta='') / 'episode.json', b'{"schema": "ilw.episode/1"}')
    error = in_time(lambda: read_episode(tmp_path / 'a'))
    assert isinstance(error, EpisodeError) and 'episode.json' in str(error)
    put(kind, episode(tmp_path / 'b') / 'quality.json', b'{"reasons": ["secret"]}')
    assert in_time(lambda: read_episode(tmp_path / 'b').suspect) == ()


@pytest.mark.parametrize('text', ['[' * 100_000, '[]', '3', '{"reasons": 3}', '{"reasons": null}',
                                  '{', 'x' * 5_000_000, '{"a": ' + '9' * 9999 + '}'])
def test_a_quality_that_is_none_gives_no_reasons(tmp_path, text):
    folder = episode(tmp_path / 'a')
    (folder / 'quality.json').write_text(text)
    assert read_episode(folder).suspect == ()


def test_a_huge_description_is_refused_unread(tmp_path):
    folder = episode(tmp_path / 'a')
    os.truncate(folder / 'episode.json', 1 << 40)
    with pytest.raises(EpisodeError, match='larger than it may be'):
        read_episode(folder)


@pytest.mark.parametrize('kind', ['link', 'pipe', 'socket'])
def test_a_bag_file_that_is_no_regular_file_is_refused(tmp_path, kind):
    folder = episode(tmp_path / 'a')
    (folder / 'one.mcap').unlink()
    put(kind, folder / 'one.mcap')
    found = in_time(lambda: find_episodes(tmp_path))
    assert isinstance(found, list)
    error = in_time(lambda: found[0].bag_files)
    assert isinstance(error, EpisodeError) and 'regular file' in str(error)


@pytest.mark.parametrize('kind', ['link', 'dangling link', 'pipe', 'folder', 'socket', 'device'])
def test_a_map_and_its_picture_are_read_without_following_links(tmp_path, kind):
    good = Path(config_file('tasks', 'office')).parent / '../maps'
    text, picture = (good / 'office.yaml').read_text(), (good / 'office.pgm').read_bytes()
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'office.pgm').write_bytes(picture)
    path = put(kind, tmp_path / 'a' / 'map.yaml', text.encode())
    assert isinstance(in_time(lambda: load_map(path)), ContractError)
    (tmp_path / 'b').mkdir()
    image = put(kind, tmp_path / 'b' / 'picture.pgm', picture)
    (tmp_path / 'b' / 'map.yaml').write_text(text.replace('office.pgm', str(image)))
    assert isinstance(in_time(lambda: load_map(tmp_path / 'b' / 'map.yaml')), ContractError)


def test_configuration_installed_as_links_is_found_and_read(tmp_path):
    named = tmp_path / 'clutter.yaml'
    named.symlink_to(Path(config_file('tasks', 'clutter')).absolute())
    assert load_contract(config_file('tasks', str(named))).name == 'clutter'
    plant = tmp_path / 'p.yaml'
    plant.symlink_to(tmp_path / 'secret')
    (tmp_path / 'secret').write_text(json.dumps({'password': 'x'}))
    with pytest.raises(ContractError, match='must be a regular file'):
        load_plant(plant)
