"""Why a policy acts: known causes are found, in the right order, and innocents are left alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ilw_core.contract.file import named_contract
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.why.asked import asked, asked_for_scores, graph_of_scores
from ilw_learner.why.attribution import by_differences, checked, integrated_gradients
from ilw_learner.why.inputs import blank_observation, named_inputs
from ilw_learner.why.occlusion import effect, entry_changes, held_at_first, of_other_episodes
from ilw_learner.why.recorded.copycat import copycat_test
from ilw_learner.why.recorded.dependence import dependences
from ilw_learner.why.recorded.traits import traits
from ilw_learner.why.torch_graph import TorchGraph

torch.set_num_threads(1)


def observations(contract, count=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(contract.obs_low, contract.obs_high,
                       (count, 1, contract.obs_dim)).astype(np.float32)


def untrained(tmp_path, task, **values):
    """Return a checkpoint of a random network."""
    contract, config = named_contract(task), BcConfig(hidden=24, **values)
    policy = BehaviourCloning(
        contract, config, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
        Normalizer.of_bounds(contract.action.low, contract.action.high), nn.Identity())
    policy.net = FusedMlp(cloning_sizes(contract, config, policy.inputs),
                          torch.Generator().manual_seed(1), torch.device('cpu')).module()
    graph = to_onnx(policy, contract, 1)
    return save_checkpoint(tmp_path / task, contract, {
        'algorithm': 'bc', 'history': 1, 'horizon': 1},
        {'policy.onnx': graph, 'weights.safetensors': b''})


@pytest.mark.parametrize(('task', 'values'), [
    ('clutter', {'near_m': 0.4}), ('maze', {'fourier': 3, 'layers': 3})])
def test_the_graph_in_torch_gives_the_numbers_of_the_file_that_drives(tmp_path, task, values):
    checkpoint = untrained(tmp_path, task, **values)
    contract = checkpoint.contract
    obs, given = observations(contract), torch.as_tensor(observations(contract)).double()
    if contract.action.discrete:
        scores = graph_of_scores(checkpoint.graph)
        found, wanted = TorchGraph(scores)(given), asked_for_scores(checkpoint, contract)(obs)
        assert wanted.shape == (60, 4)
        chosen = contract.action.table[wanted.argmax(axis=1)]
        assert np.array_equal(chosen.astype(np.float32), asked(checkpoint, contract)(obs))
    else:
        assert graph_of_scores(checkpoint.graph) is None
        found, wanted = TorchGraph(checkpoint.graph)(given), asked(checkpoint, contract)(obs)
    assert np.abs(found[:, 0].numpy() - wanted).max() < 1e-4


def test_gradients_add_up_and_agree_with_differences_through_the_file_that_drives(tmp_path):
    checkpoint = untrained(tmp_path, 'clutter', near_m=0.4)
    contract, obs = checkpoint.contract, observations(checkpoint.contract, 16)
    blank = blank_observation(named_inputs(contract, obs))
    spans = contract.action.high - contract.action.low
    found = integrated_gradients(checkpoint.graph, obs, blank, spans)
    other = by_differences(asked(checkpoint, contract), obs, blank, obs.std(axis=(0, 1)) + 1e-3)
    check = checked(found, other)
    assert check.moments >= 8 and check.complete_ratio == 1.0 and check.worst_gap_ratio <= 0.02
    assert check.same_top3_ratio >= 0.9


def test_parts_that_are_mixed_up_do_not_pass_the_check(tmp_path):
    checkpoint = untrained(tmp_path, 'clutter')
    obs = observations(checkpoint.contract, 8)
    found = integrated_gradients(
        checkpoint.graph, obs, np.zeros(checkpoint.contract.obs_dim, np.float32), np.ones(2))
    assert checked(found, found.parts[..., ::-1]).same_top3_ratio < 0.2
    less = replace(found, gap_ratio=np.full_like(found.gap_ratio, 0.05))
    assert checked(less, less.parts).complete_ratio == 0.0


def rank_correlation(one, other):
    ranks = [np.argsort(np.argsort(each)) for each in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def test_inputs_are_ranked_as_an_expert_of_known_weights_looks_at_them(clutter):
    rng = np.random.default_rng(0)
    obs = observations(clutter, 400)
    (scan, *_), spread = named_inputs(clutter, obs), obs.std(axis=(0, 1))
    for seed in range(5):
        weights = np.random.default_rng(seed).normal(size=(clutter.obs_dim, 1)) / spread[:, None]

        def ask(seen, weights=weights):
            return seen[:, -1] @ weights

        other = of_other_episodes(obs, np.arange(len(obs)), rng)
        moved = effect(ask, obs, other[..., scan.columns], scan, 'other', {'turn': 1.0})
        assert rank_correlation(moved.by_entry, np.abs(weights[:36, 0]) * spread[:36]) >= 0.9


def test_what_is_replaced_is_that_input_alone_and_its_effect_is_in_parts_of_the_range(clutter):
    obs = observations(clutter, 20)
    inputs = named_inputs(clutter, obs)
    assert [(each.name, each.columns) for each in inputs] == [
        ('lidar', slice(0, 36)), ('goal', slice(36, 39)), ('velocity', slice(39, 41))]
    assert (inputs[0].blank == 4.0).all() and inputs[0].bearings_rad[9] == pytest.approx(np.pi / 2)
    assert inputs[2].blank == pytest.approx(obs[:, 0, 39:].mean(axis=0), abs=1e-6)

    def ask(seen):
        return np.stack([seen[:, 0, 36], 2.0 * seen[:, 0, 40]], axis=1)

    spans = {'v': 2.0, 'w': 4.0}
    goal = effect(ask, obs, inputs[1].blank, inputs[1], 'mean', spans)
    away = float(np.abs(obs[:, 0, 36] - inputs[1].blank[0]).mean())
    assert goal.by_field == {'v': pytest.approx(away, rel=1e-5), 'w': 0.0}
    assert goal.ratio == pytest.approx(away / 4.0, rel=1e-5)
    assert goal.by_entry == (pytest.approx(away / 4.0, rel=1e-5), 0.0, 0.0)
    assert effect(ask, obs, inputs[0].blank, inputs[0], 'nothing', spans).ratio == 0.0
    one = entry_changes(ask, obs[0], inputs[2])
    assert one[0] == pytest.approx([0.0, 0.0])
    assert one[1] == pytest.approx([0.0, 2.0 * (inputs[2].blank[1] - obs[0, 0, 40])], rel=1e-5)


def test_other_episodes_are_others_and_the_first_value_is_of_the_same():
    episode = np.repeat([0, 1, 2], 5)
    obs = np.arange(15.0).reshape(15, 1, 1)
    other = of_other_episodes(obs, episode, np.random.default_rng(0))[:, 0, 0].astype(int)
    assert (episode[other] != episode).all()
    assert held_at_first(obs, episode)[:, 0, 0].tolist() == [0.0] * 5 + [5.0] * 5 + [10.0] * 5


def recorded(contract, kind, episodes=12, ticks=40, seed=0):
    """Return made-up recordings whose velocity entry is a lamp, a clock, a patch, or honest."""
    rng = np.random.default_rng(seed)
    obs = observations(contract, episodes * ticks, seed)
    episode, tick = np.repeat(np.arange(episodes), ticks), np.tile(np.arange(ticks), episodes)
    actions = np.stack([obs[:, 0, 36] / 24.0, obs[:, 0, 37]], axis=1)
    for row in np.flatnonzero(tick):  # a person does not jump: half of the last action stays
        actions[row] = 0.5 * actions[row] + 0.5 * actions[row - 1]
    previous = np.where(tick[:, None] > 0, np.roll(actions, 1, axis=0), np.nan)
    before = np.nan_to_num(previous)
    lamp = (before[:, 0] > 0.25).astype(np.float32)
    obs[:, 0, 39:] = {
        'lamp': np.stack([lamp, lamp], axis=1), 'last action': before,
        'clock': np.stack([tick, tick + 1.0], axis=1),
        'patch': rng.random((episodes, 2))[episode]}.get(kind, obs[:, 0, 39:])
    return obs, actions, previous, tick, episode


@pytest.mark.parametrize(('kind', 'trait'), [
    ('last action', 'follows_last_action'), ('lamp', 'follows_last_action'),
    ('clock', 'follows_time')])
def test_an_input_that_follows_action_or_time_is_told(clutter, kind, trait):
    obs, _, previous, tick, episode = recorded(clutter, kind)
    velocity, goal = named_inputs(clutter, obs)[2], named_inputs(clutter, obs)[1]
    found = traits(velocity, obs, previous, tick, episode)
    innocent = traits(goal, obs, previous, tick, episode)
    assert getattr(found, trait) > 0.7 and getattr(innocent, trait) < 0.3
    assert innocent.varies_within > 0.9


def test_an_input_that_stays_within_an_episode_is_told(clutter):
    obs, _, previous, tick, episode = recorded(clutter, 'patch')
    found = traits(named_inputs(clutter, obs)[2], obs, previous, tick, episode)
    assert found.varies_within < 1e-6 and found.follows_last_action < 0.3


def test_a_copycat_is_told_from_one_who_looks(clutter):
    obs, actions, previous, _, episode = recorded(clutter, 'last action')
    inputs = named_inputs(clutter, obs)
    found = copycat_test(obs, actions, previous, episode, inputs)
    assert found.shown_by['velocity'] > 0.9 and found.shown_by['lidar'] < 0.1
    assert found.moments == 12 * 39 and found.both > 0.95
    looks = np.stack([obs[:, 0, 36] / 24.0, obs[:, 0, 37]], axis=1)
    before = np.where(np.isfinite(previous), np.roll(looks, 1, axis=0), np.nan)
    honest = copycat_test(obs, looks, before, episode, inputs)
    assert honest.last_action < 0.05 and honest.observations > 0.95 and honest.partial < 0.5


def test_what_the_expert_depends_on_is_found_and_what_is_alike_is_said(clutter):
    obs, actions, previous, tick, episode = recorded(clutter, 'last action')
    found = {each.quantity: each for each in dependences(
        obs, actions, previous, tick, episode, named_inputs(clutter, obs), {'lidar': 0.0})}
    assert list(found) == ['lidar', 'goal', 'velocity', 'last action', 'time']
    assert found['goal'].depends and not found['time'].depends
    assert 'last action' in found['velocity'].like and not found['goal'].like
    assert found['lidar'].done == 0.0 and not found['lidar'].depends


def test_an_intervention_counts_more_than_what_the_data_suggest(clutter):
    obs, actions, previous, tick, episode = recorded(clutter, 'last action')
    inputs = named_inputs(clutter, obs)
    found = {each.quantity: each.depends for each in dependences(
        obs, actions, previous, tick, episode, inputs, {'goal': 0.0, 'lidar': 0.2})}
    assert not found['goal'] and found['lidar']
