"""A training that meets NaN or infinity stops with the place and keeps what was best."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file
import torch

from ilw_core.errors import NotFiniteError
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset
from ilw_learner.algorithms import qtable
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore, QLearner
from ilw_learner.algorithms.q_learning.q_values import DqnConfig
from ilw_learner.data.demonstrations import to_transitions
from ilw_learner.rollout.vec_env import Steps
from ilw_learner.training.config import load_config
from ilw_learner.training.imitation import Imitation
from ilw_learner.training.loop import TrainingLoop, best_until
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

CPU = torch.device('cpu')
BC = BcConfig(hidden=16, updates=600, batch=32, noise=0.0, candidates=3)


def forward(obs):
    return np.full((len(obs), 2), 0.25)


def finite(path):
    return all(np.isfinite(each).all() for each in load_file(path).values())


def cloning(contract, config, train, held_out, folder):
    learner = Imitation(contract, 'bc', config, cloning_step(contract, config, 0), train, held_out,
                        folder)
    return TrainingLoop(learner, folder, candidates=config.candidates)


@pytest.fixture
def windows(clutter, episodes):
    return build_dataset(episodes(clutter, forward, count=3), clutter)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(('what', 'named'), [
    ('obs', 'observation velocity.turn_radps'), ('actions', 'action twist.angular.z')])
def test_a_window_that_is_not_finite_is_named(clutter, windows, tmp_path, what, named, value):
    getattr(windows, what)[100, 0, -1] = value
    with pytest.raises(NotFiniteError, match=rf'episode-1: {named} is {value} in window 100\.'):
        cloning(clutter, BC, windows, windows.pick([2]), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('at', 'noticed'), [(230, 300), (301, 400), (600, 600)])
def test_cloning_keeps_the_best_candidate_before_its_weights_were_spoilt(
        clutter, windows, tmp_path, at, noticed):
    loop = cloning(clutter, BC, windows.pick([0, 1]), windows.pick([2]), tmp_path)
    learner = loop.learner
    advance, count = learner.advance, [0]

    def spoil():
        advance()
        count[0] += 1
        if count[0] == at:
            learner.step.network.flat[7] = torch.nan

    learner.advance = spoil
    _, fault = best_until(loop)
    assert f'NaN or infinite at update {noticed}.' in str(fault)
    assert learner.best.path == tmp_path / 'checkpoint'
    assert finite(tmp_path / 'checkpoint/weights.safetensors')
    assert all(finite(each / 'weights.safetensors') for each in tmp_path.glob('candidate-*'))


def test_cloning_that_never_was_finite_leaves_no_checkpoint(clutter, windows, tmp_path):
    config = replace(BC, learning_rate=1e30)
    with pytest.raises(NotFiniteError, match='Lower learning_rate'):
        best_until(cloning(clutter, config, windows, windows.pick([2]), tmp_path))
    assert not (tmp_path / 'checkpoint').exists() and not list(tmp_path.glob('candidate-*'))


class Robots:
    """Four robots that see two numbers; one value of one step is not finite."""

    count = 4

    def __init__(self, at, what, value):
        self._at, self._what, self._value, self._steps = at, what, value, 0

    def reset(self, seed):
        return torch.zeros(4, 2)

    def step(self, choices):
        self._steps += 1
        no = torch.zeros(4, dtype=torch.bool)
        after, reward = torch.zeros(4, 2), torch.zeros(4)
        if self._steps == self._at:
            {'observation': after[2], 'reward': reward}[self._what][1] = self._value
        return Steps(after, reward, no, no, after, no)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('what', ['observation', 'reward'])
@pytest.mark.parametrize(('at', 'kept'), [(3, False), (400, True)])
def test_robots_of_a_simulator_that_give_what_is_not_finite_stop_the_training(
        tmp_path, at, kept, what, value):
    config = DqnConfig(hidden=8, layers=1, batch=16, warm_up=100, steps=2000, capacity=500,
                       robots=4, candidates=4)
    learner = QLearner(config, Robots(at, what, value), lambda obs: obs, 3, device=CPU,
                       judge=lambda dqn: DrivingScore(0.5, 1.0, 1))
    words = rf'a {what} that is NaN or infinite, at step'
    with pytest.raises(NotFiniteError, match=words) as said:
        TrainingLoop(learner, tmp_path, candidates=4).fit()
    assert (learner.best is not None) is kept
    if kept:
        learner.use_best()
        assert torch.isfinite(learner.dqn.network.flat).all()
        assert 'at step 2000 or' in str(said.value)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_judgement_that_is_not_finite_stops_before_it_is_kept(tmp_path, value):
    config = DqnConfig(hidden=8, layers=1, batch=16, warm_up=100, steps=800, capacity=500,
                       robots=4, candidates=2)
    learner = QLearner(config, Robots(0, 'reward', 0.0), lambda obs: obs, 3, device=CPU,
                       judge=lambda dqn: DrivingScore(0.5, value, 1))
    with pytest.raises(NotFiniteError, match='judge step 400 are NaN'):
        TrainingLoop(learner, tmp_path, candidates=2).fit()
    assert learner.best is None and not (tmp_path / 'resume.safetensors').exists()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_recorded_reward_that_is_not_finite_is_named(maze, episodes, value):
    (episode,) = episodes(maze, forward, count=1)
    rewards = np.zeros(len(episode.actions), dtype=np.float32)
    rewards[17] = value
    with pytest.raises(NotFiniteError, match=rf'episode-0: the reward of step 17 is {value}\.'):
        to_transitions([replace(episode, person_rewards=rewards)], maze, maze.action.table,
                       lambda obs: obs, gamma=0.99)


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_table_is_not_learned_from_rewards_that_are_not_finite(
        maze, tmp_path, monkeypatch, value):
    algorithm, config = load_config(config_file('train', 'qtable'), 'maze')
    make = qtable.make_env

    def spoilt(*args, **options):
        model = make(*args, **options)
        model.reward[5, 2] = value
        return model

    monkeypatch.setattr(qtable, 'make_env', spoilt)
    options = TrainOptions(contract=maze, algorithm=algorithm, config=replace(config, updates=10),
                           demos=tmp_path, out=tmp_path / 'run')
    with pytest.raises(NotFiniteError, match=rf'Got {value} in state 5, action 2'):
        train(options, lambda p: True)
    assert not (tmp_path / 'run/checkpoint').exists()
