"""Who drove decides how much a step counts; where all count alike, not a bit changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ilw_core.contract.file import load_contract
from ilw_core.episode import Episode, Outcome, Source
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset, joined
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.correction.weights import (
    hand_backs,
    person_labels,
    relative_weights,
    step_weights,
    takeovers,
)
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training import options
from ilw_learner.training.imitation import AutogradStep
from ilw_learner.training.own_random import OwnRandom

N, P, R, E = Source.NONE, Source.PERSON, Source.POLICY, Source.ESTOP
CPU = torch.device('cpu')


def driven(contract, drivers, seed=0):
    """Return an episode that was driven so; ``None``: nobody said by whom."""
    steps = 40 if drivers is None else len(drivers)
    rng = np.random.default_rng(seed)
    obs = rng.uniform(size=(steps + 1, contract.obs_dim)).astype(np.float32)
    return Episode(
        name='one', obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
        actions=rng.uniform(size=(steps, contract.action.dim)).astype(np.float32),
        action_valid=np.ones(steps, dtype=bool),
        stamps_ns=np.arange(steps + 1) * contract.period_ns, outcome=Outcome.SUCCESS,
        stop_reason='goal', contract_hash=contract.hash,
        driver=None if drivers is None else np.array(drivers, dtype=np.uint8))


def test_takeovers_and_hand_backs_are_found_past_moments_when_nobody_drove():
    driver = np.array([N, R, R, P, P, N, P, R, E, P, R])
    assert takeovers(driver).tolist() == [3, 9]
    assert hand_backs(driver).tolist() == [7, 10]
    assert takeovers(np.array([P, P])).tolist() == takeovers(np.array([])).tolist() == []


def test_where_a_policy_drove_only_what_the_person_drove_is_a_label(clutter):
    shown, corrected = driven(clutter, [N, P, P]), driven(clutter, [R, R, P, N, R, E])
    weights = step_weights([shown, corrected, driven(clutter, None)], 'person', 0.1)
    assert weights[0].tolist() == [1, 1, 1], 'a demonstration is a label throughout'
    assert weights[1].tolist() == [0, 0, 1, 0, 0, 0]
    assert set(weights[2].tolist()) == {1}


@pytest.mark.parametrize(('drivers', 'labels'), [
    ([R] * 5 + [P] * 5 + [R] * 20, list(range(5, 10))),  # the policy failed long after
    ([R] * 5 + [P] * 5 + [R] * 5 + [P] * 5, list(range(5, 10))),  # it failed in the person's hand
    ([R] * 5 + [P] * 5 + [R] * 9 + [P] * 5 + [R] * 9, list(range(5, 10))),  # a moment after it
    ([R] * 5 + [P] * 5 + [R] * 9 + [P] * 5 + [R] * 10, [*range(5, 10), *range(19, 24)]),
    ([P] * 9 + [R] * 30, list(range(9))), ([R] * 9, []), ([P] * 9, []), (None, [])])
def test_of_an_attempt_that_failed_what_led_into_it_is_no_label(clutter, drivers, labels):
    failed = replace(driven(clutter, drivers), outcome=Outcome.FAILURE)
    assert np.flatnonzero(person_labels(failed)).tolist() == labels
    if labels and R in drivers:
        for each in ('person', 'weighted'):
            weights, = step_weights([failed], each, 0.1)
            assert np.flatnonzero(weights).tolist() == labels


def test_interventions_get_half_the_weight_and_eight_seconds_before_a_takeover_none(clutter):
    one = driven(clutter, [R] * 90 + [P] * 4 + [R] * 6)
    other = driven(clutter, [R] * 10 + [N] * 2)
    weights = step_weights([one, other], 'weighted', 0.1)
    person, policy = np.array([4]), np.array([10 + 6 + 10])
    assert weights[0][90:94].tolist() == pytest.approx([112 * 0.5 / person[0]] * 4)
    assert weights[0][10:90].tolist() == [0] * 80
    assert weights[0][:10].tolist() == pytest.approx([112 * 0.5 / policy[0]] * 10)
    assert weights[0][94:].tolist() == pytest.approx([112 * 0.5 / policy[0]] * 6)
    assert weights[1].tolist() == pytest.approx([112 * 0.5 / policy[0]] * 10 + [0, 0])
    assert sum(each.sum() for each in weights) == pytest.approx(112)


@pytest.mark.parametrize('labels', ['all', 'person', 'weighted'])
def test_demonstrations_alone_are_not_weighted(clutter, labels):
    assert step_weights([driven(clutter, [P] * 9), driven(clutter, None)], labels, 0.1) is None


def test_a_window_counts_as_its_least_action_and_none_that_counts_nothing_is_left(clutter):
    episode = driven(clutter, [R, P, P, P, R, P])
    data = build_dataset([episode], clutter, horizon=2,
                         weights=[np.array([0, 1, 3, 2, 0, 1], np.float32)])
    assert data.weights.tolist() == [1, 2]
    assert np.array_equal(data.obs[:, 0], episode.obs[[1, 2]])
    assert data.pick([0]).weights.tolist() == [1, 2]
    with pytest.raises(EpisodeError):
        build_dataset([episode], clutter, weights=[np.zeros(6, np.float32)])


def test_joined_windows_keep_their_weights_ticks_and_episodes(clutter):
    episode = driven(clutter, [R, P, P, P, R, P])
    counts = np.array([0, 1, 3, 2, 0, 1], np.float32)
    weighted = build_dataset([episode], clutter, weights=[counts])
    plain = build_dataset([episode, episode], clutter)
    both = joined([weighted, plain])
    assert both.weights.tolist() == [1, 3, 2, 1] + [1] * 12
    assert both.tick.tolist() == [1, 2, 3, 5] + [0, 1, 2, 3, 4, 5] * 2
    assert both.episode.tolist() == [0] * 4 + [1] * 6 + [2] * 6
    assert both.pick([0]).weights.tolist() == [1, 3, 2, 1]
    assert len(both.names) == 3 and joined([plain, plain]).weights is None


def test_each_part_of_the_data_has_a_mean_weight_of_one():
    weights = relative_weights([np.array([1.0, 3.0]), None], [4, 3])
    assert weights.tolist() == [0.5, 1.5, 0.5, 1.5, 1, 1, 1]
    assert relative_weights([np.array([2.0, 2.0]), None], [2, 3]) is None
    assert relative_weights([None], [5]) is None


def update(contract, weights, *, fused, rows=None, **values):
    """Return gradient and loss of one batch."""
    episode = driven(contract, None)
    config = BcConfig(hidden=16, noise=0.0, fused=fused, **values)
    data = build_dataset([episode], contract, horizon=config.horizon)
    given = None if weights is None else weights(len(data.obs))
    step = cloning_step(contract, config, 3)(data.obs, data.actions, CPU,
                                             torch.Generator().manual_seed(1), None, given)
    step.update(torch.arange(len(data.obs)) if rows is None else rows)
    return step.parameters.grad.clone(), step.loss()


@pytest.mark.parametrize('values', [{}, {'horizon': 3}, {'huber': 0.1}])
@pytest.mark.parametrize('task', ['clutter', 'maze'])
def test_weights_of_one_change_no_bit_of_the_gradient(task, values):
    contract = load_contract(config_file('tasks', task))
    plain, _ = update(contract, None, fused=True, **values)
    weighted, _ = update(contract, lambda n: np.ones(n, np.float32), fused=True, **values)
    assert torch.equal(plain, weighted)


@pytest.mark.parametrize('values', [{}, {'horizon': 3}, {'smoothing': 0.1}])
@pytest.mark.parametrize('task', ['clutter', 'maze'])
def test_the_weighted_gradient_by_hand_is_that_of_autograd(task, values):
    contract = load_contract(config_file('tasks', task))

    def weights(n):
        return np.linspace(0.1, 2.0, n, dtype=np.float32)

    by_hand, loss = update(contract, weights, fused=True, **values)
    by_autograd, same_loss = update(contract, weights, fused=False, **values)
    plain, _ = update(contract, None, fused=True, **values)
    assert loss == pytest.approx(same_loss, rel=1e-5)
    assert torch.allclose(by_hand.sort().values, by_autograd.sort().values, atol=1e-6)
    assert not torch.allclose(by_hand, plain, atol=1e-4)


def test_a_window_of_weight_two_pulls_like_two_of_weight_one(clutter):
    doubled, _ = update(clutter, None, fused=True, rows=torch.tensor([4, 4, 7]))
    weighted, _ = update(clutter, lambda n: np.where(np.arange(n) == 4, 4 / 3, 2 / 3).astype(
        np.float32), fused=True, rows=torch.tensor([4, 7]))
    assert torch.allclose(doubled, weighted, atol=1e-6)


def test_a_policy_whose_loss_takes_no_weights_is_told_apart(clutter):
    class Plain(ImitationPolicy):
        def act(self, obs):
            return obs

        def loss(self, obs, actions):
            return obs.sum()

    obs, actions = np.zeros((2, 1, 3), np.float32), np.zeros((2, 1, 2), np.float32)
    with pytest.raises(IlwError, match=r'Plain takes no weights.*--labels all'):
        AutogradStep(Plain(), obs, actions, CPU, OwnRandom(0, CPU),
                     weights=np.ones(2, np.float32))


def test_a_driver_per_step_is_cut_with_its_episode_and_must_be_as_long(clutter):
    episode = driven(clutter, [R, P, P])
    assert episode.until(2).driver.tolist() == [R, P]
    assert episode.corrected
    assert not driven(clutter, [N, P]).corrected
    with pytest.raises(ValueError, match='2 drivers, 3 actions'):
        replace(episode, driver=np.array([1, 2]))


@pytest.mark.parametrize(('person_steps', 'success', 'labels', 'teaches'), [
    (20, True, 'person', True), (20, False, 'person', True), (0, True, 'person', False),
    (20, True, 'weighted', True), (20, False, 'weighted', True), (0, False, 'weighted', False),
    (20, False, 'all', False), (0, True, 'all', False)])
def test_who_took_over_teaches_where_what_he_drove_is_a_label(person_steps, success, labels,
                                                             teaches):
    attempt = CorrectedAttempt('one', success, 'goal', 100, person_steps, 2.0, 1, 0.1, 0.1, ())
    assert attempt.teaches(labels) is teaches


@pytest.mark.parametrize(('labels', 'drives', 'kept'), [
    ('person', [([R, P, R], 'success'), ([R, R], 'success'), ([P, P], 'success')], [0, 2]),
    ('weighted', [([R, P, R], 'success'), ([R, R], 'success'), ([P, P], 'failure')], [0, 1]),
    ('person', [([R] * 5 + [P] * 5 + [R] * 20, 'failure'), ([R, R], 'failure')], [0]),
    ('weighted', [([R] * 5 + [P] * 5 + [R] * 20, 'failure'), ([R, R], 'failure')], [0]),
    ('person', [([R, R], 'success'), ([R, R], 'failure')], [0]),
    ('person', [([R, R], 'failure')], None), ('weighted', [([R, R], 'failure')], None)])
def test_only_episodes_with_a_label_are_learned_or_held_out(
        clutter, monkeypatch, tmp_path, labels, drives, kept):
    """Else the episodes that an error is measured on might have not one window."""
    folders = [EpisodeFolder(tmp_path / str(i), {'outcome': outcome, 'stop_reason': 'goal'})
               for i, (_, outcome) in enumerate(drives)]
    made = {folder.path: replace(driven(clutter, drivers), name=folder.path.name,
                                 outcome=Outcome[outcome.upper()])
            for folder, (drivers, outcome) in zip(folders, drives, strict=True)}
    monkeypatch.setattr(options, 'find_demonstrations', lambda *_, **__: folders)
    monkeypatch.setattr(options, 'load_episode', lambda folder, *_, **__: made[folder.path])
    given = options.TrainOptions(contract=clutter, algorithm='bc', config=BcConfig(),
                                 demos=tmp_path, out=tmp_path / 'run', labels=labels)
    if kept is None:
        with pytest.raises(EpisodeError, match='None of 1 episodes'):
            options.load_demonstrations(given)
    else:
        names = [each.name for each in options.load_demonstrations(given)]
        assert names == [str(number) for number in kept]
