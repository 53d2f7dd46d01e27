"""Every byte of a checkpoint counts, wherever it lies, and every entry of its card."""

import os

import pytest
import yaml

from ilw_core.errors import CheckpointError, ContractError
from ilw_learner.checkpoint import folder as module
from ilw_learner.checkpoint.folder import copy_checkpoint, load_checkpoint, save_checkpoint
from ilw_learner.checkpoint.signing import find_trusted_keys, load_signing_key, make_key_pair

GRAPH, WEIGHTS = 'policy.onnx', 'weights.safetensors'
SIZE = 1_300_001
"""Larger than any buffer that somebody may hash by"""
PLACES = [0, 1, 4095, 4096, 4097, 65_536, 131_072, 1_048_575, 1_048_577, SIZE - 1]
CARD = {'algorithm': 'test', 'history': 2, 'horizon': 3}


@pytest.fixture
def saved(maze, tmp_path):
    content = bytes(k * 7 % 251 for k in range(SIZE // 100)) * 101
    return save_checkpoint(tmp_path / 'c', maze, CARD,
                           {GRAPH: content[:SIZE], WEIGHTS: content[100:SIZE + 100]})


def edit(path, **changes):
    card = yaml.safe_load((path / 'policy.yaml').read_text())
    card.update(changes)
    (path / 'policy.yaml').write_text(yaml.safe_dump(card, sort_keys=False))


@pytest.mark.parametrize('name', [GRAPH, WEIGHTS])
@pytest.mark.parametrize('at', PLACES)
def test_one_bit_anywhere_is_noticed(saved, name, at):
    with (saved.path / name).open('r+b') as stream:
        stream.seek(at)
        byte = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte[0] ^ 4]))
    with pytest.raises(CheckpointError, match=f'{name} is not the file that was saved'):
        load_checkpoint(saved.path)


@pytest.mark.parametrize('name', [GRAPH, WEIGHTS])
@pytest.mark.parametrize('change', [lambda data: data[:-1], lambda data: data + b'\0',
                                    lambda data: data[:4096], lambda data: b''])
def test_another_length_is_noticed(saved, name, change):
    file = saved.path / name
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(CheckpointError, match='not the file that was saved'):
        load_checkpoint(saved.path)


def test_what_is_run_is_what_was_verified(saved):
    loaded = load_checkpoint(saved.path)
    assert loaded.graph == (saved.path / GRAPH).read_bytes() and len(loaded.graph) == SIZE
    assert (loaded.history, loaded.horizon) == (2, 3)
    assert loaded.path == saved.path and loaded.signer == ''


def test_a_card_of_another_contract_is_damaged_whichever_half_was_changed(saved, maze, clutter):
    edit(saved.path, contract_hash=clutter.hash)
    with pytest.raises(CheckpointError, match='contract_hash is not that of'):
        load_checkpoint(saved.path)
    edit(saved.path, contract_hash=maze.hash, contract_text=clutter.text)
    with pytest.raises(CheckpointError, match='contract_hash is not that of'):
        load_checkpoint(saved.path)
    edit(saved.path, contract_hash=clutter.hash)
    assert load_checkpoint(saved.path).contract.hash == clutter.hash
    with pytest.raises(ContractError, match='Train for this one'):
        load_checkpoint(saved.path, maze)


@pytest.mark.parametrize('key', ['history', 'horizon'])
@pytest.mark.parametrize(('value', 'good'), [(1, True), (1000, True), (0, False), (1001, False),
                                             (-1, False), (2.0, False), ('2', False),
                                             (None, False)])
def test_history_and_horizon_are_whole_numbers_within_bounds(saved, key, value, good):
    edit(saved.path, **{key: value})
    if good:
        assert load_checkpoint(saved.path).card[key] == value
    else:
        with pytest.raises(CheckpointError, match=f'{key} must be a whole number'):
            load_checkpoint(saved.path)


@pytest.mark.parametrize('schema', ['ilw.checkpoint/2', None, 1])
def test_another_schema_is_refused(saved, schema):
    edit(saved.path, schema=schema)
    with pytest.raises(CheckpointError, match='schema must be'):
        load_checkpoint(saved.path)


@pytest.mark.parametrize('name', ['../x', '/etc/passwd', 'a/b', '.', '..', 3])
def test_a_file_outside_the_folder_is_refused(saved, name):
    files = yaml.safe_load((saved.path / 'policy.yaml').read_text())['files']
    edit(saved.path, files={**files, name: '0' * 64})
    with pytest.raises(CheckpointError, match='leaves the folder' if name != 3 else 'not YAML'):
        load_checkpoint(saved.path)


@pytest.mark.parametrize('left_out', [GRAPH, WEIGHTS])
def test_a_card_must_list_graph_and_weights(saved, left_out):
    files = yaml.safe_load((saved.path / 'policy.yaml').read_text())['files']
    del files[left_out]
    for listed in (files, None, list(files)):
        edit(saved.path, files=listed)
        with pytest.raises(CheckpointError, match='files must list'):
            load_checkpoint(saved.path)


@pytest.mark.parametrize('text', ['- a list', 'just words', '{', b'\xff\xfe\x00', '3'])
def test_a_card_that_is_no_mapping_is_refused(saved, text):
    (saved.path / 'policy.yaml').write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CheckpointError):
        load_checkpoint(saved.path)


@pytest.mark.parametrize('name', [GRAPH, WEIGHTS, 'policy.yaml'])
def test_a_file_that_is_missing_or_a_link_is_named(saved, name, tmp_path):
    (saved.path / name).rename(tmp_path / 'elsewhere')
    with pytest.raises(CheckpointError, match=f'has no {name}'):
        load_checkpoint(saved.path)
    (saved.path / name).symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(CheckpointError):
        load_checkpoint(saved.path)


# -- written whole or not at all

@pytest.mark.parametrize('fails_at', [1, 2, 3])
def test_a_disk_that_refuses_leaves_the_checkpoint_before(saved, maze, monkeypatch, fails_at):
    before, calls, real = saved.hash, [], module._write

    def write(path, content):
        calls.append(path.name)
        if len(calls) == fails_at:
            raise OSError(28, 'No space left on device')
        real(path, content)

    monkeypatch.setattr(module, '_write', write)
    with pytest.raises(OSError, match='No space'):
        save_checkpoint(saved.path, maze, CARD, {GRAPH: b'new', WEIGHTS: b'new'})
    monkeypatch.undo()
    assert load_checkpoint(saved.path).hash == before
    assert [path.name for path in saved.path.parent.iterdir()] == [saved.path.name]


def test_every_file_and_the_name_are_on_the_disk_before_it_counts(maze, tmp_path, monkeypatch):
    synced, folders, real = [], [], os.fsync

    def fsync(descriptor):
        synced.append(os.readlink(f'/proc/self/fd/{descriptor}').rpartition('/')[2])
        assert os.fstat(descriptor).st_size > 0, 'what is still in a buffer is on no disk'
        real(descriptor)

    monkeypatch.setattr(module.os, 'fsync', fsync)
    monkeypatch.setattr(module, 'sync_folder', folders.append)
    made = save_checkpoint(tmp_path / 'c', maze, CARD, {GRAPH: b'g', WEIGHTS: b'w'})
    assert synced == [GRAPH, WEIGHTS, 'policy.yaml']
    assert folders == [tmp_path]
    assert (made.path / GRAPH).read_bytes() == b'g'


def test_what_the_trainer_says_of_it_is_kept_and_cannot_change_its_hashes(maze, tmp_path):
    made = save_checkpoint(tmp_path / 'deep' / 'c', maze,
                           {**CARD, 'metrics': {'a': 1.5}, 'files': {}, 'contract_text': ''},
                           {GRAPH: b'g', WEIGHTS: b'w'})
    assert made.card['metrics'] == {'a': 1.5}
    assert set(made.card['files']) == {GRAPH, WEIGHTS}
    assert made.contract.hash == maze.hash == made.card['contract_hash']


# -- copies

def test_a_copy_is_the_checkpoint_and_its_signature(saved, tmp_path):
    private, _ = make_key_pair(tmp_path / 'keys' / 'me')
    module.sign_checkpoint(saved.path, load_signing_key(private))
    trusted = find_trusted_keys(str(tmp_path / 'keys'))
    copy_checkpoint(load_checkpoint(saved.path), tmp_path / 'copy')
    copied = load_checkpoint(tmp_path / 'copy', trusted=trusted)
    assert (copied.hash, copied.signer, copied.graph) == (saved.hash, 'me.pub',
                                                          load_checkpoint(saved.path).graph)
    assert sorted(p.name for p in (tmp_path / 'copy').iterdir()) == sorted(
        p.name for p in saved.path.iterdir())


def test_a_checkpoint_that_changes_while_it_is_copied_is_no_copy(saved, maze, tmp_path):
    loaded = load_checkpoint(saved.path)
    with (saved.path / WEIGHTS).open('ab') as stream:
        stream.write(b'x')
    with pytest.raises(CheckpointError, match='not the file that was saved'):
        copy_checkpoint(loaded, tmp_path / 'half')
    save_checkpoint(saved.path, maze, CARD, {GRAPH: b'new', WEIGHTS: b'new'})
    with pytest.raises(CheckpointError, match='changed while it was copied'):
        copy_checkpoint(loaded, tmp_path / 'copy')
    assert not (tmp_path / 'copy').exists()
