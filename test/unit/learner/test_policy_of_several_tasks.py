"""A checkpoint of several tasks keeps their contracts, and acts as it is told."""

import json

import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_core.contract.file import parse_contract
from ilw_core.errors import CheckpointError, ContractError
from ilw_learner.checkpoint.contract import contract_of, contracts_of
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import load_checkpoint, save_checkpoint
from ilw_learner.cli import evaluate
from ilw_learner.commands.replay import replay
from ilw_learner.commands.why import why
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.runtime.worker import Worker


def seen(contract, value=0.0):
    values = np.full(contract.obs_dim, value, np.float32)
    return Observation(0, values, np.ones(contract.obs_dim, dtype=bool), 0)


def speed(runner):
    runner.observe(seen(runner.contract))
    return runner.act()[0][0, 0]


@pytest.fixture
def slow(cruises):
    return cruises.tasks[1]


def test_it_keeps_the_contract_of_each_task(cruises, maze, slow):
    found = load_checkpoint(cruises.path)
    assert found.several and found.task_names == ('maze', 'slow')
    assert [each.hash for each in found.tasks] == [maze.hash, slow.hash]
    assert found.contract.hash == maze.hash
    assert load_checkpoint(cruises.path, slow).contract.goal_radius_m == 0.2
    assert found.seen.obs_names[-2:] == ('task[maze]', 'task[slow]')


def test_one_of_one_task_is_what_it_was(constant, maze):
    found = load_checkpoint(constant(maze, 'c', 0.1))
    assert not found.several and found.seen is found.contract
    assert 'further_tasks' not in found.card


def test_it_does_the_task_of_the_contract_in_use_or_the_one_that_is_named(cruises, maze, slow):
    assert speed(PolicyRunner(cruises.path, maze)) == pytest.approx(0.4)
    assert speed(PolicyRunner(cruises.path, slow)) == pytest.approx(0.1)
    named = PolicyRunner(cruises.path, maze, task='slow')
    assert speed(named) == pytest.approx(0.1)
    assert (named.contract.name, named.task.name) == ('maze', 'slow')


def test_another_task_begins_with_nothing_seen_and_the_first_goes_on(cruises, maze):
    runner = PolicyRunner(cruises.path, maze)
    assert speed(runner) == pytest.approx(0.4)
    other = runner.doing('slow')
    assert other.act() == (None, 'no observation yet')
    assert speed(other) == pytest.approx(0.1)
    assert runner.act()[0][0, 0] == pytest.approx(0.4)
    assert speed(other.doing('')) == pytest.approx(0.4), 'that of the contract in use'


@pytest.mark.parametrize('name', ['fast', '', 'm'])
def test_a_task_that_it_has_not_learned_is_refused(cruises, slow, name):
    with pytest.raises(ContractError, match=r'has learned maze, slow\. Got'):
        PolicyRunner(cruises.path, slow).doing(name or '../maze')


def test_a_policy_of_one_task_and_a_baseline_are_refused_another(constant, maze):
    with pytest.raises(ContractError, match='has learned maze'):
        PolicyRunner(constant(maze, 'c', 0.1), maze).doing('slow')
    idle = PolicyRunner('idle', maze)
    with pytest.raises(ContractError, match='idle has learned no task'):
        idle.doing('slow')
    assert idle.doing('').act() == (None, 'no observation yet')


@pytest.mark.parametrize(('old', 'new', 'why'), [
    ('rate_hz: 10', 'rate_hz: 5', 'ticks a second'),
    ('goal_radius_m: 0.4', 'goal_radius_m: 0.3', ''),
    ('max: 0.4', 'max: 0.5', 'action.fields'),
])
def test_a_contract_of_another_family_is_refused(cruises, maze, old, new, why):
    other = parse_contract(maze.text.replace('contract: maze', 'contract: mine').replace(old, new))
    with pytest.raises(ContractError, match='has learned maze, slow, but mine'):
        PolicyRunner(cruises.path, other)
    if not why:  # of the family: what it learned can be named
        assert speed(PolicyRunner(cruises.path, other, task='slow')) == pytest.approx(0.1)
        return
    with pytest.raises(ContractError, match=f'not of the family of.*mine: .*{why}'):
        PolicyRunner(cruises.path, other, task='slow')


def test_a_card_whose_tasks_are_no_family_is_refused(cruises, maze):
    other = maze.text.replace('contract: maze', 'contract: b').replace('rate_hz: 10', 'rate_hz: 5')
    for further, error in (([other], ContractError), ('text', CheckpointError),
                           ([1], CheckpointError), ([maze.text], ContractError)):
        card = {'history': 1, 'horizon': 1, 'further_tasks': further}
        with pytest.raises(error):
            save_checkpoint(cruises.path.with_name('bad'), maze, card, {
                name: (cruises.path / name).read_bytes() for name in cruises.card['files']})


def test_a_command_for_one_task_asks_which(cruises, bags, tmp_path, run):
    with pytest.raises(CheckpointError, match=r'several tasks: maze, slow\..*--task maze'):
        contract_of(None, [cruises.path])
    assert [each.name for each in contracts_of(None, str(cruises.path))] == ['maze', 'slow']
    assert [each.name for each in contracts_of('maze', str(cruises.path))] == ['maze']
    bags.write(tmp_path / 'demos' / 'a', meta={'outcome': 'success', 'stop_reason': 'goal'})
    code, _, said = run(replay, '--bag', tmp_path / 'demos', '--policy', cruises.path)
    assert code == 2 and '--task maze' in said
    code, _, said = run(why, cruises.path, tmp_path / 'demos', '--task', 'maze')
    assert code == 2 and 'has learned several tasks (maze, slow)' in said


def test_what_is_deployed_for_a_task_is_of_that_task(cruises, slow, tmp_path):
    root = tmp_path / 'deployed'
    Deployed(root, 'slow').promote(load_checkpoint(cruises.path, slow), {})
    assert contract_of(None, ['deployed'], root).hash == slow.hash


def test_eval_drives_every_task_and_shows_a_table(cruises, coin, drives, run):
    code, out, _ = run(evaluate, cruises.path, '--env', coin, '--episodes', 20)
    assert code == 0 and drives() == 40
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ['maze', 'slow', 'mean']
    assert lines[0].split()[1:3] == ['success', '20/20'] and '(95 %: 84% to 100%)' in lines[0]
    code, out, _ = run(evaluate, cruises.path, '--env', coin, '--episodes', 20, '--json')
    told = json.loads(out)
    slow_alone = told['tasks']['slow']
    assert told['tasks']['maze']['success'] == 20 and slow_alone['success'] == 0
    assert told['mean_success'] == pytest.approx(0.5)
    assert told['mean_wilson95'][0] < told['mean_success'] < told['mean_wilson95'][1]
    code, _, said = run(evaluate, cruises.path, '--env', coin, '--task', 'clutter')
    assert code == 2 and 'has learned maze, slow, but clutter' in said


def test_a_thread_that_begins_anew_leaves_what_waits(cruises, maze):
    thoughts = []
    worker = Worker(PolicyRunner(cruises.path, maze), thoughts.append)
    try:
        with worker._wake:  # the thread waits meanwhile
            worker._waiting.append((0.0, seen(maze), False))
            worker.swap(worker.runner.doing('slow'), anew=True)
            worker.submit(seen(maze), first=False)
    finally:
        while not thoughts:
            pass
        worker.stop()
    assert [(each.first, round(float(each.actions[0, 0]), 3)) for each in thoughts] == [
        (True, 0.1)]
