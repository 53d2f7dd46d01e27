"""Q-learning begins with what another training valued: what matches by name goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.dqn import choices_of
from ilw_learner.algorithms.q_learning.greedy_policy import GreedyPolicy
from ilw_learner.algorithms.q_learning.learned_values import LearnedValues
from ilw_learner.algorithms.q_learning.q_values import Dqn
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

pytestmark = pytest.mark.long
CPU = torch.device('cpu')
SMALL = {'hidden': 32, 'robots': 64, 'steps': 6_400, 'warm_up': 640, 'candidates': 2,
         'capacity': 6_400, 'batch': 64}


def small(contract, **changes):
    _, config = load_config(config_file('train', 'dqn'), contract.name)
    return replace(config, **{**SMALL, **changes})


def learned(contract, folder, begin=None, said=None, algorithm='dqn', **changes):
    return train(TrainOptions(
        contract=contract, algorithm=algorithm, config=small(contract, **changes),
        demos=folder / 'none', out=folder, begin=begin,
        say=(lambda text: None) if said is None else said.append), lambda now: True)


@pytest.fixture(scope='module', autouse=True)
def judged_by_few():
    """Score candidates in 16 worlds: what they are worth is not what is tried here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('ilw_learner.algorithms.dqn.JUDGE_ROBOTS', 16)
        yield


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, clutter_once):
    folder = tmp_path_factory.mktemp('first')
    learned(clutter_once, folder)
    return load_checkpoint(folder / 'checkpoint')


@pytest.fixture(scope='module')
def clutter_once():
    return parse_contract(config_file('tasks', 'clutter').read_text())


def policy_of(contract, config, begin):
    """Return network and policy of a training that has just begun, and what was said."""
    spread = begin.spread(Normalizer.of_bounds(contract.obs_low, contract.obs_high), contract)
    inputs = Inputs(contract, spread, fourier=config.fourier, near_m=config.near_m)
    table = choices_of(contract, config)
    dqn = Dqn(config, inputs.width * config.history, len(table), CPU, seed=5)

    def policy():
        return GreedyPolicy(inputs, dqn.network.module(), table, dueling=config.dueling,
                            history=config.history)

    said = begin.give(dqn, policy(), contract)
    return dqn, policy(), said


def values(policy, obs):
    with torch.no_grad():
        seen = torch.from_numpy(obs)[:, None].expand(-1, policy.history, -1)
        return (policy.network(policy.inputs(seen).flatten(1)) @ policy.duel).numpy()


def observed(contract, count=100):
    return np.random.default_rng(3).uniform(
        contract.obs_low, contract.obs_high, (count, contract.obs_dim)).astype(np.float32)


@pytest.mark.parametrize('changes', [{}, {'fused': False}, {'dueling': True}, {'history': 2}])
def test_of_the_same_contract_it_begins_with_the_same_values(clutter_once, tmp_path, changes):
    learned(clutter_once, tmp_path, **changes)
    config, begin = small(clutter_once, **changes), load_checkpoint(tmp_path / 'checkpoint')
    values_then = LearnedValues(begin)
    dqn, policy, said = policy_of(clutter_once, config, values_then)
    obs = observed(clutter_once)
    before = values(values_then._policy, obs)
    np.testing.assert_allclose(values(policy, obs), before, atol=1e-4)
    assert np.ptp(before) > 0.1
    for other in (dqn.target.flat, dqn._optimiser.average):
        torch.testing.assert_close(other, dqn.network.flat)
    assert f'{clutter_once.obs_dim} of {clutter_once.obs_dim} observations go on' in said
    assert '15 of 15 choices go on' in said or 'value' in said or changes.get('dueling')


def another(contract):
    """Return a contract whose entries stand elsewhere; one is new, one field has other limits."""
    data = yaml.safe_load(contract.text)
    entries = dict(reversed(data['observation'].items()))
    entries['wheels'] = {**entries['velocity'], 'topic': 'wheel_odometry'}
    data['contract'], data['observation'] = 'another', entries
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def test_in_another_order_and_beside_what_is_new_it_values_the_same(clutter_once, checkpoint):
    new, begin = another(clutter_once), LearnedValues(checkpoint)
    config = replace(small(clutter_once), bins=(3, 5))
    old, seen = observed(clutter_once), observed(another(clutter_once))
    for i, name in enumerate(clutter_once.obs_names):
        seen[:, new.obs_names.index(name)] = old[:, i]
    _, policy, said = policy_of(new, config, begin)
    np.testing.assert_allclose(values(policy, seen), values(begin._policy, old), atol=1e-4)
    assert 'new: wheels.forward_mps, wheels.turn_radps' in said


def test_choices_are_matched_by_what_they_mean(clutter_once, checkpoint):
    """Five speeds beside three turns: of 15 choices 9 are the same as before."""
    begin = LearnedValues(checkpoint)
    _, policy, said = policy_of(clutter_once, replace(small(clutter_once), bins=(5, 3)), begin)
    obs = observed(clutter_once)
    then, now = values(begin._policy, obs), values(policy, obs)
    same = [(i, j) for i, a in enumerate(policy.table) for j, b in enumerate(begin._policy.table)
            if torch.allclose(a, b)]
    assert len(same) == 9
    for i, j in same:
        np.testing.assert_allclose(now[:, i], then[:, j], atol=1e-4)
    assert '9 of 15 choices go on' in said


def test_it_says_so_explores_less_and_names_where_it_is_from(clutter_once, checkpoint, tmp_path):
    said = []
    learned(clutter_once, tmp_path, begin=checkpoint, said=said)
    assert any(each.startswith('Begins with clutter: ') for each in said)
    made = load_checkpoint(tmp_path / 'checkpoint')
    assert made.card['provenance']['from'] == checkpoint.hash


@pytest.mark.parametrize(('changes', 'why'), [
    ({'hidden': 16}, 'same hidden layers'), ({'layers': 3}, 'same hidden layers'),
    ({'dueling': True}, 'dueling: false. Set it alike')])
def test_what_does_not_fit_is_refused_in_a_line(clutter_once, checkpoint, tmp_path, changes, why):
    with pytest.raises(CheckpointError, match=why):
        learned(clutter_once, tmp_path, begin=checkpoint, **changes)


def test_weights_that_are_not_its_own_are_refused(clutter_once, checkpoint, monkeypatch):
    from safetensors.torch import load, save
    weights = load(checkpoint.weights())
    weights['network.0.weight'] = weights['network.0.weight'][:, 1:].contiguous()
    monkeypatch.setattr(type(checkpoint), 'weights', lambda self: save(weights))
    with pytest.raises(CheckpointError, match='other weights than Q-learning has'):
        LearnedValues(checkpoint)


def test_to_keep_what_it_did_is_of_cloning(clutter_once, checkpoint, tmp_path):
    with pytest.raises(IlwError, match='--algo bc'):
        train(TrainOptions(contract=clutter_once, algorithm='dqn', config=small(clutter_once),
                           demos=tmp_path, out=tmp_path, begin=checkpoint, keep='ewc'),
              lambda now: True)
