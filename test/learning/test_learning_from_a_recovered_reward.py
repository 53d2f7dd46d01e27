"""What learns from reward learns from a recovered one instead, and from that alone."""

from dataclasses import replace
import json
import math

import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.rewards.reward_file import RecoveredReward, save_reward
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

TINY = {'steps': 2048, 'robots': 64, 'warm_up': 512, 'candidates': 1, 'batch': 64, 'hidden': 32,
        'layers': 1, 'eval_episodes': 2}


def options(contract, folder, weights, algorithm='dqn', changes=TINY, **more):
    _, config = load_config(config_file('train', algorithm), contract.name)
    reward = save_reward(folder / 'reward.yaml', RecoveredReward(contract, 'test', weights))
    return TrainOptions(contract=contract, algorithm=algorithm, config=replace(config, **changes),
                        demos=folder / 'demos', out=folder / 'run', reward=reward, **more)


def figures(folder):
    lines = (folder / 'run/metrics.jsonl').read_text().splitlines()
    return [row for row in map(json.loads, lines) if 'eval/return' in row]


@pytest.mark.long
def test_candidates_are_compared_by_what_the_recovered_reward_pays(maze, tmp_path):
    given = options(maze, tmp_path, {'step': 0.5, 'collision': -1000.0})
    summary = train(given, lambda now: True)
    (row,) = figures(tmp_path)
    longest = math.ceil(maze.timeout_s * maze.rate_hz)
    # An untrained robot stands until its time is up, or drives into something.
    assert -1000.0 < row['eval/return'] <= 0.5 * longest
    assert abs(row['eval/return']) > 2.0, 'the contract pays between -1 and 1'
    card = (tmp_path / 'run/checkpoint/policy.yaml').read_text()
    assert f'reward: {given.reward.hash}' in card
    assert summary.algorithm == 'dqn'


@pytest.mark.long
def test_demonstrations_are_paid_by_it_too(maze, bags, tmp_path, monkeypatch):
    from ilw_learner.algorithms import dqn

    (tmp_path / 'demos').mkdir()
    bags.write(tmp_path / 'demos' / '0', ticks=30,
               meta={'outcome': 'success', 'stop_reason': 'goal'})
    seen, made = [], dqn.to_transitions

    def kept(*args, **options):
        seen.append(made(*args, **options))
        return seen[-1]

    monkeypatch.setattr(dqn, 'to_transitions', kept)
    given = options(maze, tmp_path, {'goal': 3.0, 'step': -0.25}, 'dqfd', TINY | {
        'pretrain': 1, 'n_step': 1})
    train(given, lambda now: True)
    (transitions,) = seen
    *before, last = transitions.reward.tolist()
    assert len(before) > 10 and before == pytest.approx([-0.25] * len(before))
    assert last == pytest.approx(2.75)


@pytest.mark.parametrize('algorithm', ['bc', 'qtable'])
def test_what_does_not_learn_from_such_a_reward_says_who_does(maze, tmp_path, algorithm):
    given = options(maze, tmp_path, {'goal': 1.0}, algorithm, {})
    with pytest.raises(IlwError, match=f'{algorithm} cannot learn from a recovered reward.*dqn'):
        train(given, lambda now: True)


@pytest.mark.parametrize(('discount', 'said'), [(0.99, False), (0.9, True), (1.0, False)])
def test_a_reward_that_counts_later_steps_otherwise_than_the_learner_is_said(
        maze, tmp_path, monkeypatch, discount, said):
    from ilw_learner.algorithms import ALGORITHMS

    heard = []
    given = options(maze, tmp_path, {'goal': 1.0}, say=heard.append)
    given = replace(given, reward=replace(given.reward, discount=discount))
    monkeypatch.setitem(ALGORITHMS, 'dqn', replace(ALGORITHMS['dqn'], train=lambda *each: None))
    assert given.config.gamma == 0.99
    train(given, lambda now: True)
    assert [f'discount of {discount:g}' in text for text in heard] == [True] * said


def test_a_clone_does_not_see_the_demonstrations_that_rank(maze, bags, tmp_path, monkeypatch):
    from ilw_learner.rewards import recover as recovering
    from ilw_learner.training.options import load_demonstrations

    class SeenError(Exception):
        """Ends the recovery where a clone would be trained."""

    def clone(asked, cloning):
        raise SeenError({each.name for each in load_demonstrations(cloning)})

    (tmp_path / 'demos').mkdir()
    for number in range(5):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=20,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    monkeypatch.setattr(recovering, '_clone', clone)
    left_out = set()
    for seed in range(6):
        with pytest.raises(SeenError) as found:
            recovering.recover(recovering.RecoverOptions(
                contract=maze, demos=tmp_path / 'demos', out=tmp_path / 'r.yaml',
                method='linear', seed=seed))
        (names,) = found.value.args
        assert len(names) == 4
        left_out |= {'0', '1', '2', '3', '4'} - names
    assert len(left_out) > 1
