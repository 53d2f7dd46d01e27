"""A robot with trusted keys runs what one of them signed, and nothing else."""

import os
import shutil
import stat
import subprocess

from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import onnx
from onnx import TensorProto, helper
import pytest

from ilw_bringup.commands.security import security
from ilw_core.align import Observation
from ilw_core.errors import CheckpointError, IlwError
from ilw_learner.checkpoint import folder as checkpoint_module
from ilw_learner.checkpoint import signing as signing_module
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint, sign_checkpoint
from ilw_learner.checkpoint.signing import (
    find_trusted_keys,
    load_signing_key,
    load_trusted_keys,
    make_key_pair,
)
from ilw_learner.cli import evaluate
from ilw_learner.runtime.runner import PolicyRunner


def graph(contract, value=0.1):
    """Return a graph that always gives ``value``."""
    wanted = helper.make_tensor('value', TensorProto.FLOAT, [1, 1, 2],
                                np.full(2, value, np.float32).tobytes(), raw=True)
    nodes = [helper.make_node('ReduceSum', ['observation'], ['sum'], axes=[1, 2], keepdims=1),
             helper.make_node('Sub', ['sum', 'sum'], ['zero']),
             helper.make_node('Add', ['zero', 'value'], ['action'])]
    made = helper.make_graph(
        nodes, 'constant',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                       ['B', 1, contract.obs_dim])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', 1, 2])], [wanted])
    return helper.make_model(made, opset_imports=[helper.make_opsetid('', 11)], ir_version=8)


@pytest.fixture
def saved(maze, tmp_path):
    return save_checkpoint(
        tmp_path / 'checkpoint', maze, {'algorithm': 'test', 'history': 1, 'horizon': 1},
        {'policy.onnx': graph(maze).SerializeToString(), 'weights.safetensors': b'weights'}).path


@pytest.fixture
def key(tmp_path):
    """Return the private key of the one whom the robot trusts."""
    private, public = make_key_pair(tmp_path / 'keys' / 'alice')
    (tmp_path / 'trusted').mkdir()
    shutil.copy(public, tmp_path / 'trusted')
    return load_signing_key(private)


@pytest.fixture
def trusted(key, tmp_path):
    return load_trusted_keys(tmp_path / 'trusted')


def test_what_a_trusted_key_signed_is_run_and_the_signer_is_named(saved, maze, key, trusted):
    sign_checkpoint(saved, key)
    assert load_checkpoint(saved, maze, trusted).signer == 'alice.pub'
    runner = PolicyRunner(saved, maze, trusted=trusted)
    runner.observe(Observation(0, np.ones(4, np.float32), np.ones(4, bool), 0))
    assert np.allclose(runner.act()[0], 0.1)


def test_without_trusted_keys_nothing_needs_a_signature(saved, maze, key):
    assert load_checkpoint(saved, maze).signer == ''
    sign_checkpoint(saved, key)
    assert load_checkpoint(saved, maze).signer == ''
    assert find_trusted_keys('') is None


def test_an_unsigned_checkpoint_is_refused_with_the_command_that_signs_it(saved, maze, trusted):
    with pytest.raises(CheckpointError) as caught:
        PolicyRunner(saved, maze, trusted=trusted)
    assert f'./ilw security sign {saved} --key' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_another_persons_signature_is_refused(saved, maze, trusted, tmp_path):
    stranger, _ = make_key_pair(tmp_path / 'mallory')
    sign_checkpoint(saved, load_signing_key(stranger))
    with pytest.raises(CheckpointError, match='another key signed it'):
        PolicyRunner(saved, maze, trusted=trusted)


def test_any_of_several_trusted_keys_will_do(saved, maze, key, tmp_path):
    bob, public = make_key_pair(tmp_path / 'bob')
    shutil.copy(public, tmp_path / 'trusted')
    sign_checkpoint(saved, load_signing_key(bob))
    trusted = load_trusted_keys(tmp_path / 'trusted')
    assert load_checkpoint(saved, maze, trusted).signer == 'bob.pub'


@pytest.mark.parametrize('name', ['policy.onnx', 'weights.safetensors', 'policy.yaml',
                                  'policy.sig'])
@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_of_a_signed_checkpoint_passes(saved, maze, key, trusted, name, data):
    sign_checkpoint(saved, key)
    file = saved / name
    whole = file.read_bytes()
    at = data.draw(st.integers(0, 8 * len(whole) - 1))
    broken = bytearray(whole)
    broken[at // 8] ^= 1 << at % 8
    file.write_bytes(broken)
    try:
        with pytest.raises(CheckpointError):
            load_checkpoint(saved, maze, trusted)
    finally:
        file.write_bytes(whole)


def test_new_hashes_for_a_swapped_network_do_not_help(saved, maze, key, trusted):
    sign_checkpoint(saved, key)
    signature = (saved / 'policy.sig').read_bytes()
    save_checkpoint(saved, maze, {'algorithm': 'test', 'history': 1, 'horizon': 1},
                    {'policy.onnx': graph(maze, 0.3).SerializeToString(),
                     'weights.safetensors': b'weights'})
    assert not (saved / 'policy.sig').exists(), 'training again ends the old signature'
    (saved / 'policy.sig').write_bytes(signature)
    assert load_checkpoint(saved, maze), 'by its hashes alone it is whole'
    with pytest.raises(CheckpointError, match='changed after it was signed'):
        load_checkpoint(saved, maze, trusted)


def test_an_untrusted_card_is_not_even_parsed(saved, maze, key, trusted, monkeypatch):
    sign_checkpoint(saved, key)
    with (saved / 'policy.yaml').open('a') as stream:
        stream.write('\n')
    parsed, real = [], checkpoint_module.parse_yaml
    monkeypatch.setattr(checkpoint_module, 'parse_yaml',
                        lambda *given: parsed.append(given) or real(*given))
    with pytest.raises(CheckpointError, match='changed after it was signed'):
        load_checkpoint(saved, maze, trusted)
    assert not parsed
    load_checkpoint(saved, maze)
    assert parsed, 'who trusts anybody does read it'


def test_a_policy_that_nobody_signed_does_not_drive_and_one_that_only_stops_may(maze, trusted):
    with pytest.raises(CheckpointError, match='random is signed by nobody'):
        PolicyRunner('random', maze, trusted=trusted)
    assert PolicyRunner('idle', maze, trusted=trusted).name == 'idle'


@pytest.mark.parametrize('content', [b'', b'x' * 63, b'x' * 65, b'x' * 10**6])
def test_a_signature_of_another_length_is_refused(saved, maze, trusted, content):
    (saved / 'policy.sig').write_bytes(content)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved, maze, trusted)


def test_a_signature_that_is_a_link_is_refused(saved, maze, key, trusted, tmp_path):
    sign_checkpoint(saved, key).rename(tmp_path / 'elsewhere')
    (saved / 'policy.sig').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(CheckpointError):
        load_checkpoint(saved, maze, trusted)


def test_what_was_verified_is_what_is_run(saved, maze, key, trusted, monkeypatch):
    """Somebody who swaps the network after the check changes nothing."""
    sign_checkpoint(saved, key)

    def load_then_swap(*given):
        found = load_checkpoint(*given)
        (saved / 'policy.onnx').write_bytes(graph(maze, 0.3).SerializeToString())
        return found

    monkeypatch.setattr('ilw_learner.runtime.runner.load_checkpoint', load_then_swap)
    runner = PolicyRunner(saved, maze, trusted=trusted)
    runner.observe(Observation(0, np.ones(4, np.float32), np.ones(4, bool), 0))
    assert np.allclose(runner.act()[0], 0.1)


def test_a_graph_cannot_bring_numbers_from_a_file_that_nobody_hashed(maze, tmp_path, monkeypatch):
    model = graph(maze)
    onnx.external_data_helper.convert_model_to_external_data(
        model, location='numbers.bin', size_threshold=0)
    folder = tmp_path / 'c'
    folder.mkdir()
    onnx.save_model(model, folder / 'graph.onnx')
    assert (folder / 'numbers.bin').stat().st_size == 8
    content = (folder / 'graph.onnx').read_bytes()
    save_checkpoint(folder, maze, {'history': 1, 'horizon': 1},
                    {'policy.onnx': content, 'weights.safetensors': b''})
    (folder / 'numbers.bin').write_bytes(np.full(2, 0.3, np.float32).tobytes())
    monkeypatch.chdir(folder)  # not even from where the node was started
    with pytest.raises(CheckpointError, match='no network'):
        PolicyRunner(folder, maze)


def test_openssl_agrees_about_the_signature(saved, key, tmp_path):
    sign_checkpoint(saved, key)
    check = ['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey',
             str(tmp_path / 'trusted' / 'alice.pub'), '-rawin', '-in', str(saved / 'policy.yaml'),
             '-sigfile', str(saved / 'policy.sig')]
    assert 'Successfully' in subprocess.run(check, capture_output=True, text=True,
                                            check=True).stdout
    with (saved / 'policy.yaml').open('a') as stream:
        stream.write('#')
    assert subprocess.run(check, capture_output=True, check=False).returncode == 1


def test_what_is_not_a_whole_checkpoint_is_not_signed(saved, key):
    (saved / 'weights.safetensors').write_bytes(b'other')
    with pytest.raises(CheckpointError, match='not the file that was saved'):
        sign_checkpoint(saved, key)
    assert not (saved / 'policy.sig').exists()


@pytest.mark.parametrize('refused', ['fsync', 'create'])
def test_a_disk_that_refuses_leaves_no_signature_and_no_half_of_one(
        saved, key, monkeypatch, refused):
    def refuse(*_):
        raise OSError(28, 'No space left on device')

    place = signing_module.os if refused == 'fsync' else signing_module
    monkeypatch.setattr(place, refused, refuse)
    with pytest.raises(CheckpointError, match=r'sig cannot be written: .*No space'):
        signing_module.write_signature(saved, b'card', key)
    monkeypatch.undo()
    assert {path.name for path in saved.iterdir()} == {
        'policy.yaml', 'policy.onnx', 'weights.safetensors'}


def test_a_signature_is_on_the_disk_before_it_has_its_name(saved, key, monkeypatch):
    seen = []

    def fsync(descriptor):
        seen.append((os.fstat(descriptor).st_size, (saved / signing_module.SIGNATURE).exists()))

    monkeypatch.setattr(signing_module.os, 'fsync', fsync)
    signing_module.write_signature(saved, b'card', key)
    assert seen == [(signing_module.SIGNATURE_BYTES, False)]


def test_a_private_key_is_its_owners_alone_and_is_never_overwritten(tmp_path):
    before = os.umask(0)
    try:
        private, public = make_key_pair(tmp_path / 'alice')
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    kept = private.read_bytes(), public.read_bytes()
    with pytest.raises(IlwError, match=r'never overwritten. \S+ is there already'):
        make_key_pair(tmp_path / 'alice')
    private.unlink()
    with pytest.raises(IlwError, match=rf'never overwritten. {public} is there already'):
        make_key_pair(tmp_path / 'alice')
    assert not private.exists()
    assert public.read_bytes() == kept[1]


def test_a_private_key_that_others_can_read_signs_nothing(tmp_path):
    private, _ = make_key_pair(tmp_path / 'alice')
    private.chmod(0o640)
    with pytest.raises(IlwError, match='chmod 600'):
        load_signing_key(private)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


@pytest.mark.parametrize('content', [
    b'', b'text', b'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', b'x' * 10**6,
    pem(ec.generate_private_key(ec.SECP256R1())),
    ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b'word')),
], ids=['empty', 'text', 'broken', 'huge', 'ecdsa', 'passphrase'])
def test_a_file_that_is_no_key_is_named(tmp_path, content):
    for name, read in (('a.key', load_signing_key), ('a.pub', lambda p: load_trusted_keys(
            p.parent))):
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(IlwError, match=name):
            read(path)


def test_a_private_key_among_the_trusted_ones_is_refused(tmp_path):
    private, _ = make_key_pair(tmp_path / 'alice')
    private.rename(tmp_path / 'mistake.pub')
    with pytest.raises(IlwError, match=r'mistake\.pub'):
        load_trusted_keys(tmp_path)


def test_a_folder_without_a_key_trusts_nobody_rather_than_everybody(tmp_path):
    for folder in (tmp_path, tmp_path / 'absent'):
        with pytest.raises(IlwError, match='none'):
            find_trusted_keys(str(folder))


def test_eval_takes_a_signed_checkpoint_only_when_told_whom_to_trust(saved, key, tmp_path):
    options = [str(saved), '--task', 'maze', '--episodes', '1', '--env',
               'test.unit.learner.none:make', '--trusted-keys', str(tmp_path / 'trusted')]
    with pytest.raises(CheckpointError, match='not signed'):
        evaluate.main(options, standalone_mode=False)
    sign_checkpoint(saved, key)
    with pytest.raises(IlwError, match='none:make'):  # past the checkpoint, on to the environment
        evaluate.main(options, standalone_mode=False)


def test_the_commands_make_a_key_sign_and_verify(saved, tmp_path):
    def run(*words):
        return CliRunner().invoke(security, [str(word) for word in words])

    assert run('key', tmp_path / 'bob').exit_code == 0
    assert 'not signed' in str(run('verify', saved, '--trusted-keys', tmp_path).exception)
    assert run('sign', saved, '--key', tmp_path / 'bob.key').exit_code == 0
    assert 'bob.pub' in run('verify', saved, '--trusted-keys', tmp_path).stdout
