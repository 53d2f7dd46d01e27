"""Q-learning on problems whose answer is known: a gradient, a corridor, a demonstration."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from ilw_learner.algorithms.q_learning.q_learner import QLearner, drive_greedily
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig, choice_table
from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.rollout.vec_env import OneRobot
from ilw_learner.training.loop import TrainingLoop

CPU = torch.device('cpu')
LENGTH = 8
SHORT = DqnConfig(hidden=32, layers=1, batch=64, learning_rate=3e-3, target_every=50,
                  steps=3000, warm_up=200, capacity=3000, gamma=0.9, candidates=3,
                  eval_episodes=1, n_step=1, final_rate_ratio=1.0, average=0.0, robots=1,
                  exploration_ratio=0.2, epsilon_end=0.05)


class Corridor(gymnasium.Env):
    """Walk right to the end for a reward of 1; episodes are cut off after 40 steps."""

    observation_space = gymnasium.spaces.Box(0.0, 1.0, (LENGTH,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.time = 0, 0
        return self._seen(), {}

    def step(self, action):
        self.at = max(0, self.at + (1 if action == 1 else -1))
        self.time += 1
        done = self.at == LENGTH - 1
        return self._seen(), float(done), done, self.time >= 40, {'success': done}

    def _seen(self):
        return np.eye(LENGTH, dtype=np.float32)[self.at]


def same(obs):
    return obs


def learn(folder, config=SHORT, **more):
    judged = OneRobot(Corridor())
    learner = QLearner(config, OneRobot(Corridor()), same, 2, device=CPU,
                       judge=lambda dqn: drive_greedily(dqn, judged, same, 1, 0), **more)
    TrainingLoop(learner, folder, candidates=config.candidates).fit()
    return learner, learner.use_best()


def test_the_gradient_is_that_of_autograd():
    network = FusedMlp([5, 16, 16, 3], torch.Generator().manual_seed(0), CPU)
    inputs, slope = torch.randn(7, 5), torch.randn(7, 3)
    out = network.forward(inputs)
    network.backward(inputs, slope.clone())
    module = network.module()
    module(inputs).backward(slope)
    found = network.module(network.grad).parameters()
    for gradient, wanted in zip(found, module.parameters(), strict=True):
        torch.testing.assert_close(gradient.detach(), wanted.grad)
    torch.testing.assert_close(out, module(inputs))


@pytest.mark.parametrize('switches', [
    {}, {'double': False}, {'dueling': True}, {'prioritised': True}, {'n_step': 3},
    {'double': True, 'dueling': True, 'prioritised': True, 'n_step': 3}])
def test_values_are_the_discounted_distance_to_the_reward(tmp_path, switches):
    trainer, score = learn(tmp_path, replace(SHORT, **switches))
    assert score.success_ratio == 1.0
    values = trainer.dqn.values(torch.eye(LENGTH)).detach()
    wanted = 0.9 ** np.arange(LENGTH - 2, -1, -1)  # of walking right from each place
    np.testing.assert_allclose(values[:-1, 1], wanted, atol=0.08)
    assert bool((values[1:-1, 1] > values[1:-1, 0]).all())


def test_an_action_gap_lowers_the_worse_choice_and_leaves_the_best(tmp_path):
    trainer, score = learn(tmp_path, replace(SHORT, action_gap=0.5))
    assert score.success_ratio == 1.0
    values = trainer.dqn.values(torch.eye(LENGTH)).detach()[1:-1]
    best = 0.9 ** np.arange(LENGTH - 3, -1, -1)
    np.testing.assert_allclose(values[:, 1], best, atol=0.08)
    lost = (1.0 - 0.9 ** 2) * best  # by a step to the left and one back
    np.testing.assert_allclose(values[:, 1] - values[:, 0], 2.0 * lost, atol=0.08)


def test_the_same_seed_learns_the_same(tmp_path):
    short = replace(SHORT, steps=600)
    one, two = (learn(tmp_path / name, short)[0].dqn.network.flat for name in 'ab')
    assert torch.equal(one, two)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    stop_at = iter([True, False])

    class StoppedError(Exception):
        pass

    judged, scores = OneRobot(Corridor()), []

    def judge(dqn):
        scores.append(1)
        if len(scores) == 3 and next(stop_at):
            raise StoppedError
        return drive_greedily(dqn, judged, same, 1, 0)

    def loop():
        learner = QLearner(SHORT, OneRobot(Corridor()), same, 2, device=CPU, judge=judge)
        return TrainingLoop(learner, tmp_path, candidates=SHORT.candidates)

    with pytest.raises(StoppedError):
        loop().fit()
    again = loop()
    assert again.resume()
    assert again.learner.steps == 2000
    assert again.learner.dqn.updates > 0
    again.fit()
    assert again.learner.steps == 3000
    steps = [line.split('"step": ')[1].split(',')[0]
             for line in (tmp_path / 'metrics.jsonl').read_text().splitlines()
             if 'eval/' in line]
    assert steps == ['1000', '2000', '3000']


def test_a_demonstration_is_preferred_by_the_margin_where_no_reward_tells():
    rows = torch.eye(LENGTH).repeat(4, 1)
    shown = torch.arange(LENGTH).repeat(4) % 2
    demos = Transitions(rows, shown, torch.zeros(len(rows)), torch.zeros(len(rows)), rows)
    config = replace(SHORT, margin=0.3, prioritised=True)
    buffer = ReplayBuffer(10, LENGTH, CPU, torch.Generator(), demos=demos, alpha=0.6)
    dqn = Dqn(config, LENGTH, 2, CPU)
    for _ in range(400):
        dqn.update(buffer)
    values = dqn.values(torch.eye(LENGTH)).detach()
    lead = values.gather(1, shown[:LENGTH, None]) - values.gather(1, 1 - shown[:LENGTH, None])
    assert float(lead.min()) > 0.25


def test_choices_are_every_combination_of_evenly_spaced_values():
    table = choice_table(np.array([0.0, -1.0]), np.array([0.5, 1.0]), (2, 3))
    assert table.tolist() == [[0, -1], [0, 0], [0, 1], [0.5, -1], [0.5, 0], [0.5, 1]]
    with pytest.raises(ValueError, match='per action value'):
        choice_table(np.zeros(2), np.ones(2), (3,))
