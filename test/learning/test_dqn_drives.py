"""Q-learning on a real task: many robots in the batch, a checkpoint that PyBullet can score."""

from dataclasses import replace
import json

import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_core.base.plant import load_plant
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms import dqn
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import CancelledError
from ilw_learner.training.train import train

TINY = {'steps': 4096, 'robots': 64, 'warm_up': 512, 'candidates': 2, 'batch': 64, 'hidden': 32,
        'eval_episodes': 2}


@pytest.fixture(autouse=True)
def few_judges(monkeypatch):
    """Candidates are compared in few worlds: here only that they are."""
    monkeypatch.setattr(dqn, 'JUDGE_ROBOTS', 8)


def options(contract, folder, algorithm='dqn', **more):
    _, config = load_config(config_file('train', algorithm), contract.name)
    return TrainOptions(contract=contract, algorithm=algorithm, config=replace(config, **TINY),
                        demos=folder / 'demos', out=folder / 'run', **more)


def test_a_policy_from_reward_is_a_checkpoint_like_any_other(contract, tmp_path):
    seen = []
    summary = train(options(contract, tmp_path, env_spec='ilw_sim.env:make_env'),
                    lambda now: seen.append(now) or True)
    assert summary.episodes_eval == 2
    assert seen[-1].evaluations == 2
    runner = PolicyRunner(summary.checkpoint, contract)
    middle = 0.5 * (contract.obs_low + contract.obs_high)
    runner.observe(Observation(0, middle, np.ones(contract.obs_dim, dtype=bool), 0))
    actions, reason = runner.act()
    assert reason == ''
    assert np.all(actions[0] >= contract.action.low - 1e-6)
    assert np.all(actions[0] <= contract.action.high + 1e-6)
    rows = [json.loads(line) for line in (tmp_path / 'run/metrics.jsonl').read_text().splitlines()]
    assert [row['step'] for row in rows if 'eval/success_rate' in row] == [2048, 4096]


def test_a_policy_that_sees_the_past_of_a_base_that_answers_late(clutter, tmp_path):
    plant = load_plant(config_file('plants', 'small_base'))
    given = options(clutter, tmp_path, env_spec='ilw_sim.env:make_env', plant=plant)
    summary = train(replace(given, config=replace(given.config, history=3)), lambda now: True)
    assert (summary.plant, summary.episodes_eval) == ('small_base', 2)
    assert load_plant(tmp_path / 'run/plant.yaml') == plant
    checkpoint = load_checkpoint(tmp_path / 'run/checkpoint', clutter)
    assert checkpoint.history == 3
    assert checkpoint.card['provenance']['plant'] == plant.text()
    assert PolicyRunner(checkpoint.path, clutter).history == 3


def test_a_table_cannot_be_learned_of_many_bases(maze, tmp_path):
    _, config = load_config(config_file('train', 'qtable'), 'maze')
    plant = load_plant(config_file('plants', 'small_base'))
    with pytest.raises(IlwError, match='obeys at once'):
        train(TrainOptions(contract=maze, algorithm='qtable', config=config, plant=plant,
                           demos=tmp_path, out=tmp_path / 'run'), lambda now: True)


def test_demonstrations_begin_it(maze, bags, tmp_path):
    (tmp_path / 'demos').mkdir()
    for number in range(3):
        bags.write(tmp_path / 'demos' / f'{number}', ticks=30,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    given = options(maze, tmp_path, 'dqfd', max_demos=2)
    summary = train(replace(given, config=replace(given.config, pretrain=300)), lambda now: True)
    assert summary.details['episodes'] == 2
    assert summary.updates > 300
    runner, chosen = PolicyRunner(summary.checkpoint, maze), []
    for i in range(30):  # where the demonstrations were, all of which drove ahead
        seen = np.array([0.1 * i, 1.0, np.sin(0.01 * i), np.cos(0.01 * i)], np.float32)
        runner.observe(Observation(i, seen, np.ones(4, dtype=bool), 0))
        chosen.append(tuple(runner.act()[0][0]))
    ahead = tuple(maze.action.discrete['forward'])
    assert chosen.count(pytest.approx(ahead)) > 20, 'it does what it was shown'


def test_it_stops_when_told_to(maze, tmp_path):
    with pytest.raises(CancelledError):
        train(options(maze, tmp_path), lambda now: False)
