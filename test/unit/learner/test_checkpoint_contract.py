"""Without ``--task``, commands that name a checkpoint use the contract it was made for."""

import json

import pytest

from ilw_bringup.commands.compare import compare
from ilw_bringup.start.bringup import resolve
from ilw_core.contract.file import load_contract, named_contract, parse_contract
from ilw_core.errors import IlwError
from ilw_learner.checkpoint.contract import contract_of, task_of
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.cli import evaluate
from ilw_learner.commands.promote import promote
from ilw_learner.commands.replay import replay


@pytest.fixture
def changed(maze):
    """Return the maze's contract with another rate, as somebody's own copy has it."""
    return parse_contract(maze.text.replace('rate_hz: 10', 'rate_hz: 5'), 'mine')


@pytest.mark.parametrize('name', ['maze', 'clutter', 'office', 'turtlebot3'])
def test_the_task_of_a_checkpoint_is_its_own(constant, name):
    contract = named_contract(name)
    checkpoint = constant(contract, 'c', 0.1)
    assert contract_of(None, [checkpoint]).hash == contract.hash
    assert contract_of(None, [checkpoint]).folder is not None, 'the file: its scene may name more'
    assert task_of('', str(checkpoint)) == name
    assert contract_of('maze', [checkpoint]).name == 'maze', 'what is given counts'
    assert task_of('clutter', str(checkpoint)) == 'clutter'


@pytest.mark.parametrize('names', [(), ('idle',), ('random', None), (None,)])
def test_without_checkpoint_and_task_it_is_the_usual_task(names):
    assert contract_of(None, names).name == contract_of('', names).name == 'clutter'


def test_a_baseline_beside_a_checkpoint_does_not_decide(constant, maze):
    assert contract_of(None, ['idle', constant(maze, 'c', 0.1)]).name == 'maze'


def test_a_contract_that_changed_since_is_that_of_the_checkpoint(constant, changed, maze):
    checkpoint = constant(changed, 'c', 0.1)
    assert contract_of(None, [checkpoint]).rate_hz == 5.0
    with pytest.raises(IlwError, match='--task FILE'):
        task_of('', str(checkpoint))
    constant(maze, 'd', 0.1)


def test_deployed_is_the_one_task_that_is_deployed(constant, maze, clutter, tmp_path):
    root = tmp_path / 'deployed'
    assert contract_of(None, ['deployed'], root).name == 'clutter', 'the usual one'
    Deployed(root, 'maze').promote(load_checkpoint(constant(maze, 'c', 0.1)), {})
    assert contract_of(None, ['deployed'], root).name == task_of('', 'deployed', root) == 'maze'
    Deployed(root, 'clutter').promote(load_checkpoint(constant(clutter, 'd', 0.1)), {})
    with pytest.raises(IlwError, match=r'clutter, maze.*--task clutter'):
        contract_of(None, ['deployed'], root)
    assert contract_of('maze', ['deployed'], root).name == 'maze'


def test_eval_compare_replay_and_promote_need_no_task(
        maze, bags, constant, coin, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    slow, fast = constant(maze, 'slow', 0.1), constant(maze, 'fast', 0.4)
    code, out, _ = run(evaluate, fast, '--env', coin, '--episodes', 3, '--json')
    assert (code, json.loads(out)['n']) == (0, 3)
    code, out, _ = run(compare, slow, fast, '--env', coin, '--episodes', 4, '--json')
    assert (code, json.loads(out)['pairs']) == (0, 4)
    bags.write(tmp_path / 'demos' / 'one', meta={'outcome': 'success', 'stop_reason': 'goal'},
               drive=lambda i: (0.2, 0.0))
    code, out, _ = run(replay, '--bag', tmp_path / 'demos', '--policy', slow, '--max', 9, '--json',
                       '--latency', 10, '--mean', 9, '--p95', 9)
    assert (code, json.loads(out)['task']) == (0, 'maze')
    code, out, _ = run(promote, fast, '--env', coin, '--json')
    assert code == 0 and json.loads(out)['promoted']
    assert (tmp_path / 'deployed' / 'maze' / 'current').exists()
    code, out, _ = run(evaluate, 'deployed', '--env', coin, '--episodes', 2, '--json')
    assert (code, json.loads(out)['n']) == (0, 2)


@pytest.mark.parametrize('name', ['maze', 'turtlebot3'])
def test_deploy_brings_up_the_task_of_the_checkpoint(constant, name):
    checkpoint = constant(named_contract(name), 'c', 0.1)
    bringup, values = resolve('deploy', {'checkpoint': str(checkpoint), 'robot': 'real'})
    assert {spec.parameters['contract'] for spec in bringup.nodes(values)
            if 'contract' in spec.parameters} == {name}


def test_deploy_of_nothing_says_so():
    with pytest.raises(IlwError, match='not a checkpoint'):
        resolve('deploy', {'checkpoint': 'runs/none/checkpoint'})


def test_a_path_is_a_task_too(constant, changed, tmp_path):
    (tmp_path / 'mine.yaml').write_text(changed.text)
    checkpoint = constant(changed, 'c', 0.1)
    assert contract_of(str(tmp_path / 'mine.yaml'), [checkpoint]).hash == load_contract(
        tmp_path / 'mine.yaml').hash
