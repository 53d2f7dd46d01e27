"""What drives after a promotion is what was verified, whatever lies in the folder before it."""

import json
import os
import shutil

from click.testing import CliRunner
import pytest

from ilw_bringup.commands.compare import compare
from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError, ContractError, IlwError
from ilw_learner.checkpoint import deployed as deployed_module
from ilw_learner.checkpoint.deployed import Deployed, find_checkpoint
from ilw_learner.checkpoint.folder import load_checkpoint, sign_checkpoint
from ilw_learner.checkpoint.signing import find_trusted_keys, load_signing_key, make_key_pair
from ilw_learner.cli import evaluate
from ilw_learner.commands.promote import promote
from ilw_learner.commands.replay import replay


@pytest.fixture
def store(tmp_path):
    return Deployed(tmp_path / 'deployed', 'clutter')


@pytest.fixture
def two(clutter, constant):
    return [load_checkpoint(constant(clutter, name, speed))
            for name, speed in (('a', 0.37), ('b', 0.38))]


def damage(place):
    (place / 'policy.onnx').write_bytes(b'another graph')


def swap(place, other):
    shutil.rmtree(place)
    shutil.copytree(other.path, place)


def empty(place):
    shutil.rmtree(place)
    place.mkdir()


def link(place, other):
    shutil.rmtree(place)
    place.symlink_to(other.path)


@pytest.mark.parametrize('change', [
    lambda place, other: damage(place), swap, lambda place, other: empty(place), link,
    lambda place, other: (place / 'policy.yaml').write_text('x: 1'),
    lambda place, other: ((place / 'policy.onnx').unlink(),
                          (place / 'policy.onnx').symlink_to(other.path / 'policy.onnx'))],
    ids=['damaged', 'swapped', 'empty', 'link to another', 'card', 'linked file'])
def test_what_lies_in_the_place_is_verified_right_before_the_switch(store, two, change):
    first, second = two
    place = store.promote(first, {})
    store.promote(second, {})
    change(place, second)
    before = store.history()
    for switch in (lambda: store.promote(first, {}), lambda: store.rollback('')):
        with pytest.raises(CheckpointError):
            switch()
    assert store.current().name == second.hash[:16]
    assert store.history() == before


def test_a_place_that_was_prepared_is_not_taken_for_the_checkpoint(store, two):
    first, second = two
    place = store.folder / first.hash[:16]
    shutil.copytree(second.path, place)
    with pytest.raises(CheckpointError, match=(
            rf'must hold the checkpoint {first.hash[:16]}\. Got {second.hash[:16]}\.')):
        store.promote(first, {})
    assert store.current() is None and store.history() == []


def test_the_deployed_checkpoint_is_the_one_that_was_promoted(store, two, tmp_path):
    place = store.promote(two[0], {})
    assert find_checkpoint('deployed', 'clutter', tmp_path / 'deployed') == str(place)
    swap(place, two[1])
    with pytest.raises(CheckpointError, match='must hold the checkpoint'):
        find_checkpoint('deployed', 'clutter', tmp_path / 'deployed')


@pytest.mark.parametrize('target', [
    '../evil', '/etc', '..', '.', 'evil', '0123456789abcdef/../../evil', '0123456789ABCDEF',
    '0123456789abcdef\n', '0123456789abcdef'])
def test_what_is_current_is_a_name_beside_the_link(store, two, tmp_path, target):
    shutil.copytree(two[0].path, tmp_path / 'deployed' / 'evil')
    shutil.copytree(two[0].path, store.folder / 'evil')
    (store.folder / 'current').symlink_to(target)
    with pytest.raises(CheckpointError):
        store.current()
    with pytest.raises(CheckpointError):
        find_checkpoint('deployed', 'clutter', tmp_path / 'deployed')


def test_a_folder_in_the_place_of_the_link_is_refused(store, two):
    shutil.copytree(two[0].path, store.folder / 'current')
    with pytest.raises(CheckpointError, match='must be a link'):
        store.current()


@pytest.mark.parametrize('change', [
    {'checkpoint': '../../evil'}, {'checkpoint': '/etc/passwd'}, {'checkpoint': '..'},
    {'checkpoint': 3}, {'checkpoint': None}, {'checkpoint': ['a']}, {'checkpoint': '0' * 15},
    {'checkpoint': '0' * 16 + '\n'}, {'before': '../x'}, {'before': 5}, {'action': 'delete'},
    {'action': ['promote']}])
def test_an_entry_of_the_history_that_is_no_name_is_an_error_with_its_line(store, two, change):
    for checkpoint in two:
        store.promote(checkpoint, {})
    file = store.folder / 'history.jsonl'
    lines = file.read_text().splitlines()
    file.write_text('\n'.join([lines[0], json.dumps({**json.loads(lines[1]), **change})]) + '\n')
    for read in (store.history, lambda: store.rollback('')):
        with pytest.raises(IlwError, match='line 2') as caught:
            read()
        assert '\n' not in str(caught.value)
    assert store.current().name == two[1].hash[:16]


@pytest.mark.parametrize('line', ['[]', '3', 'null', '{}', '{', '[' * 100_000, '{"a": 1}',
                                  '\x1b[2J'])
def test_a_line_of_the_history_that_is_no_entry_is_named(store, two, line):
    store.promote(two[0], {})
    with (store.folder / 'history.jsonl').open('a') as stream:
        stream.write(line + '\n')
    with pytest.raises(IlwError, match='line 2') as caught:
        store.history()
    assert '\x1b' not in str(caught.value)


def test_bytes_that_are_no_text_in_the_history_are_named(store, two):
    store.promote(two[0], {})
    with (store.folder / 'history.jsonl').open('ab') as stream:
        stream.write(b'\xff\xfe\x80\n')
    with pytest.raises(IlwError, match='line 2'):
        store.history()


@pytest.mark.parametrize('error', [OSError(28, 'No space left on device'), KeyboardInterrupt()])
def test_a_promotion_that_ends_half_way_leaves_nothing(store, two, monkeypatch, error):
    store.promote(two[0], {})
    before = sorted(path.name for path in store.folder.iterdir()), store.history()

    def copy(checkpoint, folder):
        folder.mkdir()
        (folder / 'policy.onnx').write_bytes(b'half')
        raise error

    monkeypatch.setattr(deployed_module, 'copy_checkpoint', copy)
    with pytest.raises(type(error)):
        store.promote(two[1], {})
    assert (sorted(path.name for path in store.folder.iterdir()), store.history()) == before
    assert store.current().name == two[0].hash[:16]


def test_one_rollback_after_the_other_goes_back_step_by_step(store, two, clutter, constant):
    three = [*two, load_checkpoint(constant(clutter, 'c', 0.39))]
    for checkpoint in three:
        store.promote(checkpoint, {})
    for back in (three[1], three[0]):
        assert store.rollback('').name == back.hash[:16]
    with pytest.raises(IlwError, match='Got 1'):
        store.rollback('')
    store.promote(three[2], {})
    assert store.rollback('').name == three[0].hash[:16]


def test_the_history_is_on_the_disk_before_the_step_is_taken(store, two, monkeypatch):
    seen = []

    def fsync(descriptor):
        name = os.readlink(f'/proc/self/fd/{descriptor}').rpartition('/')[2]
        if name == 'history.jsonl':
            seen.append((os.fstat(descriptor).st_size > 0, store.current()))

    monkeypatch.setattr(deployed_module.os, 'fsync', fsync)
    store.promote(two[0], {})
    assert seen == [(True, None)]


def test_a_history_of_rollbacks_only_goes_nowhere(store, two):
    place = store.promote(two[0], {})
    entry = {'action': 'rollback', 'checkpoint': place.name, 'before': None}
    (store.folder / 'history.jsonl').write_text((json.dumps(entry) + '\n') * 3)
    with pytest.raises(IlwError, match='nothing to go back to'):
        store.rollback('')


@pytest.mark.parametrize('current', [False, True], ids=['nothing deployed', 'history is gone'])
def test_a_rollback_without_a_history_says_what_it_needs(store, two, current):
    if current:
        store.promote(two[0], {})
        (store.folder / 'history.jsonl').unlink()
    with pytest.raises(IlwError, match='nothing to go back to'):
        store.rollback('')


def test_half_an_entry_that_a_crash_left_is_dropped_by_the_next(store, two):
    store.promote(two[0], {})
    with (store.folder / 'history.jsonl').open('a') as stream:
        stream.write('{"action": "promote", "checkp')
    assert len(store.history()) == 1
    store.promote(two[1], {})
    assert [entry['checkpoint'] for entry in store.history()] == [
        each.hash[:16] for each in two]
    assert store.rollback('').name == two[0].hash[:16]


def test_neither_history_nor_evidence_leads_or_lies_elsewhere(store, two, tmp_path):
    store.folder.mkdir(parents=True)
    (tmp_path / 'victim').write_text('precious\n')
    (store.folder / 'history.jsonl').symlink_to(tmp_path / 'victim')
    with pytest.raises(IlwError, match='must be a regular file'):
        store.promote(two[0], {})
    assert (tmp_path / 'victim').read_text() == 'precious\n'
    (store.folder / 'history.jsonl').unlink()
    store.promote(two[0], {'checkpoint': '../x', 'before': 'y', 'action': 'z'})
    assert store.history()[0]['checkpoint'] == two[0].hash[:16]


def test_only_the_verified_files_of_a_checkpoint_are_copied(store, two, tmp_path):
    (two[0].path / 'extra').symlink_to('/etc')
    (two[0].path / 'sitecustomize.py').write_text('x')
    place = store.promote(two[0], {})
    assert sorted(p.name for p in place.iterdir()) == [
        'policy.onnx', 'policy.yaml', 'weights.safetensors']


@pytest.mark.parametrize('name', ['../x', '/etc', '..', 'a/b', '', '.hidden', 'a\nb', 'a\x1b[31m',
                                  'x' * 65, 'a b', '\u202ea'])
def test_a_contract_names_a_folder_and_no_path(clutter, name):
    text = clutter.text.replace('contract: clutter', f'contract: {json.dumps(name)}')
    with pytest.raises(ContractError):
        parse_contract(text)


@pytest.fixture
def keys(tmp_path):
    """Return a folder of one trusted key, and that key's private half."""
    private, _ = make_key_pair(tmp_path / 'keys' / 'lab')
    return tmp_path / 'keys', load_signing_key(private)


def test_promotion_and_rollback_take_what_a_trusted_key_signed(store, two, keys):
    folder, key = keys
    trusted = find_trusted_keys(str(folder))
    with pytest.raises(CheckpointError, match='must be signed'):
        store.promote(two[0], {}, trusted)
    assert store.current() is None
    sign_checkpoint(two[1].path, key)
    store.promote(two[0], {})
    place = store.promote(two[1], {}, trusted)
    assert load_checkpoint(place, trusted=trusted).signer == 'lab.pub'
    with pytest.raises(CheckpointError, match='must be signed'):
        store.rollback('', trusted)
    assert store.current() == place.resolve()


@pytest.mark.parametrize('which', ['promote', 'compare', 'replay', 'eval'])
def test_every_command_that_runs_a_checkpoint_takes_trusted_keys(
        which, keys, tmp_path, maze, constant, coin, bags):
    folder, _ = keys
    one, other = (str(constant(maze, name, speed)) for name, speed in (('c', 0.37), ('d', 0.38)))
    command, words = {
        'promote': (promote, [one, '--env', coin, '--root', str(tmp_path / 'd')]),
        'compare': (compare, [one, other, '--env', coin, '--out', str(tmp_path / 'trials')]),
        'replay': (replay, ['--policy', one, '--bag', str(bags.write(tmp_path / 'one'))]),
        'eval': (evaluate, [one, '--env', coin])}[which]
    result = CliRunner().invoke(command, [*words, '--task', 'maze', '--trusted-keys',
                                          str(folder)])
    assert isinstance(result.exception, CheckpointError), result.output
    assert 'must be signed' in str(result.exception)
