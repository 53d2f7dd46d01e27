"""One network learns two tasks that look alike and are done otherwise, and begins another."""

import json

import numpy as np
import pytest
import torch

from ilw_core.align import Observation
from ilw_core.contract.file import parse_contract
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.bc_begin import Learned
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.cli import train
from ilw_learner.data.mixed_rows import equal_shares
from ilw_learner.runtime.runner import PolicyRunner

TURN = {'left': 0.8, 'right': -0.8}
"""What is done in each task, whatever is seen"""


@pytest.fixture
def tasks(maze, bags, tmp_path):
    """Return two contracts of one family, with demonstrations and a short configuration."""
    text = '\n'.join(line for line in maze.text.splitlines()
                     if not line.startswith('  discrete:'))
    found = {}
    for number, name in enumerate(TURN):
        own = text.replace('contract: maze', f'contract: {name}').replace(
            'timeout_s: 60', f'timeout_s: {60 + number}')
        (tmp_path / f'{name}.yaml').write_text(own)
        contract = found[name] = parse_contract(own)
        for episode in range(3 + 3 * number):
            bags.write(tmp_path / 'demos' / name / f'{episode}', ticks=30,
                       drive=lambda i, turn=TURN[name]: (0.3, turn),
                       meta={'outcome': 'success', 'stop_reason': 'goal',
                             'contract_hash': contract.hash, 'contract_text': own})
    (tmp_path / 'short.yaml').write_text(
        'algorithm: bc\nhidden: 16\nhistory: 2\nupdates: 150\ncandidates: 1\nbatch: 32\n'
        'learning_rate: 0.01\naverage: 0.9\nnoise: 0.0\n')
    return found


@pytest.fixture
def learn(tasks, tmp_path, run):
    """Return a function that trains by command: learn(out, words): (exit code, out, err)."""
    def call(out, *words):
        return run(train, '--demos', tmp_path / 'demos', '--config', tmp_path / 'short.yaml',
                   '--env', 'none', '--out', tmp_path / out, '--json', *words)

    return call


def files(tmp_path, *names):
    return [tmp_path / f'{name}.yaml' for name in names]


def turn(runner, x=1.0):
    runner.reset()
    runner.observe(Observation(0, np.array([x, 1.0, 0.0, 1.0], np.float32), np.ones(4, bool), 0))
    return float(runner.act()[0][0, 1])


@pytest.fixture
def both(learn, tmp_path):
    code, out, _ = learn('both', '--task', *files(tmp_path, 'left', 'right'))
    assert code == 0
    assert json.loads(out)['task'] == 'left+right' and json.loads(out)['episodes'] == 9
    return load_checkpoint(tmp_path / 'both/checkpoint')


@pytest.mark.long
def test_one_network_does_in_each_task_what_was_shown_there(both, tasks):
    assert both.task_names == ('left', 'right')
    assert [each.hash for each in both.tasks] == [each.hash for each in tasks.values()]
    assert both.card['update'] == 300, 'as many updates of each as alone'
    for name, contract in tasks.items():
        assert turn(PolicyRunner(both.path, contract)) == pytest.approx(TURN[name], abs=0.1)
    card = both.card['provenance']
    assert [*card['before'], card['demos']] == ['left', 'right'] and len(card['episodes']) == 9


@pytest.mark.long
def test_tasks_without_the_option_are_named_in_a_row_and_blind_it_does_one_thing(
        learn, tasks, tmp_path):
    code, _, _ = learn('blind', *files(tmp_path, 'left', 'right'), '--without', 'task')
    assert code == 0
    path = tmp_path / 'blind/checkpoint'
    done = [turn(PolicyRunner(path, contract)) for contract in tasks.values()]
    assert done[0] == done[1], 'it was not told the task'


@pytest.mark.long
def test_a_policy_of_one_task_begins_as_that_of_several_does_it(both, tasks):
    obs = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 2, 4)).astype(np.float32)
    actions = np.zeros((50, 1, 2), np.float32)
    config = BcConfig(hidden=16, history=2)
    said = []
    for name, contract in tasks.items():
        step = cloning_step(contract, config, 7, Learned(both), said.append)(
            obs, actions, torch.device('cpu'), torch.Generator())
        policy = step.policy(step.parameters.flat)
        values = np.array([1.0, 1.0, 0.0, 1.0], np.float32)
        with torch.no_grad():
            begun = policy.act(torch.from_numpy(np.stack([values, values])[None]))[0, 0, 1]
        assert float(begun) == pytest.approx(turn(PolicyRunner(both.path, contract)), abs=1e-5)
        assert f'it begins as it does {name}' in said[-1]


@pytest.mark.long
def test_it_goes_on_as_one_of_one_task_or_of_both_and_keeps_the_old_ones(
        learn, both, tasks, tmp_path):
    code, _, said = learn('one', '--task', *files(tmp_path, 'right'), '--demos',
                          tmp_path / 'demos/right', '--from', both.path, '--keep', 'replay')
    assert code == 0 and 'Begins with left+right' in said
    one = load_checkpoint(tmp_path / 'one/checkpoint')
    assert not one.several and one.contract.hash == tasks['right'].hash
    code, _, said = learn('again', *files(tmp_path, 'right', 'left'), '--from', both.path)
    assert code == 0 and '6 of 6 observations go on' in said
    again = load_checkpoint(tmp_path / 'again/checkpoint')
    assert turn(PolicyRunner(again.path, tasks['left'])) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize('algorithm', ['dqn', 'dqfd', 'qtable'])
def test_an_algorithm_of_one_task_refuses_several(tasks, run, tmp_path, algorithm):
    code, _, said = run(train, *files(tmp_path, 'left', 'right'), '--algo', algorithm, '--demos',
                        tmp_path / 'demos', '--out', tmp_path / 'no', '--env', 'none')
    assert code == 2 and f'{algorithm} learns one task at a time' in said and '--algo bc' in said
    assert not (tmp_path / 'no').exists()


@pytest.mark.parametrize(('names', 'why'), [
    (('clutter', 'maze'), 'One policy cannot serve clutter and maze: observation.'),
    (('clutter', 'clutter'), 'names of their own'),
])
def test_tasks_of_other_families_and_of_one_name_are_refused(run, tmp_path, names, why):
    code, _, said = run(train, '--task', *names, '--demos', tmp_path, '--out', tmp_path / 'no')
    assert code == 2 and why in said and not (tmp_path / 'no').exists()


def test_a_batch_has_as_many_windows_of_each_task():
    assert equal_shares(256, 1) == (256,)
    assert equal_shares(256, 4) == (64, 64, 64, 64)
    assert equal_shares(7, 3) == (3, 2, 2)
    with pytest.raises(ValueError, match='no window of each of 3 tasks'):
        equal_shares(2, 3)
