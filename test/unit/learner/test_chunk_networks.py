"""The networks of act and flow: what is no target, what is frozen, ONNX beside torch, images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ilw_core.errors import ContractError
from ilw_learner.algorithms.act import ActConfig, ActPolicy
from ilw_learner.algorithms.flow import FlowConfig, FlowPolicy
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.graph_trial import image_shapes
from ilw_learner.chunks.action_code import held_first
from ilw_learner.runtime.graph import Graph

SMALL = {'horizon': 5, 'execute': 2, 'width': 16, 'heads': 2, 'hidden': 16}
CASES = [(ActConfig(**SMALL), ActPolicy), (ActConfig(latent=3, **SMALL), ActPolicy),
         (FlowConfig(**SMALL), FlowPolicy),
         (FlowConfig(frozen=3, join='prefix', spread=1.0, **SMALL), FlowPolicy),
         (ActConfig(frozen=3, join='prefix', latent=2, **SMALL), ActPolicy),
         (ActConfig(frozen=3, join='prefix', **SMALL), ActPolicy)]


def made(contract, config, kind, count=12, seed=0):
    """Return a policy, and observations and actions to learn from."""
    rng = np.random.default_rng(seed)
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (count, config.history, contract.obs_dim)).astype(np.float32)
    action = contract.action
    actions = rng.uniform(action.low, action.high,
                          (count, config.horizon, action.dim)).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = kind(contract, config, obs, actions)
    policy.history, policy.horizon = config.history, config.horizon
    return policy, torch.as_tensor(obs), torch.as_tensor(actions)


def loss_and_slope(policy, obs, actions, **more):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        policy.zero_grad()
        loss = policy.loss(obs, actions, **more)
        loss.backward()
    return loss.detach(), torch.cat([each.grad.flatten() for each in policy.parameters()
                                     if each.grad is not None])


@pytest.mark.parametrize(('config', 'kind'), CASES)
def test_what_is_past_an_end_pulls_at_nothing(clutter, config, kind):
    policy, obs, actions = made(clutter, replace(config, noise=0.0), kind)
    policy.train()
    whole = loss_and_slope(policy, obs, actions)
    ended = actions.clone()
    ended[:, 3:] = torch.nan
    short = loss_and_slope(policy, obs, ended)
    assert torch.isfinite(short[1]).all() and not torch.allclose(short[1], whole[1])
    if not config.__dict__.get('latent'):  # the encoder of a style is told that nothing is there
        other = ended.clone()
        other[0, 2] = torch.nan
        assert not torch.allclose(loss_and_slope(policy, obs, other)[1], short[1])
    nobody = torch.full_like(actions, torch.nan)
    if not config.__dict__.get('latent'):
        loss, slope = loss_and_slope(policy, obs, nobody)
        assert loss == 0.0 and (slope == 0.0).all()


@pytest.mark.parametrize(('config', 'kind'), CASES)
def test_a_window_that_counts_twice_is_one_that_is_there_twice(clutter, config, kind):
    policy, obs, actions = made(clutter, config, kind)
    policy.eval()  # nothing is drawn
    weights = torch.ones(12)
    weights[4], weights[5] = 2.0, 0.0
    rows = torch.arange(12)
    rows[5] = 4
    twice = loss_and_slope(policy, obs[rows], actions[rows])
    weighted = loss_and_slope(policy, obs, actions, weights=weights)
    torch.testing.assert_close(weighted, twice, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('task', ['clutter', 'maze'])
@pytest.mark.parametrize(('config', 'kind'), CASES)
def test_the_graph_acts_as_torch_within_the_limits(config, kind, task, request):
    contract = request.getfixturevalue(task)
    policy, obs, _ = made(contract, config, kind)
    graph = Graph(to_onnx(policy, contract, 1), (12, 1, contract.obs_dim),
                  chunk=(5, contract.action.dim))
    acted = graph.batch(obs.numpy())
    with torch.no_grad():
        np.testing.assert_allclose(acted, policy.eval().act(obs).numpy(), atol=1e-4)
    assert (acted >= contract.action.low - 1e-6).all()
    assert (acted <= contract.action.high + 1e-6).all()
    if not contract.action.discrete:  # whose choice may be the same for all, untrained
        assert len(np.unique(acted[:, 0], axis=0)) == 12, 'it depends on what is seen'


@pytest.mark.parametrize(('config', 'kind'), [each for each in CASES if each[0].frozen])
def test_a_graph_goes_on_from_frozen_actions_and_forgets_them(clutter, config, kind):
    policy, obs, _ = made(clutter, config, kind)
    graph = Graph(to_onnx(policy, clutter, 1), (1, 1, clutter.obs_dim), chunk=(5, 2))
    free = graph(obs[0].numpy()).copy()
    driven = np.array([[0.3, -1.0], [0.1, 0.7]], np.float32)
    graph.freeze(driven)
    held = graph(obs[0].numpy()).copy()
    np.testing.assert_array_equal(held[:2], driven)
    assert np.abs(held[2:] - free[2:]).max() > 1e-4, 'what follows goes on from there'
    graph.freeze(np.empty((0, 0)))
    np.testing.assert_array_equal(graph(obs[0].numpy()), free)


@pytest.mark.parametrize(('config', 'kind'), CASES)
@pytest.mark.parametrize('odometry', [True, False])
def test_images_are_seen_with_numbers_and_without(config, kind, odometry, cameras):
    contract = cameras.camera_contract(odometry=odometry)
    policy, obs, actions = made(contract, replace(config, history=2), kind)
    rng = np.random.default_rng(3)
    images = [torch.as_tensor(rng.integers(0, 256, (12, 2, *source.feature.shape), dtype=np.uint8))
              for source in contract.images]
    assert torch.isfinite(policy.train().loss(obs, actions, *images))
    graph = Graph(to_onnx(policy, contract, 2), (1, 2, contract.obs_dim), images=image_shapes(
        contract, 2), chunk=(5, contract.action.dim))
    found = graph(obs[0].numpy(), {source.name: each[0].numpy() for source, each in zip(
        contract.images, images, strict=True)})
    with torch.no_grad():
        wanted = policy.eval().act(obs[:1], *(each[:1] for each in images))[0].numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize(('kind', 'values', 'said'), [
    (ActConfig, {'execute': 17}, 'execute must be at most horizon'),
    (ActConfig, {'join': 'prefix'}, 'frozen must be at least 1'),
    (ActConfig, {'join': 'mix'}, 'join must be one of'), (ActConfig, {'latent': -1}, 'latent'),
    (ActConfig, {'width': 60}, 'twice the heads'), (ActConfig, {'noise': -0.1}, 'noise'),
    (FlowConfig, {'steps': 0}, 'steps'), (FlowConfig, {'frozen': 16}, 'frozen'),
    (ActConfig, {'frozen': -1}, 'frozen'), (ActConfig, {'eval_slower_s': -0.1}, 'eval_slower_s'),
    (FlowConfig, {'eval_slower_s': 10.1}, 'eval_slower_s'),
    (FlowConfig, {'join': 'prefix'}, 'frozen must be at least 1')])
def test_values_that_cannot_be_are_refused(kind, values, said):
    with pytest.raises(ValueError, match=said):
        kind(**values)


def test_chunks_that_the_arbiter_would_refuse_are_not_trained(clutter, maze):
    ActConfig(horizon=21).require(clutter)
    with pytest.raises(ContractError, match='horizon must be at most 21 at the 10 Hz'):
        ActConfig(horizon=22).require(clutter)
    ActConfig(join='ensemble', execute=1).require(clutter)
    with pytest.raises(ContractError, match='named ones'):
        ActConfig(join='ensemble', execute=1).require(maze)


@pytest.mark.parametrize('kind', [ActPolicy, FlowPolicy], ids=['act', 'flow'])
def test_what_is_frozen_in_training_is_no_target_and_is_gone_on_from(clutter, kind):
    config = replace(next(c for c, k in CASES if k is kind and c.frozen and not
                          c.__dict__.get('latent')), noise=0.0)
    policy, obs, actions = made(clutter, config, kind)
    policy.train()
    counts = set()
    for seed in range(40):
        torch.manual_seed(seed)
        held = held_first(actions, config.frozen).squeeze(-1)
        assert (held[:, :-1] >= held[:, 1:]).all(), 'the first ones'
        counts |= set(held.sum(1).tolist())
    assert counts == {0, 1, 2, 3}
    slopes = [loss_and_slope(policy, obs, torch.cat([first, actions[:, 1:]], 1))[1]
              for first in (actions[:, :1], -actions[:, :1])]
    assert not torch.allclose(*slopes), 'it is told what is driven'
