"""Behaviour cloning solves trivial tasks, repeats itself, and chooses by driving."""

import json

import numpy as np
import pytest
import torch

from ilw_core.align import Observation
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.progress import CancelledError

CPU = torch.device('cpu')


def act(contract, folder, values):
    runner = PolicyRunner(folder, contract)
    for row in np.atleast_2d(values).astype(np.float32):
        runner.observe(Observation(0, row, np.ones(len(row), dtype=bool), 0))
    return runner.act()[0]


def pursuit(contract):
    """Turn towards the goal, as fast as it is far off; go when it is ahead."""
    names = contract.obs_names
    sin, cos = names.index('goal.bearing_sin'), names.index('goal.bearing_cos')
    return lambda obs: np.stack([0.25 + 0.2 * obs[:, cos], 1.2 * obs[:, sin]], axis=1)


def test_continuous_cloning_solves_the_identity_task(clutter, episodes, fit):
    _, best = fit(clutter, episodes(clutter, pursuit(clutter), count=12, steps=100),
                    updates=800)
    assert best.card['metrics']['held_out']['mae']['twist.linear.x'] < 0.02
    assert best.card['metrics']['held_out']['mae']['twist.angular.z'] < 0.12
    assert best.card['metrics']['held_out']['mae_last_command']['twist.angular.z'] > 0.5


def test_discrete_cloning_solves_the_identity_task(maze, episodes, fit):
    def left_or_right(obs):
        table = maze.action.discrete
        return np.where((obs[:, :1] < 2.5), table['left'], table['right'])

    _, best = fit(maze, episodes(maze, left_or_right))
    allowed = {tuple(row) for row in maze.action.table.astype(np.float32).tolist()}
    for x, name in ((0.5, 'left'), (1.9, 'left'), (3.1, 'right'), (4.5, 'right')):
        chosen = act(maze, best.path, [x, 2.0, 0.0, 1.0])[0]
        assert np.allclose(chosen, maze.action.discrete[name]), (x, chosen)
        assert tuple(chosen.astype(np.float32).tolist()) in allowed


def test_it_overfits_one_episode(clutter, episodes, fit):
    rng = np.random.default_rng(3)
    noise = rng.uniform(clutter.action.low, clutter.action.high, (60, 2))
    one = episodes(clutter, lambda obs: noise, count=1, steps=60)
    _, best = fit(clutter, one, updates=800, hidden=128, weight_decay=0.0)
    assert best.card['metrics']['held_out']['mae']['twist.angular.z'] < 0.05


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(clutter, episodes, fit):
    data = episodes(clutter, pursuit(clutter), count=3)
    weights = [fit(clutter, data, folder=name, seed=seed, updates=60, noise=0.05)[0].averaged()
               for name, seed in (('a', 1), ('b', 1), ('c', 2))]
    first, same, other = [torch.cat([p.flatten() for p in w.parameters()]) for w in weights]
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_training_does_not_touch_the_global_seed(clutter, episodes, fit):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    fit(clutter, episodes(clutter, pursuit(clutter), count=2, steps=40), updates=20)
    assert torch.equal(torch.rand(3), wanted)


def test_mirror_images_make_a_one_sided_driver_turn_both_ways(clutter, episodes, fit):
    goal = clutter.obs_names.index('goal.bearing_sin')

    def only_left(obs):
        obs[:, goal] = np.abs(obs[:, goal])
        return np.stack([np.full(len(obs), 0.3), obs[:, goal]], axis=1)

    data = episodes(clutter, only_left, count=8, steps=120)
    _, best = fit(clutter, data, mirror=True, updates=600)
    seen = np.array((clutter.obs_low + clutter.obs_high) / 2, dtype=np.float32)
    seen[goal] = -0.8
    assert act(clutter, best.path, seen)[0, 1] < -0.3


def test_history_and_chunks_have_the_stated_shapes(clutter, episodes, fit):
    _, best = fit(clutter, episodes(clutter, pursuit(clutter)), history=3, horizon=4,
                    updates=40)
    assert (best.history, best.horizon) == (3, 4)
    middle = (clutter.obs_low + clutter.obs_high) / 2
    assert act(clutter, best.path, np.stack([middle] * 3)).shape == (4, 2)


def test_the_checkpoint_that_drives_best_is_kept_whatever_its_loss(clutter, episodes, fit):
    scores = iter([(9, 10), (1, 10)])
    _, best = fit(clutter, episodes(clutter, pursuit(clutter), count=3), updates=100,
                    score=lambda checkpoint: next(scores))
    assert best.card['update'] == 50
    assert best.card['metrics']['success'] == {'success': 9, 'n': 10}


def test_training_can_be_cancelled(clutter, episodes, fit):
    with pytest.raises(CancelledError):
        fit(clutter, episodes(clutter, pursuit(clutter), count=2), updates=10_000,
            on_progress=lambda p: False)


def test_curves_and_metrics_are_left_behind(clutter, episodes, fit, tmp_path):
    fit(clutter, episodes(clutter, pursuit(clutter), count=3), updates=200)
    rows = [json.loads(line) for line in (tmp_path / 'run/metrics.jsonl').open()]
    assert rows[-1]['update'] == 200
    assert any('eval/held_out_loss' in row for row in rows)
    assert list((tmp_path / 'run').glob('events.out.tfevents.*'))


def test_constant_inputs_do_not_turn_into_noise(clutter, episodes, fit):
    data = episodes(clutter, pursuit(clutter), count=3)
    for episode in data:
        episode.obs[:, 0] = 2.0
    learner, _ = fit(clutter, data, updates=40)
    assert learner.averaged().inputs.scale[0] == 1.0
    assert all(torch.isfinite(p).all() for p in learner.averaged().parameters())


def test_a_short_training_does_not_keep_the_untrained_weights(clutter, episodes, fit):
    data = episodes(clutter, pursuit(clutter), count=3)
    learner, _ = fit(clutter, data, updates=150, average=0.998)
    untrained = FusedMlp(learner.step.network.sizes, torch.Generator().manual_seed(0), CPU)
    first, last, kept = (torch.cat([p.detach().flatten() for p in network.parameters()])
                         for network in (untrained.module(), learner.step.network.module(),
                                         learner.averaged()))
    assert (kept - last).norm() < 0.5 * (kept - first).norm()


@pytest.mark.parametrize('changes', [{}, {'huber': 0.2}, {'smoothing': 0.1}, {'horizon': 3}])
def test_the_slope_is_the_derivative_of_the_loss(contract, changes):
    config = BcConfig(**changes)
    ones = Normalizer.of_observations(np.random.default_rng(0).normal(
        size=(9, contract.obs_dim)), contract.obs_low, contract.obs_high)
    acts = Normalizer.of_actions(np.random.default_rng(1).normal(size=(9, contract.action.dim)),
                                 contract.action.low, contract.action.high)
    policy = BehaviourCloning(contract, config, ones, acts, torch.nn.Identity())
    rng = np.random.default_rng(2)
    low, high = contract.action.low, contract.action.high
    targets = policy.targets(torch.as_tensor(rng.uniform(
        low, high, (7, config.horizon, contract.action.dim)).astype(np.float32)))
    sizes = cloning_sizes(contract, config, policy.inputs)
    out = torch.as_tensor(rng.normal(size=(7, sizes[-1])).astype(np.float32)).requires_grad_()
    policy.output_loss(out, targets).backward()
    assert torch.allclose(policy.slope(out.detach(), targets), out.grad, atol=1e-7)


@pytest.mark.parametrize('clip_norm', [0.0, 0.3])
def test_adam_steps_as_torch_does(clip_norm):
    network = FusedMlp([4, 70, 40, 2], torch.Generator().manual_seed(0), CPU)
    peer = torch.nn.Parameter(network.flat.clone())
    adam = AveragedAdam(network, learning_rate=3e-3, weight_decay=0.1, clip_norm=clip_norm,
                        average=0.9)
    reference = torch.optim.AdamW([peer], lr=3e-3, weight_decay=0.1)
    rng, average = torch.Generator().manual_seed(1), network.flat.clone()
    for step in range(1, 30):
        network.grad.copy_(torch.randn(network.grad.shape, generator=rng))
        peer.grad = network.grad.clone()
        if clip_norm:
            torch.nn.utils.clip_grad_norm_([peer], clip_norm)
        adam.step()
        reference.step()
        if step % 4 == 0:
            average.lerp_(network.flat, 1.0 - min(0.9, step / (step + 9.0)) ** 4)
        assert torch.allclose(network.flat, peer, atol=2e-6)
        assert torch.allclose(adam.average, average, atol=2e-6)
