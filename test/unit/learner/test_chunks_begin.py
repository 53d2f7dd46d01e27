"""A policy of chunks begins with what another has learned: what matches by name goes on."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save as to_safetensors
import torch
import yaml

from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError, IlwError
from ilw_learner.algorithms.act import ActConfig, ActPolicy
from ilw_learner.algorithms.flow import FlowConfig, FlowPolicy
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.chunks.begin import LearnedChunks
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

SMALL = {'horizon': 5, 'execute': 2, 'width': 16, 'heads': 2, 'hidden': 16}
CASES = {'act': (ActConfig(**SMALL), ActPolicy),
         'act with a style': (ActConfig(latent=3, **SMALL), ActPolicy),
         'act near': (ActConfig(near_m=0.4, history=2, **SMALL), ActPolicy),
         'flow': (FlowConfig(frozen=2, **SMALL), FlowPolicy)}
EACH = pytest.mark.parametrize(('config', 'kind'), CASES.values(), ids=CASES)


def observed(contract, config, count=40, seed=0):
    return np.random.default_rng(seed).uniform(contract.obs_low, contract.obs_high, (
        count, config.history, contract.obs_dim)).astype(np.float32)


def made(contract, config, kind, seed=0):
    """Return a policy that has seen some observations and actions, but not learned."""
    action, obs = contract.action, observed(contract, config, seed=seed)
    actions = np.random.default_rng(seed + 1).uniform(
        action.low, action.high, (len(obs), config.horizon, action.dim)).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = kind(contract, config, obs, actions)
        with torch.no_grad():
            for value in policy.parameters():
                value.add_(0.02 * torch.randn_like(value))
    policy.history, policy.horizon = config.history, config.horizon
    return policy.eval()


def saved(policy, contract, config, folder, **more):
    """Return the checkpoint of a policy."""
    name = 'act' if isinstance(config, ActConfig) else 'flow'
    card = {'algorithm': name, 'network': asdict(config), 'history': config.history,
            'horizon': config.horizon, **more}
    save_checkpoint(folder, contract, card, {
        'policy.onnx': b'not driven',
        'weights.safetensors': to_safetensors(dict(policy.state_dict()))})
    return LearnedChunks(load_checkpoint(folder), name)


def acted(policy, obs):
    with torch.no_grad():
        return policy.act(torch.from_numpy(obs)).numpy()


def another(contract):
    """Return a contract whose entries and fields stand elsewhere; one is gone and one is new."""
    data = yaml.safe_load(contract.text)
    entries = dict(reversed(data['observation'].items()))
    entries['wheels'] = {**entries.pop('velocity'), 'topic': 'wheel_odometry'}
    entries['goal']['pose_from'] = 'wheels'
    data['contract'], data['observation'] = 'another', entries
    data['action']['fields'].reverse()
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


@EACH
def test_of_the_same_contract_it_begins_as_the_other_ended(clutter, config, kind, tmp_path):
    old, new = made(clutter, config, kind), made(clutter, config, kind, seed=5)
    obs = observed(clutter, config, seed=9)
    assert np.abs(acted(new, obs) - acted(old, obs)).max() > 0.01
    said = saved(old, clutter, config, tmp_path / 'old').give(new, clutter, config)
    np.testing.assert_allclose(acted(new, obs), acted(old, obs), atol=1e-5)
    for name, value in new.named_parameters():
        torch.testing.assert_close(value, old.get_parameter(name), msg=name)
    assert said == ('Begins with clutter: 41 of 41 observations go on. 2 of 2 actions go on.')


@EACH
def test_in_another_order_and_beside_what_is_new_it_does_the_same(clutter, config, kind, tmp_path):
    other = another(clutter)
    old, new = made(clutter, config, kind), made(other, config, kind, seed=5)
    before, now = observed(clutter, config, seed=9), observed(other, config, seed=8)
    for i, name in enumerate(clutter.obs_names):
        if name in other.obs_names:
            now[..., other.obs_names.index(name)] = before[..., i]
        else:  # what is gone tells the old policy nothing
            before[..., i] = float(old.seen.inputs.mean[i])
    said = saved(old, clutter, config, tmp_path / 'old').give(new, other, config)
    columns = [other.action.names.index(name) for name in clutter.action.names]
    assert columns == [1, 0]
    np.testing.assert_allclose(acted(new, now)[..., columns], acted(old, before), atol=1e-5)
    assert np.ptp(acted(old, before), axis=(0, 1)).min() > 0.01
    assert '39 of 41 observations go on; new: wheels.forward_mps, wheels.turn_radps' in said
    assert 'no longer there: velocity.forward_mps, velocity.turn_radps' in said


@EACH
def test_choices_go_on_by_name(maze, config, kind, tmp_path):
    data = yaml.safe_load(maze.text)
    turned = dict(reversed(data['action']['discrete'].items()))
    data['contract'], data['action']['discrete'] = 'turned', {**turned, 'slow': [0.05, 0.0]}
    other = parse_contract(yaml.safe_dump(data, sort_keys=False))
    old, new = made(maze, config, kind), made(other, config, kind, seed=5)
    fresh = new.out.bias[-1].item()
    said = saved(old, maze, config, tmp_path / 'old').give(new, other, config)
    for at, name in enumerate(maze.action.discrete):
        to = list(other.action.discrete).index(name)
        assert torch.equal(new.out.weight[to], old.out.weight[at])
        assert new.out.bias[to] == old.out.bias[at]
    assert new.out.bias[-1].item() == fresh and 'choices go on; new: slow' in said
    if kind is FlowPolicy:
        assert not new.of_action.weight[:, -1].any(), 'what is new counts for nothing at first'


@pytest.mark.parametrize('name', ['act', 'flow'])
def test_a_longer_chunk_and_history_begin_with_what_there_was(clutter, name, tmp_path):
    config, kind = CASES[name]
    longer = replace(config, horizon=8, history=3)
    old, new = made(clutter, config, kind), made(clutter, longer, kind, seed=5)
    fresh = new.seen.places[:, :-1].clone()
    said = saved(old, clutter, config, tmp_path / 'old').give(new, clutter, longer)
    of, to = (each.queries if name == 'act' else each.places for each in (old, new))
    assert torch.equal(to[:, :5], of) and not torch.equal(to[:, 5:], of[:, :3])
    assert torch.equal(new.seen.places[:, -1:], old.seen.places), 'the newest is the newest'
    assert torch.equal(new.seen.places[:, :-1], fresh)
    assert '5 of 8 places of a chunk go on' in said


def test_what_one_network_has_not_begins_anew(clutter, tmp_path):
    config, kind = CASES['act']
    styled = replace(config, latent=3)
    old, new = made(clutter, config, kind), made(clutter, styled, kind, seed=5)
    obs, fresh = observed(clutter, config, seed=9), new.style.out.weight.clone()
    saved(old, clutter, config, tmp_path / 'old').give(new, clutter, styled)
    np.testing.assert_allclose(acted(new, obs), acted(old, obs), atol=1e-5)
    assert torch.equal(new.style.out.weight, fresh)


def test_cameras_go_on_by_name(cameras, tmp_path):
    def seeing(*names):
        data = yaml.safe_load(cameras.camera_contract().text)
        seen = data['observation'].pop('camera')
        for name in names:
            data['observation'][name] = {**seen, 'topic': f'{name}/image'}
        return parse_contract(yaml.safe_dump(data, sort_keys=False))

    first, second = seeing('front', 'back'), seeing('back', 'left')
    config, kind = CASES['flow']
    old, new = made(first, config, kind), made(second, config, kind, seed=5)
    left = new.seen.of_image[1].weight.clone()
    said = saved(old, first, config, tmp_path / 'old').give(new, second, config)
    assert torch.equal(new.seen.of_image[0].weight, old.seen.of_image[1].weight)
    assert torch.equal(new.seen.encoders[0].convolutions[0].weight,
                       old.seen.encoders[1].convolutions[0].weight)
    assert torch.equal(new.seen.places[:, 1], old.seen.places[:, 2])
    assert torch.equal(new.seen.of_image[1].weight, left)
    assert '1 of 2 cameras go on; new: left; no longer there: front' in said


@pytest.mark.parametrize(('changes', 'said'), [
    ({'width': 32}, 'width 16'), ({'heads': 4}, 'heads 2'), ({'hidden': 8}, 'hidden 16'),
    ({'decoder_layers': 1}, 'decoder_layers 2')])
def test_networks_of_other_size_are_refused_in_a_line(clutter, changes, said, tmp_path):
    config, kind = CASES['flow']
    other = replace(config, **changes)
    learned = saved(made(clutter, config, kind), clutter, config, tmp_path / 'old')
    with pytest.raises(CheckpointError, match=said) as refused:
        learned.give(made(clutter, other, kind), clutter, other)
    assert '\n' not in str(refused.value) and 'set it alike in config/train' in str(refused.value)


def test_what_it_cannot_begin_with_is_refused_in_a_line(clutter, tmp_path):
    config, kind = CASES['flow']
    policy = made(clutter, config, kind)
    learned = saved(policy, clutter, config, tmp_path / 'old')
    with pytest.raises(CheckpointError, match='must be a checkpoint of act'):
        LearnedChunks(load_checkpoint(tmp_path / 'old'), 'act')
    with pytest.raises(CheckpointError, match='Train it again'):
        saved(policy, clutter, config, tmp_path / 'spoilt', network={'width': 16})
    policy.code.scale = policy.code.scale[:1]
    del policy.norm
    save_checkpoint(tmp_path / 'spoilt', clutter, {
        'algorithm': 'flow', 'network': asdict(config), 'history': 1, 'horizon': 5}, {
        'policy.onnx': b'not driven',
        'weights.safetensors': to_safetensors(dict(policy.state_dict()))})
    with pytest.raises(CheckpointError, match='Train it again'):
        LearnedChunks(load_checkpoint(tmp_path / 'spoilt'), 'flow')
    lacking = made(clutter, config, kind)
    del lacking.norm
    learned._weights = dict(lacking.state_dict())
    with pytest.raises(CheckpointError, match='Train it again'):
        learned.give(made(clutter, config, kind), clutter, config)


@pytest.mark.long
@pytest.mark.parametrize('name', ['act', 'flow'])
def test_a_training_begins_with_it_and_says_so(maze, bags, name, tmp_path):
    config, _ = CASES[name]
    for number in range(3):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=30,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    said = []
    options = TrainOptions(
        contract=maze, algorithm=name, demos=tmp_path / 'demos', out=tmp_path / 'first',
        config=replace(config, updates=4, batch=8, candidates=1), say=said.append)
    first = train(options, lambda now: True)
    assert not any('Begins with' in text for text in said)
    again = replace(options, out=tmp_path / 'next',
                    begin=load_checkpoint(Path(first.checkpoint)))
    card = load_checkpoint(Path(train(again, lambda now: True).checkpoint)).card
    assert any('Begins with maze: ' in text for text in said)
    assert card['provenance']['from'] == again.begin.hash
    with pytest.raises(IlwError, match='--keep replay'):
        train(replace(again, keep='ewc'), lambda now: True)
