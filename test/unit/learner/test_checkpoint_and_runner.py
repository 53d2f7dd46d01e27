"""A checkpoint acts without its training code, and one that was tampered with does not act."""

from dataclasses import replace
import hashlib
import subprocess
import sys

import numpy as np
import pytest
import yaml

from ilw_core.align import Observation
from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError, ContractError
from ilw_learner.checkpoint import folder as module
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.runtime.runner import PolicyRunner

onnx = pytest.importorskip('onnx')
from onnx import TensorProto, helper  # noqa: E402


def constant_graph(contract, value, history=2):
    """Return a graph whose action is one value, times zero times the observation, plus it."""
    both = helper.make_tensor('both', TensorProto.FLOAT, [1, 1, 2], [value] * 2)
    zero = helper.make_tensor('zero', TensorProto.FLOAT, [contract.obs_dim, 2],
                              [0.0] * 2 * contract.obs_dim)
    nodes = [helper.make_node('MatMul', ['observation', 'zero'], ['none']),
             helper.make_node('ReduceMean', ['none'], ['mean'], axes=[1], keepdims=1),
             helper.make_node('Add', ['mean', 'both'], ['action'])]
    graph = helper.make_graph(
        nodes, 'constant',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                       ['B', history, contract.obs_dim])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', 1, 2])], [both, zero])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8).SerializeToString()


def mean_graph(contract, history=2, horizon=1):
    """Return a graph whose action is the mean of the window's first two numbers."""
    pair = helper.make_tensor('pair', TensorProto.INT64, [2], [0, 1])
    shape = helper.make_tensor('shape', TensorProto.INT64, [3], [-1, horizon, 2])
    nodes = [helper.make_node('ReduceMean', ['observation'], ['mean'], axes=[1], keepdims=0),
             helper.make_node('Gather', ['mean', 'pair'], ['two'], axis=1),
             helper.make_node('Reshape', ['two', 'shape'], ['action'])]
    graph = helper.make_graph(
        nodes, 'mean',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                       ['B', history, contract.obs_dim])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', horizon, 2])],
        [pair, shape])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8).SerializeToString()


@pytest.fixture
def saved(maze, tmp_path):
    return save_checkpoint(tmp_path / 'checkpoint', maze,
                           {'algorithm': 'test', 'history': 2, 'horizon': 1},
                           {'policy.onnx': mean_graph(maze), 'weights.safetensors': b'weights'})


def seen(values, valid=None):
    values = np.asarray(values, dtype=np.float32)
    valid = np.ones(len(values), dtype=bool) if valid is None else np.asarray(valid)
    return Observation(0, values, valid, 0)


def test_what_was_saved_is_what_is_loaded(saved, maze):
    again = load_checkpoint(saved.path, maze)
    assert again.hash == saved.hash
    assert again.contract.hash == maze.hash
    assert (again.history, again.horizon) == (2, 1)


def test_the_runner_keeps_the_history_and_forgets_it_on_reset(saved, maze):
    runner = PolicyRunner(saved.path, maze)
    runner.observe(seen([1.0, 2.0, 0.0, 1.0]))
    assert np.allclose(runner.act()[0], [[1.0, 2.0]]), 'the first observation stands for the past'
    runner.observe(seen([3.0, 4.0, 0.0, 1.0]))
    assert np.allclose(runner.act()[0], [[2.0, 3.0]])
    runner.reset()
    assert runner.act() == (None, 'no observation yet')


def test_a_missing_feature_means_no_action_until_it_left_the_history(saved, maze):
    runner = PolicyRunner(saved.path, maze)
    runner.observe(seen([0.0, 2.0, 0.0, 1.0], [False, True, True, True]))
    assert runner.act() == (None, 'missing: pose.x_m')
    runner.observe(seen([1.0, 2.0, 0.0, 1.0]))
    assert runner.act()[0] is None
    runner.observe(seen([1.0, 2.0, 0.0, 1.0]))
    assert np.allclose(runner.act()[0], [[1.0, 2.0]])


def test_a_network_that_gives_nan_gives_no_action(saved, maze):
    runner = PolicyRunner(saved.path, maze)
    runner.observe(Observation(0, np.full(4, np.nan, np.float32), np.ones(4, bool), 0))
    assert runner.act()[0] is None


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_network_that_went_to_nan_in_training_is_refused_when_it_is_loaded(
        maze, tmp_path, value):
    made = save_checkpoint(tmp_path / 'c', maze, {'algorithm': 'test', 'history': 2, 'horizon': 1},
                           {'policy.onnx': constant_graph(maze, value),
                            'weights.safetensors': b'weights'})
    with pytest.raises(CheckpointError, match='not finite'):
        PolicyRunner(made.path, maze)


def test_idle_gives_the_stop_action_and_random_every_choice(maze, clutter):
    idle = PolicyRunner('idle', maze)
    idle.observe(seen(np.zeros(4)))
    assert idle.act()[0].tolist() == [[0.0, 0.0]]
    random = PolicyRunner('random', maze, seed=1)
    random.observe(seen(np.zeros(4)))
    drawn = {tuple(random.act()[0][0]) for _ in range(100)}
    assert drawn == {tuple(row) for row in maze.action.table.tolist()}
    free = PolicyRunner('random', clutter, seed=1)
    free.observe(seen(np.zeros(41)))
    values = np.array([free.act()[0][0] for _ in range(500)])
    assert np.all((values >= clutter.action.low) & (values <= clutter.action.high))
    assert np.all(np.ptp(values, axis=0) > 0.9 * (clutter.action.high - clutter.action.low))


def test_random_repeats_under_its_seed_but_not_from_episode_to_episode(clutter):
    def episodes(seed):
        runner = PolicyRunner('random', clutter, seed=seed)
        drawn = []
        for _ in range(2):
            runner.reset()
            runner.observe(seen(np.zeros(41)))
            drawn.append(tuple(runner.act()[0][0]))
        return drawn

    assert episodes(1) == episodes(1)
    assert episodes(1) != episodes(2)
    assert len(set(episodes(1))) == 2


def test_another_contract_is_refused_and_both_are_named(saved, maze):
    other = parse_contract(maze.text.replace('rate_hz: 10', 'rate_hz: 20'))
    with pytest.raises(ContractError) as caught:
        PolicyRunner(saved.path, other)
    assert maze.hash[:12] in str(caught.value)
    assert other.hash[:12] in str(caught.value)


@pytest.mark.parametrize('name', ['policy.onnx', 'weights.safetensors'])
def test_a_changed_file_is_refused(saved, maze, name):
    file = saved.path / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(saved.path, maze)


@pytest.mark.parametrize('name', ['policy.onnx', 'weights.safetensors', 'policy.yaml'])
def test_a_missing_file_is_refused(saved, maze, name):
    (saved.path / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(saved.path, maze)


@pytest.mark.parametrize('text', [
    '', '{', '[]', 'a: *b', '!!python/object/apply:os.system [echo]', 'schema: ilw.checkpoint/99',
    '\x00\x01',
])
def test_a_damaged_card_is_refused(saved, maze, text):
    (saved.path / 'policy.yaml').write_text(text)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved.path, maze)


@pytest.mark.parametrize('name', ['../outside', '/etc/hostname', 'sub/file', '..'])
def test_a_file_outside_the_folder_is_refused(saved, maze, name):
    card = yaml.safe_load((saved.path / 'policy.yaml').read_text())
    (saved.path.parent / 'outside').write_bytes(b'x')
    card['files'][name] = hashlib.sha256(b'x').hexdigest()
    (saved.path / 'policy.yaml').write_text(yaml.safe_dump(card))
    with pytest.raises(CheckpointError, match='leaves the folder'):
        load_checkpoint(saved.path, maze)


def test_a_link_out_of_the_folder_is_refused(saved, maze, tmp_path):
    real = tmp_path / 'elsewhere'
    (saved.path / 'policy.onnx').rename(real)
    (saved.path / 'policy.onnx').symlink_to(real)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved.path, maze)


def test_a_file_larger_than_allowed_is_refused_unread(saved, maze, monkeypatch):
    monkeypatch.setattr(module, '_MAX_FILE_BYTES', 10)
    with pytest.raises(CheckpointError, match='larger'):
        load_checkpoint(saved.path, maze)


@pytest.mark.parametrize('key', ['history', 'horizon'])
@pytest.mark.parametrize('value', [0, -1, 10**9, 'two', None])
def test_an_absurd_window_is_refused(saved, maze, key, value):
    card = yaml.safe_load((saved.path / 'policy.yaml').read_text())
    card[key] = value
    (saved.path / 'policy.yaml').write_text(yaml.safe_dump(card))
    with pytest.raises(CheckpointError, match=key):
        load_checkpoint(saved.path, maze)


def test_a_graph_that_does_not_fit_the_contract_is_refused(maze, clutter, tmp_path):
    save = save_checkpoint(tmp_path / 'c', clutter, {'history': 2, 'horizon': 1},
                           {'policy.onnx': mean_graph(maze), 'weights.safetensors': b''})
    with pytest.raises(CheckpointError, match='no network for this contract'):
        PolicyRunner(save.path, clutter)


def test_a_failed_save_leaves_the_old_checkpoint_and_nothing_else(saved, maze, monkeypatch):
    def full(path, content):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(module, '_write', full)
    with pytest.raises(OSError, match='No space'):
        save_checkpoint(saved.path, maze, {'history': 1, 'horizon': 1}, {'policy.onnx': b''})
    assert [p.name for p in saved.path.parent.iterdir()] == ['checkpoint']
    assert load_checkpoint(saved.path, maze).hash == saved.hash


def test_a_folder_that_is_no_checkpoint_says_so(maze, tmp_path):
    for path in (tmp_path, tmp_path / 'absent'):
        with pytest.raises(CheckpointError, match='not a checkpoint'):
            PolicyRunner(path, maze)


def test_running_a_policy_never_imports_torch(saved):
    code = ('import sys; import ilw_learner.runtime.runner, ilw_learner.rollout.evaluate, '
            'ilw_data.doctor, ilw_data.bag.reader, ilw_data.episode.dataset, '
            'ilw_learner.runtime.worker, ilw_learner.cli; '
            'from ilw_learner.runtime.runner import PolicyRunner; '
            'from ilw_learner.checkpoint.folder import load_checkpoint; from pathlib import Path; '
            f'c = load_checkpoint(Path({str(saved.path)!r})); PolicyRunner(c.path, c.contract); '
            'print(sorted({m.split(".")[0] for m in sys.modules} & {"torch", "rclpy", "pybullet", '
            '"ilw_sim"}))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_comments_and_layout_of_a_contract_do_not_make_it_another(saved, maze):
    commented = parse_contract('# a remark\n' + maze.text)
    assert replace(commented, text=maze.text).hash == maze.hash
    assert load_checkpoint(saved.path, commented).hash == saved.hash
