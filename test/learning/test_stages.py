"""Task after task: what is trained, driven and shown, and that a run goes on where it was."""

import json
import sys
from types import ModuleType

import gymnasium
import numpy as np
import pytest
import yaml

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.errors import ContractError
from ilw_core.scores.forgetting import StageMatrix
from ilw_core.scores.statistics import Tried
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.commands.transfer import transfer
from ilw_learner.rollout.evaluate import evaluate
from ilw_learner.rollout.other_task import OtherTask
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.transfer.report import KeptRuns, Scratch, TransferReport

SPEED = {'maze': 0.0, 'other': 0.4}
"""At which a step succeeds, in each task"""


class OneStep(gymnasium.Env):
    """A task of one step: to drive at the task's speed."""

    driven: list = []
    """(task, seed) of every episode"""

    def __init__(self, contract):
        self.contract = contract
        self.fields = {name: i for i, name in enumerate(contract.action.names)}

    def reset(self, *, seed=None, options=None):
        self.driven.append((self.contract.name, seed))
        tick = int(np.random.default_rng(seed).integers(30))  # as in the demonstrations
        values = {'pose.x_m': 0.1 * tick, 'pose.y_m': 1.0, 'pose.yaw_sin': np.sin(0.01 * tick),
                  'pose.yaw_cos': np.cos(0.01 * tick), 'velocity.turn_radps': 0.0,
                  'velocity.forward_mps': SPEED[self.contract.name]}
        return np.array([values[name] for name in self.contract.obs_names], np.float32), {}

    def step(self, action):
        forward = float(action[self.fields['twist.linear.x']])
        good = abs(forward - SPEED[self.contract.name]) < 0.1
        return np.zeros(self.contract.obs_dim, np.float32), 0.0, True, False, {
            'success': good, 'stop_reason': 'goal' if good else 'timeout', 'time_s': 0.1,
            'path_length_m': 1.0, 'shortest_path_m': 1.0}


@pytest.fixture
def tasks(bags, tmp_path, monkeypatch):
    """Write two tasks of the same robot, demonstrations of both, and a short configuration."""
    module = ModuleType('one_step')
    module.make = OneStep
    monkeypatch.setitem(sys.modules, 'one_step', module)
    OneStep.driven = []
    data = yaml.safe_load(load_contract(config_file('tasks', 'maze')).text)
    del data['action']['discrete']
    data['observation']['velocity'] = {'topic': 'odom', 'type': 'nav_msgs/msg/Odometry',
                                       'feature': 'body_twist'}
    contracts = {}
    for name in ('maze', 'other'):
        if name == 'other':
            data['action']['fields'].reverse()
            data['observation'] = dict(reversed(data['observation'].items()))
        data['contract'] = name
        text = yaml.safe_dump(data, sort_keys=False)
        (tmp_path / f'{name}.yaml').write_text(text)
        contract = contracts[name] = parse_contract(text)
        for number in range(4):
            bags.write(tmp_path / 'demos' / name / f'{number}', ticks=30,
                       drive=lambda i, speed=SPEED[name]: (speed, 0.0),
                       meta={'outcome': 'success', 'stop_reason': 'goal',
                             'contract_hash': contract.hash, 'contract_text': text})
    (tmp_path / 'short.yaml').write_text(
        'algorithm: bc\nhidden: 16\nupdates: 60\ncandidates: 2\neval_episodes: 4\nbatch: 32\n')
    return contracts


@pytest.fixture
def words(tasks, tmp_path):
    return [tmp_path / 'maze.yaml', tmp_path / 'other.yaml', '--demos', tmp_path / 'demos',
            '--config', tmp_path / 'short.yaml', '--env', 'one_step:make', '--episodes', 5,
            '--out', tmp_path / 'out']


@pytest.mark.long
def test_every_task_is_driven_after_every_stage_and_nothing_twice(words, tmp_path, run):
    more = ['--keep', 'none', '--keep', 'replay', '--later', 2, '--scratch', '--seeds', 2]
    code, out, _ = run(transfer, *words, *more, '--json')
    assert code == 0
    found = json.loads(out)
    assert found['tasks'] == ['maze', 'other'] and found['demos'] == [0, 2]
    assert [*found['kept']] == ['none', 'replay'] and found['seeds'] == [0, 1]
    for kept in found['kept'].values():
        assert [[cell['n'] for cell in row] for row in kept['matrix']] == [[10, 10], [10, 10]]
        assert kept['matrix'][0][0]['success'] == 10
        assert [len(curve) for curve in kept['curves']] == [2, 3]
    assert found['scratch']['other']['all']['n'] == found['scratch']['other']['few']['n'] == 10
    assert json.loads((tmp_path / 'out' / 'transfer.json').read_text()) == found
    assert (tmp_path / 'out' / 'transfer.png').read_bytes()[1:4] == b'PNG'
    second = tmp_path / 'out' / 'replay-1' / '2-other'
    told = json.loads((second / 'training.json').read_text())
    assert told['episodes'] == 2 and told['old_episodes'] == 4 and told['keep'] == 'replay'
    card = load_checkpoint(second / 'checkpoint').card['provenance']
    assert card['from'] == load_checkpoint(tmp_path / 'out/first-1/1-maze/checkpoint').hash
    # Of each seed: in the first stage both tasks, and so after each of the two second stages;
    # and from nothing the later one twice. In the worlds of the score, where none was chosen.
    scored = [each for each in OneStep.driven if each[1] >= 600_000]
    assert len(scored) == 2 * 5 * (2 + 4 + 2)
    OneStep.driven.clear()
    code, again, _ = run(transfer, *words, *more, '--json')
    assert code == 0 and json.loads(again) == found and not OneStep.driven
    code, out, _ = run(transfer, *words, *more)
    assert code == 0 and 'after maze' in out and 'negative backward transfer' in out
    assert 'other from nothing' in out and 'seeds ' in out


def test_a_policy_drives_the_task_of_another_contract_by_name(tasks, fit, episodes):
    def both(obs):
        return np.stack([0.05 * obs[:, 0], 0.1 * obs[:, 1]], axis=1)

    maze, other = tasks.values()
    _, checkpoint = fit(maze, episodes(maze, both), hidden=16, updates=150)
    runner = PolicyRunner(checkpoint.path, maze)
    across = OtherTask(PolicyRunner(checkpoint.path, maze), other)
    seen = []

    class Watched(OneStep):
        def step(self, action):
            seen.append(np.array([action[self.fields[name]] for name in maze.action.names]))
            return super().step(action)

        def reset(self, *, seed=None, options=None):
            values = np.random.default_rng(seed).uniform(maze.obs_low, maze.obs_high)
            return np.array([values[maze.obs_names.index(name)]
                             for name in self.contract.obs_names], np.float32), {}

    evaluate(Watched(maze), maze, runner, range(6))
    evaluate(Watched(other), other, across, range(6))
    np.testing.assert_array_equal(seen[:6], seen[6:])
    assert np.ptp(seen[:6], axis=0).min() > 0.01 and maze.obs_names != other.obs_names


def test_a_policy_that_misses_what_it_sees_cannot_drive(tasks, clutter, fit, episodes):
    maze = tasks['maze']
    _, checkpoint = fit(maze, episodes(maze, lambda obs: obs[:, :2] * 0.01), hidden=16,
                        updates=20)
    with pytest.raises(ContractError, match='cannot drive clutter: clutter does not observe'):
        OtherTask(PolicyRunner(checkpoint.path, maze), clutter)


@pytest.mark.parametrize(('more', 'told'), [
    (['--algo', 'qtable'], 'qtable cannot begin'), (['--demos', 'nowhere'], 'nowhere')])
def test_what_cannot_be_is_refused_before_anything_is_learned(words, tmp_path, run, more, told):
    code, _, error = run(transfer, *words, *more)
    assert code == 2 and told in error and 'Traceback' not in error
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('given', [['maze'], ['maze', 'maze']])
def test_two_tasks_are_named_each_once(run, given):
    code, _, error = run(transfer, *given)
    assert code == 2 and 'two tasks or more, each once' in error


def test_a_cell_that_cannot_be_driven_is_a_dash_and_says_why():
    matrix = StageMatrix(('a', 'b'), ((Tried(9, 10), None), (Tried(6, 10), Tried(5, 10))),
                         ((Tried(9, 10),), (Tried(5, 10),)))
    report = TransferReport(
        ('a', 'b'), 'bc', (0, 20), (0,), 10, 'env', (KeptRuns('replay', (matrix,)),),
        (Scratch('b', Tried(2, 10), Tried(8, 10)),), {'a in b': 'b does not observe x'})
    text = '\n'.join(report.lines())
    assert '9/10  90.0%                 -' in text
    assert 'negative backward transfer 30.0 points' in text
    assert 'b from nothing: 8/10 (80.0%) from all demonstrations, 2/10 (20.0%) from 20' in text
    assert 'replay: 5/10 (50.0%) from 20, 62% of it' in text
    assert 'a in b: cannot be driven, b does not observe x.' in text
    found = json.loads(json.dumps(report.as_json()))
    assert found['kept']['replay']['matrix'][0][1] is None
    assert found['kept']['replay']['negative_backward_transfer'] == 0.3
