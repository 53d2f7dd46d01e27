"""Elastic weights: the Fisher matrix beside what is worked out by hand, and what it holds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning
from ilw_learner.networks.fisher import diagonal_fisher
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.training.imitation import AutogradStep
from ilw_learner.training.own_random import OwnRandom
from ilw_learner.transfer.anchor import anchored

CPU = torch.device('cpu')


def policy_of(contract, hidden=4, **changes):
    """Return a policy with random weights, and observations for it, (N, To, Do)."""
    config = BcConfig(hidden=hidden, layers=1, noise=0.0, **changes)
    spread = Normalizer.of_bounds(contract.obs_low, contract.obs_high)
    torch.manual_seed(0)
    policy = BehaviourCloning(contract, config, spread, Normalizer.of_bounds(
        contract.action.low, contract.action.high), nn.Identity())
    outputs = config.horizon * (len(contract.action.discrete) or contract.action.dim)
    policy.net = nn.Sequential(nn.Linear(config.history * policy.inputs.width, hidden),
                               nn.ReLU(), nn.Linear(hidden, outputs))
    rng = np.random.default_rng(1)
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (90, config.history, contract.obs_dim)).astype(np.float32)
    return policy, torch.from_numpy(obs)


def test_of_a_linear_model_it_is_the_mean_square_of_its_inputs(clutter):
    policy, obs = policy_of(clutter, huber=0.5)
    policy.net = nn.Sequential(nn.Linear(policy.inputs.width, 2))
    fisher = diagonal_fisher(policy, obs)
    inputs = policy.inputs(obs).flatten(1)
    by_hand = inputs.square().mean(0) / (0.5 * 2)  # Huber's curvature, the mean over 2 outputs
    torch.testing.assert_close(fisher['net.0.weight'], by_hand.expand(2, -1))
    torch.testing.assert_close(fisher['net.0.bias'], torch.full((2,), 1.0))


@pytest.mark.parametrize(('task', 'changes'), [
    ('clutter', {'history': 2, 'horizon': 3, 'near_m': 0.4, 'huber': 0.2}),
    ('maze', {'horizon': 2, 'fourier': 2})])
def test_it_is_how_the_loss_curves_where_labels_are_the_policys_own(task, changes):
    """Beside the second difference of the expected loss, with labels as the policy gives them."""
    contract = load_contract(config_file('tasks', task))
    policy, obs = policy_of(contract, **changes)
    policy = policy.double()
    obs = obs.double()
    fisher = diagonal_fisher(policy, obs)
    now = policy.outputs(obs).detach()

    @torch.no_grad()
    def expected():
        out = policy.outputs(obs)
        if not policy.discrete:
            return float(policy.output_loss(out, now))
        chance = now.reshape(-1, policy.discrete).softmax(1)
        logs = out.reshape(-1, policy.discrete).log_softmax(1)
        return float(-(chance * logs).sum(1).mean())

    base, step = expected(), 1e-4
    with torch.no_grad():
        for name, value in policy.named_parameters():
            for at in range(0, value.numel(), max(1, value.numel() // 25)):
                flat, before = value.view(-1), float(value.view(-1)[at])
                sides = []
                for sign in (1.0, -1.0):
                    flat[at] = before + sign * step
                    sides.append(expected())
                flat[at] = before
                curved = (sides[0] + sides[1] - 2.0 * base) / step ** 2
                assert float(fisher[name].view(-1)[at]) == pytest.approx(
                    curved, rel=2e-2, abs=1e-6), (name, at)


@pytest.fixture
def begun(clutter, episodes):
    """Return a training step that has made no update, its policy's windows, and its config."""
    config = BcConfig(hidden=16, noise=0.0, huber=0.5)
    data = build_dataset(episodes(clutter, lambda obs: obs[:, :2] * [0.1, -0.2]), clutter)
    step = cloning_step(clutter, config, 3)(data.obs, data.actions, CPU,
                                            torch.Generator().manual_seed(0))
    return step, data


def test_the_flat_order_of_both_ways_to_the_gradient_is_that_of_their_parameters(begun, clutter):
    step, data = begun
    policy = step.policy(step.parameters.flat)
    torch.testing.assert_close(step.flatten(policy), step.parameters.flat)
    other = AutogradStep(policy, data.obs, data.actions, CPU, OwnRandom(0, CPU))
    torch.testing.assert_close(other.flatten(other.policy(other.parameters.flat)),
                               other.parameters.flat)


def test_it_pulls_each_weight_back_as_hard_as_the_old_task_depends_on_it(begun):
    step, data = begun
    anchor = anchored(step, data, 3.0, torch.Generator().manual_seed(0))
    start = step.parameters.flat.clone()
    assert anchor.penalty(step.parameters) == 0.0
    assert float(anchor.fisher.min()) >= 0.0 and float(anchor.fisher.max()) > 1e-3
    away = torch.randn(start.shape, generator=torch.Generator().manual_seed(1))
    step.parameters.flat.add_(away)
    step.parameters.grad.zero_()
    anchor.pull(step.parameters)
    torch.testing.assert_close(step.parameters.grad, 3.0 * anchor.fisher * away)
    assert anchor.penalty(step.parameters) == pytest.approx(
        1.5 * float((anchor.fisher * away ** 2).sum()), rel=1e-4)
    for _ in range(2000):  # plain descent along it alone
        step.parameters.grad.zero_()
        anchor.pull(step.parameters)
        step.parameters.flat.sub_(step.parameters.grad, alpha=0.3 / float(anchor.fisher.max()))
    held = anchor.fisher > 0.05 * anchor.fisher.max()
    torch.testing.assert_close(step.parameters.flat[held], start[held], atol=1e-3, rtol=0.0)
    free = anchor.fisher == 0.0
    torch.testing.assert_close(step.parameters.flat[free], (start + away)[free])


def test_the_fisher_of_a_training_is_in_the_order_of_its_weights(begun):
    """One weight at a time: the outputs' squared change is what its entry says."""
    step, data = begun
    anchor = anchored(step, replace(data, obs=data.obs[:200]), 1.0, torch.Generator())
    obs = torch.from_numpy(data.obs[:200])
    flat = step.parameters.flat
    with torch.no_grad():
        for at in np.random.default_rng(4).integers(0, len(flat), 30).tolist():
            sides = []
            for sign in (1.0, -1.0):
                moved = flat.clone()
                moved[at] += sign * 1e-3  # small: few units of a ReLU switch within
                sides.append(step.policy(moved).outputs(obs))
            change = (sides[0] - sides[1]) / 2e-3
            curved = float(change.square().sum(1).mean()) / (0.5 * 2)
            assert float(anchor.fisher[at]) == pytest.approx(curved, rel=0.05, abs=1e-5)
