"""One update against torch's gradients and optimiser, each option alone; training's schedule."""

from dataclasses import replace
from itertools import pairwise
import math

import numpy as np
import pytest
import torch
from torch import nn

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.algorithms.dqn import GreedyPolicy
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore, QLearner, drive_greedily
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig, choice_table, duel
from ilw_learner.data.replay_buffer import Batch, ReplayBuffer, Transitions
from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.rollout.vec_env import Steps
from ilw_learner.training.loop import TrainingLoop
from ilw_learner.training.progress import CancelledError

CPU = torch.device('cpu')
PLAIN = DqnConfig(hidden=9, layers=2, learning_rate=0.01, clip_norm=0.0, double=False, batch=6,
                  target_every=1000, n_step=1, final_rate_ratio=1.0, average=0.0, robots=1)


def linear_layers(module):
    return [layer for layer in module if isinstance(layer, nn.Linear)]


def flat_of(module, what):
    """Return weights or gradients of modules in the order of the flat vector."""
    layers = linear_layers(module)
    return torch.cat([torch.cat([
        (what(layer.weight) if layer is layers[-1] else what(layer.weight).t()).flatten(),
        what(layer.bias)]) for layer in layers])


class OneBatch:
    """A buffer that gives the same batch and notes what it was asked and told."""

    def __init__(self, size=6, width=4, choices=3, *, weight=None, demo=None, seed=3):
        rng = torch.Generator().manual_seed(seed)
        self.batch = Batch(
            torch.arange(size), torch.randn(size, width, generator=rng),
            torch.randint(choices, (size,), generator=rng), torch.randn(size, generator=rng),
            torch.tensor([0.9, 0.0, 0.81, 0.9, 0.7, 0.95][:size]),
            torch.randn(size, width, generator=rng), weight, demo)
        self.asked, self.judged = [], []

    def draw(self, size, beta=0.0, demo_ratio=0.0):
        self.asked.append((size, beta, demo_ratio))
        return self.batch

    def judge(self, batch, error, bonus=0.0):
        self.judged.append((error.clone(), bonus))


def made(**options):
    dqn = Dqn(replace(PLAIN, **options), 4, 3, CPU, seed=1)
    dqn.target.flat.copy_(
        FusedMlp(dqn.network.sizes, torch.Generator().manual_seed(9), CPU).flat)
    return dqn


def expected(dqn, batch, *, demo_weight=1.0):
    """Return (errors, gradient) by torch's own derivatives of the loss as the papers write it."""
    config, net, target = dqn.config, dqn.network.module(), dqn.target.module()
    heads = duel(3) if config.dueling else torch.eye(3)
    values, later = net(batch.obs) @ heads, target(batch.after) @ heads
    if config.double:
        chosen = (net(batch.after) @ heads).argmax(1)
        after = later[torch.arange(len(chosen)), chosen]
    else:
        after = later.max(1).values
    taken = values[torch.arange(len(values)), batch.action]
    wanted = (batch.reward + batch.discount * after).detach()
    wanted = wanted - config.action_gap * (values.max(1).values - taken).detach()
    error = taken - wanted
    loss = nn.functional.huber_loss(taken, wanted, reduction='none')
    if batch.weight is not None:
        loss = loss * batch.weight
    if batch.demo is not None and config.margin:
        raised = values + config.margin * (1.0 - nn.functional.one_hot(batch.action, 3))
        worse = raised.max(1).values - taken
        loss = loss + config.margin_weight * demo_weight * batch.demo * worse
    loss.mean().backward()
    return error.detach(), flat_of(net, lambda part: part.grad)


DEMO = torch.tensor([True, False, True, True, False, False])
WEIGHT = torch.tensor([1.0, 0.3, 0.55, 0.8, 0.1, 0.9])


@pytest.mark.parametrize(('options', 'given'), [
    ({}, {}), ({'double': True}, {}), ({'dueling': True}, {}),
    ({'dueling': True, 'double': True}, {}), ({'action_gap': 0.4}, {}),
    ({}, {'weight': WEIGHT}), ({}, {'demo': DEMO}),
    ({'margin': 0.8}, {'demo': DEMO}), ({'margin': 0.3, 'margin_weight': 0.6}, {'demo': DEMO}),
    ({'margin': 0.8, 'dueling': True, 'double': True, 'action_gap': 0.2, 'layers': 1},
     {'demo': DEMO, 'weight': WEIGHT})])
@pytest.mark.parametrize('seed', [3, 11])
def test_an_update_follows_the_gradient_of_the_loss(options, given, seed):
    dqn, buffer = made(**options), OneBatch(seed=seed, **given)
    error, gradient = expected(dqn, buffer.batch)
    found = dqn.update(buffer, beta=0.6)
    assert torch.allclose(found, error, atol=1e-5)
    assert torch.allclose(dqn.network.grad, gradient, atol=1e-6)
    assert buffer.asked == [(6, 0.6, 0.0)]
    assert torch.equal(buffer.judged[0][0], found)
    assert dqn.updates == 1


@pytest.mark.parametrize('options', [
    {}, {'double': True}, {'dueling': True, 'double': True}, {'action_gap': 0.4},
    {'margin': 0.7}])
@pytest.mark.parametrize('weight', [None, torch.linspace(0.2, 1.0, 6)])
def test_one_pass_over_a_batch_gives_the_slope_of_operations_of_torch(options, weight):
    demo = torch.tensor([True, False, True, False, False, True]) if 'margin' in options else None
    ways = [Dqn(replace(PLAIN, **options), 4, 3, CPU, seed=2) for _ in range(2)]
    ways[1]._by_kernels = False
    errors = []
    for way in ways:
        for parameters in (way.network.flat, way.target.flat):
            parameters.add_(torch.linspace(-0.5, 0.5, len(parameters)))
        way.target.flat.mul_(1.5)
        errors.append(way.update(OneBatch(weight=weight, demo=demo)))
    torch.testing.assert_close(*errors, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(*(way.network.grad for way in ways), atol=1e-6, rtol=1e-5)
    assert float(ways[0].network.grad.abs().max()) > 1e-3


@pytest.mark.parametrize('options', [
    {}, {'double': True}, {'dueling': True, 'double': True, 'action_gap': 0.4},
    {'average': 0.9, 'final_rate_ratio': 0.1}, {'prioritised': True}, {'fused': False}])
@pytest.mark.parametrize('batch', [6, 700])
def test_steps_whose_batches_are_drawn_ahead_are_those_of_one_after_the_other(options, batch):
    ways = []
    for at_once in (True, False):
        dqn = Dqn(replace(PLAIN, batch=batch, target_every=5, **options), 4, 3, CPU, seed=2)
        rng = torch.Generator().manual_seed(4)
        buffer = ReplayBuffer(900, 4, CPU, rng, alpha=0.6 if 'prioritised' in options else 0.0)
        buffer.add(Transitions(torch.randn(900, 4, generator=rng),
                               torch.randint(3, (900,), generator=rng),
                               torch.randn(900, generator=rng), torch.full((900,), 0.9),
                               torch.randn(900, 4, generator=rng)))
        if at_once:
            dqn.learn(buffer, 0.4, 3)
            error = dqn.learn(buffer, 0.4, 9)  # 2 to the target's change, 5, 2
        else:
            for _ in range(12):
                error = dqn.update(buffer, 0.4)
        ways.append((dqn, error.clone()))
    (ahead, error), (plain, wanted) = ways
    assert ahead.updates == plain.updates == 12
    torch.testing.assert_close(error, wanted, atol=1e-5, rtol=1e-4)
    for a, b in ((ahead.network, plain.network), (ahead.target, plain.target)):
        torch.testing.assert_close(a.flat, b.flat, atol=1e-5, rtol=1e-4)
    assert not torch.equal(ahead.network.flat, ahead.target.flat)


@pytest.mark.parametrize('sizes', [[5, 3], [4, 30, 2], [3, 40, 17, 6], [2, 5, 6, 7, 9]])
def test_one_input_gives_what_it_gives_among_others(sizes):
    network = FusedMlp(sizes, torch.Generator().manual_seed(1), CPU)
    inputs = torch.randn(9, sizes[0], generator=torch.Generator().manual_seed(2))
    outputs = network.forward(inputs).clone()
    for row, wanted in zip(inputs, outputs, strict=True):
        found = torch.from_numpy(network.one(row.numpy()).copy())
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    network.flat.mul_(0.5)
    assert not torch.allclose(torch.from_numpy(network.one(inputs[0].numpy())), outputs[0])


@pytest.mark.parametrize('outputs', [1, 2, 16, 17, 40])
def test_few_outputs_are_those_of_the_product(outputs):
    network = FusedMlp([5, 30, outputs], torch.Generator().manual_seed(1), CPU)
    inputs = torch.randn(33, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(network.forward(inputs), network.module()(inputs), atol=1e-6,
                               rtol=1e-5)


def test_the_margin_and_the_share_of_demonstrations_fade_and_the_rate_falls():
    dqn = made(margin=0.8, margin_ratio=0.5, demo_ratio=0.4, demo_bonus=0.7,
               final_rate_ratio=0.2)
    for done, weight, rate in ((0.0, 1.0, 0.01), (0.2, 0.6, 0.0084), (0.5, 0.0, 0.006),
                               (1.0, 0.0, 0.002)):
        dqn.set_progress(done)
        buffer = OneBatch(demo=DEMO)
        _, gradient = expected(dqn, buffer.batch, demo_weight=weight)
        before = dqn.network.flat.clone()
        dqn.update(buffer)
        assert torch.allclose(dqn.network.grad, gradient, atol=1e-6)
        assert buffer.asked[0][1:] == (1.0, pytest.approx(0.4 * weight))
        assert buffer.judged[0][1] == 0.7
        assert dqn._optimiser.rate == pytest.approx(rate)
        assert not torch.equal(before, dqn.network.flat)


@pytest.mark.parametrize('every', [1, 3])
def test_the_target_is_copied_every_so_many_updates(every):
    dqn, buffer = made(target_every=every), OneBatch()
    for k in range(1, 7):
        before = dqn.target.flat.clone()
        dqn.update(buffer)
        copied = k % every == 0
        assert torch.equal(dqn.target.flat, dqn.network.flat) is copied
        assert torch.equal(dqn.target.flat, before) is not copied


@pytest.mark.parametrize('dueling', [True, False])
def test_one_input_and_many_get_the_same_best_choice(dueling):
    dqn = made(dueling=dueling, hidden=17)
    inputs = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    many = dqn.best(inputs)
    assert many.tolist() == [int(dqn.best(row[None])[0]) for row in inputs]
    assert len(set(many.tolist())) > 1
    assert many.tolist() == dqn.values(inputs).argmax(1).tolist()
    assert dqn.values(inputs).shape == (60, 3)


def test_dueling_heads_give_the_value_as_the_mean_of_the_choices():
    heads = torch.tensor([[2.0, 1.0, -4.0, 6.0], [-1.0, 0.5, 0.25, 3.0]])
    values = heads @ duel(3)
    assert torch.allclose(values, torch.tensor([[2.0, -3.0, 7.0], [-1.75, -2.0, 0.75]]))
    assert torch.allclose(values.mean(1), torch.tensor([2.0, -1.0]))


def test_the_weights_acted_with_are_the_average_while_asked_for_and_only_then():
    dqn, buffer = made(average=0.9), OneBatch()
    for _ in range(9):
        dqn.update(buffer)
    learning, average = dqn.network.flat.clone(), dqn._optimiser.average.clone()
    assert not torch.equal(learning, average)
    with dqn.averaged() as weights:
        assert torch.equal(weights, average) and torch.equal(dqn.network.flat, average)
    assert torch.equal(dqn.network.flat, learning)
    plain = made()
    with plain.averaged() as weights:
        assert torch.equal(weights, plain.network.flat)


def test_a_state_is_what_it_takes_to_go_on():
    dqn, buffer = made(average=0.9, target_every=2), OneBatch()
    for _ in range(5):
        dqn.update(buffer)
    kept = {name: tensor.clone() for name, tensor in dqn.state().items()}
    again = made(average=0.9, target_every=2, learning_rate=0.01)
    again.load(kept)
    assert again.updates == 5
    for one in (dqn, again):
        for _ in range(4):
            one.update(buffer)
    assert all(torch.equal(dqn.state()[name], again.state()[name]) for name in kept)


def test_choices_are_every_combination_of_evenly_spaced_values():
    table = choice_table(np.array([0.0, -1.0]), np.array([0.4, 2.0]), (2, 4))
    assert table.tolist() == [[v, w] for v in (0.0, 0.4) for w in (-1.0, 0.0, 1.0, 2.0)]
    assert choice_table(np.array([0.2, 0.0]), np.array([0.6, 1.0]), (1, 2)).tolist() == [
        [pytest.approx(0.4), 0.0], [pytest.approx(0.4), 1.0]]
    with pytest.raises(ValueError, match='bins'):
        choice_table(np.zeros(2), np.ones(2), (3,))


@pytest.mark.parametrize('dueling', [True, False])
def test_the_deployed_policy_takes_the_best_choice(dueling):
    contract = load_contract(config_file('tasks', 'maze'))
    inputs = Inputs(contract, Normalizer.of_bounds(contract.obs_low, contract.obs_high))
    table = contract.action.table
    dqn = Dqn(replace(PLAIN, dueling=dueling), inputs.width, len(table), CPU, seed=4)
    policy = GreedyPolicy(inputs, dqn.network.module(), table, dueling=dueling)
    obs = torch.rand(40, 1, contract.obs_dim) * torch.tensor(contract.obs_high)
    chosen = dqn.best(inputs(obs).flatten(1))
    assert policy(obs).shape == (40, 1, 2)
    assert np.allclose(policy(obs)[:, 0].numpy(), table[chosen.numpy()])


@pytest.mark.parametrize('wrong', [
    {'hidden': 0}, {'layers': 0}, {'history': 0}, {'n_step': 0}, {'batch': 0}, {'steps': 0},
    {'target_every': 0}, {'robots': 0}, {'train_every': 0}, {'updates_per_round': 0},
    {'candidates': 0}, {'eval_episodes': 0}, {'bins': (0, 3)}, {'gamma': 0.0}, {'gamma': 1.01},
    {'learning_rate': 0.0}, {'action_gap': 1.0}, {'action_gap': -0.1},
    {'capacity': 7, 'robots': 8}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match='must be'):
        DqnConfig(**wrong)


def test_a_setting_at_its_bound_is_not():
    DqnConfig(hidden=1, layers=1, history=1, n_step=1, batch=1, target_every=1, steps=1, robots=8,
              train_every=1, updates_per_round=1, candidates=1, eval_episodes=1, bins=(1,),
              gamma=1.0, action_gap=0.0, capacity=8)
    BcConfig(hidden=1, layers=1, history=1, horizon=1, updates=1, batch=1, candidates=1,
             eval_episodes=1, held_out_ratio=0.0, average=0.0)


# -- the optimiser

def optimised(steps, *, size=(23, 61, 41), clip_norm=0.0, weight_decay=0.0, average=0.0,
              as_on_a_gpu=False):
    """Return ours and torch's parameters after steps along the same gradients."""
    rng = torch.Generator().manual_seed(2)
    network = FusedMlp(size, rng, CPU)
    theirs = nn.Parameter(network.flat.clone())
    peer = torch.optim.AdamW([theirs], lr=0.02, weight_decay=weight_decay)
    ours = AveragedAdam(network, learning_rate=0.02, weight_decay=weight_decay, average=average,
                        clip_norm=clip_norm)
    if as_on_a_gpu:
        ours._arrays = None
    passed = [network.flat.clone()]
    for k in range(steps):
        gradient = torch.randn(len(theirs), generator=rng) * (0.1 + k % 5)
        network.grad.copy_(gradient)
        theirs.grad = gradient.clone()
        if clip_norm:
            nn.utils.clip_grad_norm_([theirs], clip_norm)
        ours.step()
        peer.step()
        passed.append(network.flat.clone())
    return network.flat, theirs.detach(), ours, passed


@pytest.mark.parametrize('options', [{}, {'weight_decay': 0.3}, {'clip_norm': 2.5},
                                     {'clip_norm': 1e4}, {'weight_decay': 0.1, 'clip_norm': 60.0}])
@pytest.mark.parametrize('steps', [1, 2, 7, 30])
@pytest.mark.parametrize('as_on_a_gpu', [False, True])
def test_the_optimiser_is_adamw_on_more_parameters_than_a_block(options, steps, as_on_a_gpu):
    flat, theirs, ours, _ = optimised(steps, **options, as_on_a_gpu=as_on_a_gpu)
    assert len(flat) == sum(a * b + b for a, b in pairwise((23, 61, 41))) > 1.9 * 2048
    assert torch.allclose(flat, theirs, atol=2e-5)
    assert ours.steps == steps
    assert ours.average is flat or torch.equal(ours.average, flat)


@pytest.mark.parametrize('decay', [0.5, 0.9, 0.999])
@pytest.mark.parametrize('as_on_a_gpu', [False, True])
def test_the_average_is_of_the_weights_passed_every_fourth_step(decay, as_on_a_gpu):
    _, _, ours, passed = optimised(23, average=decay, as_on_a_gpu=as_on_a_gpu)
    average = passed[0].clone()
    for step in range(4, 24, 4):
        share = 1.0 - min(decay, step / (step + 9.0)) ** 4
        average = average + share * (passed[step] - average)
    assert torch.allclose(ours.average, average, atol=1e-5)


# -- behaviour cloning

def cloner(task, **options):
    contract = load_contract(config_file('tasks', task))
    config = BcConfig(hidden=5, **options)
    inputs = Normalizer.of_bounds(contract.obs_low, contract.obs_high)
    actions = Normalizer(np.array([0.1, -0.3], np.float32), np.array([0.2, 0.7], np.float32))
    sizes = cloning_sizes(contract, config, Inputs(contract, inputs, fourier=config.fourier,
                                                   near_m=config.near_m))
    net = FusedMlp(sizes, torch.Generator().manual_seed(0), CPU)
    return contract, BehaviourCloning(contract, config, inputs, actions, net.module()), sizes


@pytest.mark.parametrize(('task', 'options'), [
    ('clutter', {}), ('clutter', {'huber': 0.2}), ('clutter', {'horizon': 3}),
    ('maze', {}), ('maze', {'smoothing': 0.2}), ('maze', {'horizon': 2, 'smoothing': 0.05})])
def test_the_gradient_by_hand_is_that_of_the_loss(task, options):
    contract, policy, sizes = cloner(task, **options)
    rng = torch.Generator().manual_seed(5)
    out = (2.0 * torch.randn(7, sizes[-1], generator=rng)).requires_grad_()
    horizon = policy.config.horizon
    if policy.discrete:
        targets = torch.randint(policy.discrete, (7, horizon), generator=rng)
    else:
        targets = torch.randn(7, horizon * contract.action.dim, generator=rng)
    policy.output_loss(out, targets).backward()
    assert torch.allclose(policy.slope(out.detach(), targets), out.grad, atol=1e-6)
    assert sizes[-1] == horizon * (policy.discrete or 2)


def test_targets_and_actions_are_each_others_inverse_within_the_limits():
    contract, policy, _ = cloner('clutter', horizon=2)
    actions = torch.tensor([[[0.3, -0.9], [0.5, 1.1]]])
    targets = policy.targets(actions)
    assert targets.tolist() == [pytest.approx([1.0, -0.6 / 0.7, 2.0, 2.0])]
    policy.net = nn.Module()
    policy.net.forward = lambda _: torch.cat([targets, 99.0 * torch.ones(1, 4)])
    out = policy(torch.zeros(2, 1, contract.obs_dim))
    assert torch.allclose(out[:1], actions, atol=1e-6)
    assert out[1].tolist() == [[0.5, 1.5], [0.5, 1.5]]
    policy.net.forward = lambda _: -99.0 * torch.ones(1, 4)
    assert policy(torch.zeros(1, 1, contract.obs_dim))[0].tolist() == [[0.0, -1.5]] * 2


def test_a_discrete_target_is_the_nearest_choice_in_parts_of_the_range():
    contract, policy, _ = cloner('maze')
    actions = torch.tensor([[[0.39, 0.1]], [[0.0, 0.0]], [[0.15, 0.9]], [[0.2, -1.2]],
                            [[0.26, 0.35]]])
    found = policy.targets(actions)[:, 0].tolist()
    assert found == contract.action.nearest(actions[:, 0].numpy()).tolist()
    policy.net = nn.Module()
    policy.net.forward = lambda _: torch.eye(policy.discrete)
    out = policy(torch.zeros(policy.discrete, 1, contract.obs_dim))
    assert np.allclose(out[:, 0].numpy(), contract.action.table)


@pytest.mark.parametrize('wrong', [
    {'hidden': 0}, {'layers': 0}, {'history': 0}, {'horizon': 0}, {'updates': 0}, {'batch': 0},
    {'candidates': 0}, {'eval_episodes': 0}, {'held_out_ratio': 1.0}, {'held_out_ratio': -0.1},
    {'average': 1.0}, {'average': -0.1}, {'learning_rate': 0.0}, {'huber': 0.0}])
def test_a_setting_of_cloning_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match='must be'):
        BcConfig(**wrong)


# -- the trainer

class Corridor:
    """Robots on a line: choice 1 goes on by 1, 0 stays; 3 is the goal, 5 steps are the limit."""

    def __init__(self, count=1):
        self.count, self.stepped = count, 0
        self.seeds = []

    def reset(self, seed):
        self.seeds.append(seed)
        self.at, self.step_of = torch.zeros(self.count), torch.zeros(self.count)
        return self._obs()

    def _obs(self):
        return torch.stack([self.at, 3.0 - self.at], 1)

    def step(self, choices):
        self.stepped += 1
        self.at += (choices == 1).float()
        self.step_of += 1
        done, late = self.at >= 3.0, self.step_of >= 5.0
        after, success = self._obs(), done.clone()
        reward = done.float() - 0.125
        late &= ~done
        self.at[done | late] = 0.0
        self.step_of[done | late] = 0.0
        return Steps(self._obs(), reward, done, late, after, success)


SMALL = replace(PLAIN, steps=60, warm_up=10, batch=4, capacity=50, candidates=3, hidden=4,
                exploration_ratio=0.5, epsilon_end=0.1)


def learner(config=SMALL, robots=1, judge=None, **more):
    return QLearner(config, Corridor(robots), lambda obs: obs, 2, device=CPU,
                    judge=judge or (lambda dqn: DrivingScore(0.5, 1.0, 4)), **more)


def fit(made, folder, **options):
    TrainingLoop(made, folder, candidates=made.config.candidates, **options).fit()
    return made.use_best()


def demos(count=12):
    rng = torch.Generator().manual_seed(0)
    return Transitions(torch.randn(count, 2, generator=rng), torch.ones(count).long(),
                       torch.ones(count), torch.zeros(count),
                       torch.randn(count, 2, generator=rng))


@pytest.mark.parametrize(('given', 'updates'), [(demos(), 17), (None, 0)])
def test_demonstrations_are_learned_before_the_first_step_and_only_they(tmp_path, given, updates):
    config = replace(SMALL, pretrain=17, warm_up=10**6, margin=0.5)
    made = learner(config, demos=given)
    seen = []
    made._drive = lambda drive=made._drive: (seen.append(made.dqn.updates), drive())
    fit(made, tmp_path)
    assert seen[0] == updates and made.dqn.updates == updates


@pytest.mark.parametrize(('train_every', 'per_round', 'warm_up', 'rounds'), [
    (1, 1, 10, 51), (1, 3, 10, 51), (4, 2, 10, 13), (7, 1, 20, 6)])
def test_updates_come_after_the_warm_up_every_so_many_rounds(tmp_path, train_every, per_round,
                                                             warm_up, rounds):
    config = replace(SMALL, train_every=train_every, updates_per_round=per_round, warm_up=warm_up)
    made = learner(config)
    fit(made, tmp_path)
    assert made.steps == 60
    assert made.dqn.updates == rounds * per_round


def test_importance_weights_grow_towards_full_correction(tmp_path):
    made, betas = learner(replace(SMALL, beta=0.4)), []
    made.dqn.update = lambda buffer, beta: betas.append(beta) or torch.zeros(1)
    fit(made, tmp_path)
    assert betas[0] == pytest.approx(0.4 + 0.6 * 10 / 60) and betas[-1] == pytest.approx(1.0)
    assert all(b > a for a, b in pairwise(betas))


@pytest.mark.parametrize(('before', 'after', 'terminated', 'given'), [
    (5.0, 4.5, False, 0.2 * (5.0 - 0.9 * 4.5)), (5.0, 5.5, False, 0.2 * (5.0 - 0.9 * 5.5)),
    (0.4, 0.1, True, 0.2 * 0.4), (2.0, 2.0, False, 0.2 * 2.0 * 0.1)])
def test_shaping_is_a_potential(tmp_path, before, after, terminated, given):
    made = learner(replace(SMALL, shaping=0.2, gamma=0.9), potential=1)
    made._obs[0, 1] = before
    steps = Steps(torch.zeros(1, 2), torch.zeros(1), torch.tensor([terminated]),
                  torch.tensor([False]), torch.tensor([[7.0, after]]), torch.tensor([False]))
    assert float(made._shaping(steps)[0]) == pytest.approx(given, abs=1e-6)


def test_what_shaping_pays_over_an_episode_does_not_depend_on_the_way(tmp_path):
    """Ng et al. 1999: the discounted sum is what the potential was worth at the begin."""
    for way in ([3.0, 2.0, 2.5, 0.5, 0.0], [3.0, 9.0, 0.25, 7.0, 0.1]):
        made = learner(replace(SMALL, shaping=0.3, gamma=0.8),
                       potential=1)
        total = 0.0
        for k, (before, after) in enumerate(pairwise(way)):
            made._obs[0, 1] = before
            last = torch.tensor([k == len(way) - 2])
            total += 0.8 ** k * float(made._shaping(Steps(
                torch.zeros(1, 2), torch.zeros(1), last, ~last, torch.tensor([[0.0, after]]),
                last))[0])
        assert total == pytest.approx(0.3 * 3.0)


@pytest.mark.parametrize(('shaping', 'potential', 'changed'), [(0.5, 1, True), (0.0, 1, False),
                                                               (0.5, None, False)])
def test_shaping_changes_what_is_remembered_but_not_the_returns(tmp_path, shaping, potential,
                                                                changed):
    made = learner(replace(SMALL, shaping=shaping, gamma=1.0, epsilon_begin=0.0,
                                     epsilon_end=0.0), potential=potential)
    made.dqn.best = lambda _: torch.tensor([1])
    for _ in range(3):
        made._drive()
    rewards = made._buffer._rows[:3, -3].tolist()
    assert rewards == pytest.approx([0.375, 0.375, 1.375] if changed else [-0.125, -0.125, 0.875])
    assert made._recent == [pytest.approx(0.625)]


def test_returns_are_those_of_the_episodes_that_ended(tmp_path):
    made = learner(replace(SMALL, epsilon_begin=0.0, epsilon_end=0.0), robots=3)
    ways = iter([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]])
    made.dqn.best = lambda _: torch.tensor(next(ways))
    for _ in range(3):
        made._drive()
    assert made._recent == [pytest.approx(0.625)]
    assert made._returns.tolist() == pytest.approx([0.0, -0.375, -0.375])
    assert made.steps == 9
    for _ in range(2):
        made._drive()
    assert made._recent == pytest.approx([0.625, 0.5, -0.625])  # robot 1 arrives in its last step
    assert made._inputs[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert made._mean_return() == pytest.approx(0.5 / 3)


@pytest.mark.parametrize(('steps', 'epsilon'), [(0, 0.9), (10, 0.9 - 0.8 / 3), (15, 0.5),
                                                (30, 0.1), (45, 0.1)])
def test_random_choices_become_rare_and_stay_so(tmp_path, steps, epsilon):
    made = learner(replace(SMALL, epsilon_begin=0.9))
    made.steps = steps
    assert made.epsilon == pytest.approx(epsilon)


@pytest.mark.parametrize('robots', [1, 400])
@pytest.mark.parametrize('epsilon', [0.0, 0.3, 1.0])
def test_choices_are_random_as_often_as_epsilon_says(tmp_path, robots, epsilon):
    made = learner(replace(SMALL, capacity=500, epsilon_begin=epsilon,
                                     epsilon_end=epsilon), robots=robots)
    made.dqn.best = lambda inputs: torch.ones(len(inputs), dtype=torch.int64)
    drawn = torch.cat([made._explore() for _ in range(800 // robots)]).float()
    assert float((drawn == 0).float().mean()) == pytest.approx(epsilon / 2, abs=0.06)
    assert set(drawn.tolist()) <= {0.0, 1.0}


def test_candidates_are_scored_evenly_and_the_best_is_kept(tmp_path):
    scores = iter([DrivingScore(*each, 4) for each in ((0.2, 9.0), (0.6, 1.0), (0.4, 5.0))])
    kept, at = [], []
    made = learner(judge=lambda dqn: (
        kept.append(dqn.network.flat.clone()), at.append(made.steps), next(scores))[2])
    assert fit(made, tmp_path) == DrivingScore(0.6, 1.0, 4)
    assert at == [20, 40, 60]
    assert torch.equal(made.dqn.network.flat, kept[1])
    assert not torch.equal(kept[1], kept[2])


@pytest.mark.parametrize(('first', 'second', 'better'), [
    ((0.5, 9.0), (0.6, 1.0), 1), ((0.5, 1.0), (0.5, 2.0), 1), ((0.5, 2.0), (0.5, 1.0), 0),
    ((0.5, 1.0), (0.5, 1.0), 1), ((math.nan, 1.0), (math.nan, 2.0), 1)])
def test_success_comes_first_then_the_return_then_the_later(tmp_path, first, second, better):
    scores, kept = iter([DrivingScore(*each, 4) for each in (first, second)]), []
    made = learner(replace(SMALL, candidates=2), judge=lambda dqn: (
        kept.append(dqn.network.flat.clone()), next(scores))[1])
    fit(made, tmp_path)
    assert torch.equal(made.dqn.network.flat, kept[better])


def test_a_score_names_only_what_is_known():
    assert DrivingScore(0.5, 2.0, 3).named() == {
        'eval/return': 2.0, 'eval/success_rate': 0.5, 'eval/episodes': 3}
    assert DrivingScore(math.nan, 2.0, 3).named() == {'eval/return': 2.0}
    assert DrivingScore(math.nan, 2.0, 3).rank == (0.0, 2.0)


def test_a_run_that_was_interrupted_goes_on_where_it_was_scored_last(tmp_path):
    def stop_after_two(progress):
        return progress.evaluations < 2

    made = learner(replace(SMALL, pretrain=5), demos=demos(),
                   judge=lambda dqn: DrivingScore(0.25, 3.0, 7))
    with pytest.raises(CancelledError):
        fit(made, tmp_path, on_progress=stop_after_two)
    assert made.steps == 40
    again = learner(replace(SMALL, pretrain=5), demos=demos())
    assert not TrainingLoop(learner(), tmp_path / 'other', candidates=3).resume()
    loop = TrainingLoop(again, tmp_path, candidates=3)
    assert loop.resume()
    assert (again.steps, again.best) == (40, DrivingScore(0.25, 3.0, 7))
    assert again.dqn.updates == made.dqn.updates > 5
    assert torch.equal(again.dqn.network.flat, made.dqn.network.flat)
    loop.fit()
    assert again.steps == 60 and again.dqn.updates == made.dqn.updates + 20, 'no second pretrain'


def test_the_seed_decides_and_each_draws_its_own(tmp_path):
    def weights(seed, name):
        made = learner(seed=seed)
        fit(made, tmp_path / name)
        assert made.robots.seeds == [seed]
        return made.dqn.network.flat.clone()

    assert torch.equal(weights(3, 'a'), weights(3, 'b'))
    assert not torch.equal(weights(3, 'c'), weights(4, 'd'))


@pytest.mark.parametrize(('robots', 'episodes', 'count'), [(1, 4, 4), (3, 4, 6), (4, 4, 4)])
def test_driving_greedily_counts_equally_many_episodes_of_each_robot(robots, episodes, count):
    corridor, dqn = Corridor(robots), made()
    # Robot 0 always goes on and arrives in 3 steps; the others stand, and time out after 5.
    dqn.best = lambda inputs: torch.tensor([1] + [0] * (robots - 1))
    score = drive_greedily(dqn, corridor, lambda obs: obs, episodes, seed=8)
    each = count // robots
    assert score.episodes == count and corridor.seeds == [8]
    assert score.success_ratio == pytest.approx(1 / robots)
    assert score.mean_return == pytest.approx((0.625 - 0.625 * (robots - 1)) / robots)
    assert corridor.stepped == (3 if robots == 1 else 5) * each
