"""What a training tells programs is JSON that any of them reads, and what a node makes of it."""

import json
import math
import threading

import pytest

from ilw_core.scores.score import EvalScore
from ilw_learner.child import Child
from ilw_learner.cli import learner
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}


def strict(text):
    """Parse JSON as strictly as others do: there is no NaN in it."""
    def refuse(name):
        raise AssertionError(f'{name} is no JSON')

    return json.loads(text, parse_constant=refuse)


@pytest.mark.long
def test_a_training_without_held_out_episodes_prints_null_where_there_is_no_error(
        run, bags, tmp_path):
    bags.write(tmp_path / 'demos' / 'one', ticks=20, meta=SUCCESS)
    config = tmp_path / 'quick.yaml'
    config.write_text('algorithm: bc\nupdates: 2\nhidden: 16\ncandidates: 1\n')
    code, out, err = run(learner, 'train', '--task', 'maze', '--demos', tmp_path / 'demos',
                         '--config', config, '--env', 'none', '--out', tmp_path / 'run', '--json')
    assert code == 0, err
    said = strict(out)
    assert said['held_out'] == {
        'loss': None, 'windows': 0, **{
            kind: {'twist.linear.x': None, 'twist.angular.z': None}
            for kind in ('mae', 'rmse', 'mae_last_command', 'rmse_last_command')}}
    assert said == strict((tmp_path / 'run' / 'training.json').read_text())


@pytest.mark.parametrize('now', [
    Progress(3, 10, 0.25, 0.5), Progress(3, 10, 0.25, math.nan), Progress(0, 10, math.nan, 0.0)])
def test_where_training_is_survives_the_way_to_another_process(now):
    line = strict(json.dumps(now.as_json()))
    assert list(line) == ['update', 'updates', 'loss', 'success_ratio']
    assert repr(Progress.from_json(line)) == repr(now)


def test_a_summary_is_read_back_with_what_only_its_algorithm_knows():
    summary = TrainSummary('runs/x/checkpoint', 'maze', 'bc', 3, 1.5, steps=40, updates=2,
                           success=9, episodes_eval=10, details={'windows': 39})
    data = strict(json.dumps(summary.as_json()))
    assert list(data) == ['checkpoint', 'task', 'algorithm', 'seed', 'train_s', 'steps', 'updates',
                          'plant', 'success', 'episodes_eval', 'windows']
    assert TrainSummary.from_json(data) == summary
    assert summary.success_ratio == 0.9


def follow(*words):
    """Return what a child told, and how it ended."""
    told, ends, over = [], [], threading.Event()

    def ended(end):
        ends.append(end)
        over.set()

    Child(*words, told.append, ended)
    assert over.wait(120)
    return told, ends[0]


@pytest.mark.long
def test_the_score_of_an_evaluation_in_another_process_is_that_of_its_last_progress():
    told, end = follow('eval', ['idle', '--task', 'maze', '--episodes', '2'])
    assert [now.done for now in told] == [1, 2]
    assert isinstance(end.result, EvalScore) and (end.code, end.result.n) == (0, 2)
    assert end.result.success == told[-1].success


@pytest.mark.long
def test_a_process_that_ends_well_without_a_result_is_not_waited_for():
    told, end = follow('train', ['--help'])
    assert (told, end.code, end.result) == ([], 0, None)
