"""The exported graph gives the numbers of the network it came from."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.normalizer import Normalizer


def network(contract, **changes):
    rng = np.random.default_rng(7)
    seen = rng.uniform(contract.obs_low, contract.obs_high, (500, contract.obs_dim))
    done = rng.uniform(contract.action.low, contract.action.high, (500, contract.action.dim))
    config = BcConfig(**changes)
    policy = BehaviourCloning(
        contract, config, Normalizer.of_observations(seen, contract.obs_low, contract.obs_high),
        Normalizer.of_actions(done, contract.action.low, contract.action.high),
        torch.nn.Identity())
    sizes = cloning_sizes(contract, config, policy.inputs)
    policy.net = FusedMlp(sizes, torch.Generator().manual_seed(3), torch.device('cpu')).module()
    return policy.eval()


@pytest.mark.parametrize('changes', [
    {}, {'history': 3, 'horizon': 5}, {'fourier': 4}, {'near_m': 0.4},
    {'fourier': 2, 'near_m': 0.4, 'history': 2},
])
def test_onnx_equals_torch(contract, changes):
    policy = network(contract, **changes)
    history = changes.get('history', 1)
    session = ort.InferenceSession(to_onnx(policy, contract, history),
                                   providers=['CPUExecutionProvider'])
    rng = np.random.default_rng(8)
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (1, history, contract.obs_dim)).astype(np.float32)
    for _ in range(50):
        with torch.no_grad():
            wanted = policy(torch.as_tensor(obs)).numpy()
        got = session.run(['action'], {'observation': obs})[0]
        assert got.shape == (1, changes.get('horizon', 1), contract.action.dim)
        assert np.abs(got - wanted).max() < 1e-4
        obs = rng.uniform(contract.obs_low, contract.obs_high, obs.shape).astype(np.float32)


def test_limits_hold_whatever_goes_in(clutter):
    policy = network(clutter)
    session = ort.InferenceSession(to_onnx(policy, clutter, 1),
                                   providers=['CPUExecutionProvider'])
    wild = (1e4 * np.random.default_rng(1).standard_normal((200, 1, 41))).astype(np.float32)
    got = session.run(['action'], {'observation': wild})[0]
    assert np.all(got >= clutter.action.low.astype(np.float32))
    assert np.all(got <= clutter.action.high.astype(np.float32))


def test_a_graph_that_differs_is_not_saved(clutter, monkeypatch):
    policy = network(clutter)
    real = BehaviourCloning.forward
    calls = []

    def drifting(self, obs):
        calls.append(1)
        return real(self, obs) + (0.01 if not torch.jit.is_tracing() else 0.0)

    monkeypatch.setattr(BehaviourCloning, 'forward', drifting)
    with pytest.raises(ValueError, match='nothing was saved'):
        to_onnx(policy, clutter, 1)
    assert calls
