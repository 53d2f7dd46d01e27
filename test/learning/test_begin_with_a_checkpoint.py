"""A policy begins with what another has learned: what matches by name goes on."""

from dataclasses import replace
import json

import numpy as np
import pytest
import torch
import yaml

from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError
from ilw_core.storage.files import json_text
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.bc_begin import Learned
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.cli import train as train_command
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import CancelledError
from ilw_learner.training.train import train

CPU = torch.device('cpu')


def pursuit(obs):
    return np.stack([0.25 + 0.05 * obs[:, -1], 0.4 * (obs[:, 0] - obs[:, 3])], axis=1)


def another(contract):
    """Return a contract whose entries and fields stand elsewhere; one is gone and one is new."""
    data = yaml.safe_load(contract.text)
    entries = dict(reversed(data['observation'].items()))
    entries['wheels'] = {**entries.pop('velocity'), 'topic': 'wheel_odometry'}
    entries['goal']['pose_from'] = 'wheels'
    data['contract'], data['observation'] = 'another', entries
    data['action']['fields'].reverse()
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def begun(contract, config, checkpoint, obs, said=lambda text: None):
    """Return the policy with which a training of some observations (N, Do) begins."""
    rows = np.random.default_rng(1).integers(0, len(obs), (50, config.history))
    actions = np.random.default_rng(2).uniform(
        contract.action.low, contract.action.high, (50, config.horizon, contract.action.dim))
    step = cloning_step(contract, config, 5, Learned(checkpoint), said)(
        obs[rows], actions.astype(np.float32), CPU, torch.Generator())
    return step.policy(step.parameters.flat)


def driven(policy, obs):
    """Return the action for each of (N, Do) observations that stand still, by name."""
    with torch.no_grad():
        given = policy.act(torch.from_numpy(obs)[:, None].expand(-1, policy.history, -1)).numpy()
    return given[:, 0]


def observed(contract, count=100):
    return np.random.default_rng(3).uniform(
        contract.obs_low, contract.obs_high, (count, contract.obs_dim)).astype(np.float32)


@pytest.mark.parametrize('changes', [
    {}, {'fused': False}, {'fourier': 2, 'near_m': 0.4}, {'layers': 3, 'history': 2}])
def test_of_the_same_contract_it_begins_as_the_other_ended(clutter, episodes, fit, changes):
    learner, checkpoint = fit(clutter, episodes(clutter, pursuit), hidden=32, updates=100,
                              **changes)
    obs = observed(clutter)
    policy = begun(clutter, learner.config, load_checkpoint(checkpoint.path), obs)
    np.testing.assert_allclose(driven(policy, obs), driven(learner.averaged(), obs), atol=1e-5)


@pytest.mark.parametrize('changes', [{}, {'fourier': 2, 'near_m': 0.4}, {'history': 3}])
def test_in_another_order_and_beside_what_is_new_it_does_the_same(clutter, episodes, fit,
                                                                  changes):
    learner, checkpoint = fit(clutter, episodes(clutter, pursuit), hidden=32, updates=100,
                              **changes)
    old, new, said = observed(clutter), another(clutter), []
    seen = observed(new)
    for i, name in enumerate(clutter.obs_names):
        if name in new.obs_names:
            seen[:, new.obs_names.index(name)] = old[:, i]
        else:  # what is gone tells the old policy nothing
            old[:, i] = float(learner.averaged().inputs.mean[i])
    policy = begun(new, learner.config, load_checkpoint(checkpoint.path), seen, said.append)
    before, now = driven(learner.averaged(), old), driven(policy, seen)
    for i, name in enumerate(clutter.action.names):
        np.testing.assert_allclose(now[:, new.action.names.index(name)], before[:, i], atol=1e-5)
    assert np.ptp(before, axis=0).min() > 0.01
    assert len(said) == 1 and '39 of 41 observations go on' in said[0]
    assert 'new: wheels.forward_mps, wheels.turn_radps' in said[0]
    assert 'no longer there: velocity.forward_mps, velocity.turn_radps' in said[0]
    assert '2 of 2 actions go on' in said[0]


@pytest.mark.parametrize(('near_m', 'told'), [(0.0, True), (0.4, False), (0.2, True)])
def test_it_is_said_when_what_was_made_of_lengths_ends(clutter, episodes, fit, near_m, told):
    learner, checkpoint = fit(clutter, episodes(clutter, pursuit), hidden=16, updates=20,
                              near_m=0.4)
    said = []
    begun(clutter, replace(learner.config, near_m=near_m), load_checkpoint(checkpoint.path),
          observed(clutter), said.append)
    assert ('37 of 37 inputs made of lengths end' in said[0]) == told
    assert ('set fourier and near_m alike' in said[0]) == told


def test_choices_go_on_by_name(maze, episodes, fit):
    learner, checkpoint = fit(maze, episodes(maze, lambda obs: np.repeat(
        [[0.3, 0.0]], len(obs), axis=0)), hidden=16, updates=60)
    data = yaml.safe_load(maze.text)
    turned = dict(reversed(data['action']['discrete'].items()))
    data['contract'], data['action']['discrete'] = 'turned', {**turned, 'slow': [0.05, 0.0]}
    other = parse_contract(yaml.safe_dump(data, sort_keys=False))
    obs, ends = observed(maze), []
    for policy in (learner.averaged(), begun(other, learner.config,
                                             load_checkpoint(checkpoint.path), observed(maze))):
        with torch.no_grad():
            out = policy.net(policy.inputs(torch.from_numpy(obs)))
        ends.append({name: out[:, i].numpy() for i, name in enumerate(policy.gives)})
    assert ends[1].keys() - ends[0].keys() == {'slow'}
    for name, values in ends[0].items():
        np.testing.assert_allclose(ends[1][name], values, atol=1e-5)


@pytest.fixture
def options(maze, bags, tmp_path):
    """Return a maker of short trainings of the maze."""
    (tmp_path / 'demos').mkdir()
    for number in range(4):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=40,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})

    def make(folder, begin=None, name='bc', **values):
        _, config = load_config(config_file('train', name), 'maze')
        return TrainOptions(
            contract=maze, algorithm=name, demos=tmp_path / 'demos', out=tmp_path / folder,
            config=replace(config, hidden=32, candidates=2, **values),
            begin=None if begin is None else load_checkpoint(begin))

    return make


def test_with_it_fewer_updates_are_enough_and_the_card_says_with_what(options, tmp_path):
    first = train(options('first', updates=400), lambda now: True)
    losses = {}
    for begin in (None, first.checkpoint):
        made = train(options(f'short-{begin is not None}', begin and tmp_path / 'first/checkpoint',
                             updates=10), lambda now: True)
        losses[begin is not None] = made.details['held_out']['loss']
        card = load_checkpoint(tmp_path / f'short-{begin is not None}' / 'checkpoint').card
        assert card['provenance'].get('from') == (
            None if begin is None else load_checkpoint(tmp_path / 'first/checkpoint').hash)
    assert losses[True] < 0.5 * losses[False]


def test_a_run_that_began_otherwise_is_not_gone_on_with(options, tmp_path):
    first = train(options('first', updates=40), lambda now: True)
    with pytest.raises(CancelledError):
        train(options('run', updates=40), lambda now: now.update < 30)
    said, begun_at = [], []
    other = replace(options('run', tmp_path / 'first/checkpoint', updates=40), say=said.append)
    train(other, lambda now: begun_at.append(now.update) or True)
    assert min(begun_at) == 20 and any('of another training' in text for text in said)
    assert first.updates == 40


@pytest.mark.parametrize('values', [{'hidden': 16}, {'layers': 1}])
def test_other_hidden_layers_are_refused_in_a_line(options, tmp_path, values):
    train(options('first', updates=10), lambda now: True)
    wanted = options('next', tmp_path / 'first/checkpoint', updates=10)
    with pytest.raises(CheckpointError, match='set hidden and layers alike') as refused:
        train(replace(wanted, config=replace(wanted.config, **values)), lambda now: True)
    assert '\n' not in str(refused.value)


def test_what_it_cannot_begin_with_is_refused_in_a_line(options, tmp_path, run):
    train(options('first', updates=10), lambda now: True)
    place = tmp_path / 'first/checkpoint'
    words = ('--task', 'maze', '--demos', tmp_path / 'demos', '--env', 'none', '--out',
             tmp_path / 'next')
    code, _, error = run(train_command, *words, '--from', tmp_path / 'nothing')
    assert code == 2 and 'nothing' in error
    code, _, error = run(train_command, *words, '--from', place, '--algo', 'qtable')
    assert code == 2 and 'qtable cannot begin with a checkpoint' in error and '--algo bc' in error
    code, _, error = run(train_command, '--env', 'CartPole-v1', '--algo', 'dqn', '--from', place)
    assert code == 2 and '--from' in error
    card, files = dict(load_checkpoint(place).card), {
        name: (place / name).read_bytes() for name in ('policy.onnx', 'weights.safetensors')}
    for key in ('schema', 'contract_hash', 'files', 'contract_text'):
        card.pop(key)
    contract = load_checkpoint(place).contract
    for spoil, words_of_it in (
            ({'algorithm': 'dqn'}, 'must be a checkpoint of bc'),
            ({'network': {**card['network'], 'hidden': 999}}, 'Train it again'),
            ({'network': {**card['network'], 'layers': 10 ** 9}}, 'Train it again'),
            ({'network': json.loads(json_text({'hidden': None}))}, 'Train it again')):
        save_checkpoint(tmp_path / 'spoilt', contract, {**card, **spoil}, files)
        code, _, error = run(train_command, *words, '--from', tmp_path / 'spoilt')
        assert code == 2 and words_of_it in error and 'Traceback' not in error
