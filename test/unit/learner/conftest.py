"""Policies that always do the same, and a task whose end depends on what they do."""

import numpy as np
import pytest

from ilw_learner.checkpoint.folder import save_checkpoint

ENV = """
import gymnasium, numpy as np
class Coin(gymnasium.Env):
    '''One step. Faster is luckier: it succeeds if speed / 0.4 is above the seed's number.'''
    def __init__(self, contract):
        self.contract, self.drives = contract, 0
    def info(self, success):
        return {'valid': np.ones(self.contract.obs_dim, bool), 'success': success, 'time_s': 1.0,
                'stop_reason': 'goal' if success else 'collision', 'path_length_m': 1.0,
                'shortest_path_m': 1.0}
    def reset(self, *, seed=None, options=None):
        self.luck = np.random.default_rng(seed).random()
        return np.zeros(self.contract.obs_dim, np.float32), self.info(False)
    def step(self, action):
        won = self.contract.action.table[action][0] if np.ndim(action) == 0 else action[0]
        open(PATH, 'a').write('x')
        return (np.zeros(self.contract.obs_dim, np.float32), 0.0, True, False,
                self.info(bool(won / 0.4 > self.luck)))
def make_env(contract, **options):
    return Coin(contract)
"""


@pytest.fixture
def coin(tmp_path, monkeypatch):
    """Return the ``--env`` of the task, whose ``drives`` file has a letter per episode."""
    folder = tmp_path / 'coin'
    folder.mkdir()
    (folder / 'coin_env.py').write_text(f'PATH = {str(folder / "drives")!r}\n{ENV}')
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(__import__('sys').modules, 'coin_env', raising=False)
    return 'coin_env:make_env'


@pytest.fixture
def drives(tmp_path):
    """Return a function that tells how many episodes of the coin task were driven."""
    return lambda: len((tmp_path / 'coin/drives').read_text())


@pytest.fixture
def constant(tmp_path):
    """Return a maker of checkpoints: constant(contract, name, speed, turn)."""
    onnx = pytest.importorskip('onnx')
    from onnx import TensorProto, helper

    def make(contract, name, speed, turn=0.0):
        width = contract.obs_dim
        weights = [helper.make_tensor('zero', TensorProto.FLOAT, [width, 2], [0.0] * 2 * width),
                   helper.make_tensor('both', TensorProto.FLOAT, [1, 1, 2], [speed, turn])]
        nodes = [helper.make_node('MatMul', ['observation', 'zero'], ['none']),
                 helper.make_node('Add', ['none', 'both'], ['action'])]
        ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ['B', 1, size])
                for end, size in (('observation', width), ('action', 2))]
        graph = helper.make_graph(nodes, name, ends[:1], ends[1:], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                                  ir_version=8)
        assert onnx.checker.check_model(model) is None
        save_checkpoint(tmp_path / name, contract, {
            'algorithm': 'test', 'history': 1, 'horizon': 1},
            {'policy.onnx': model.SerializeToString(),
             'weights.safetensors': np.float32([speed, turn]).tobytes()})
        return tmp_path / name

    return make
