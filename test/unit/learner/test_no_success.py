"""After 0 of n a person is told how it went and what to do next; after a success nothing."""

import shlex

import pytest

from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.cli import evaluate
from ilw_learner.rollout.evaluate import Rollout
from ilw_learner.training.no_success import how_it_went, next_steps


def ended(reason, path_m):
    return Rollout(1, False, reason, 60.0, path_m, 3.0)


@pytest.mark.parametrize(('runs', 'text'), [
    ([ended('collision', 2.0)] * 3, 'None of 3 succeeded: 3 collided.'),
    ([ended('timeout', 0.01)] * 5, 'None of 5 succeeded: 5 stood still'),
    ([ended('timeout', 9.0), ended('collision', 1.0)], '1 collided, 1 drove until time was up.'),
    ([ended('', 9.0)], 'none says why'),
])
def test_how_it_went_counts_the_ends(runs, text):
    assert text in how_it_went(runs)


@pytest.mark.parametrize('algorithm', ALGORITHMS)
def test_the_next_steps_are_of_the_algorithm(algorithm, tmp_path):
    lines = next_steps('maze', tmp_path / 'a b', algorithm,
                       demonstrated=ALGORITHMS[algorithm].demonstrated)
    commands = [shlex.split('./ilw' + line.split('./ilw', 1)[1]) for line in lines
                if './ilw' in line]
    assert commands and all(words[0] == './ilw' for words in commands)
    assert ('replay' in ' '.join(lines)) == (algorithm in ('bc', 'act', 'flow', 'dqfd'))


@pytest.mark.parametrize('speed', [0.0, 0.4])
def test_eval_says_what_to_do_only_where_nothing_succeeded(maze, constant, coin, run, speed):
    checkpoint = constant(maze, 'c', speed)
    code, out, _ = run(evaluate, checkpoint, '--env', coin, '--episodes', 5)
    assert code == 0
    assert ('success 0/5' in out) == (speed == 0.0) == ('Next: ' in out)
    assert (f'--policy {checkpoint}' in out) == (speed == 0.0)


@pytest.mark.parametrize('name', ['idle'])
def test_a_baseline_that_fails_is_what_it_is_for(coin, run, name):
    _, out, _ = run(evaluate, name, '--task', 'maze', '--env', coin, '--episodes', 3)
    assert 'success 0/3' in out and 'Next' not in out
