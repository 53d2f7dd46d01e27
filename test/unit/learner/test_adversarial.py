"""A discriminator by hand, its two sides, and the demonstrations that it is shown."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ilw_core.episode import Episode, Outcome
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig
from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions
from ilw_learner.rewards.adversarial.airl import AirlConfig, set_against_each_other
from ilw_learner.rewards.adversarial.discriminator import (
    Discriminator,
    DiscriminatorConfig,
    SeenSteps,
)
from ilw_learner.rewards.adversarial.from_demonstrations import shown_in
from ilw_learner.rewards.step_features import StepTensors, of_arrays
from ilw_learner.rollout.vec_env import Steps

CPU = torch.device('cpu')
SOFT = DqnConfig(hidden=16, layers=1, n_step=1, batch=32, temperature=0.1, learning_rate=0.01,
                 target_every=20, robots=8, warm_up=64, capacity=2000)


def seen(before, after, choices=None, arrived=(), collided=()):
    count = len(before)
    flags = [np.isin(np.arange(count), which) for which in (arrived, collided)]
    return SeenSteps(of_arrays(np.array(before, np.float32)[:, None],
                               np.array(after, np.float32)[:, None], *flags),
                     torch.tensor(choices or [0] * count))


def features(steps):
    return torch.stack([steps.arrived.float(), torch.ones(len(steps.before))], dim=1)


def discriminator(first, costs=(1,), **values):
    return Discriminator(DiscriminatorConfig(**values), features, lambda obs: obs, costs, first,
                         torch.Generator().manual_seed(0))


def test_a_step_earns_its_features_and_what_the_potential_rises_and_an_end_has_none():
    first = seen([0, 1, 2, 3], [1, 2, 3, 3], arrived=[3])
    told = discriminator(first, gamma=0.5)
    np.testing.assert_array_equal(told.pays(first.steps), np.zeros(4))
    h = told._potential
    with torch.no_grad():
        h[-1].weight.fill_(0.3)
        told._found.copy_(torch.tensor([2.0, -0.1]))
        before, after = (h(each)[:, 0] for each in (first.steps.before, first.steps.after))
    earned = told.pays(first.steps)
    # Scaled to a root mean square of 1: arriving once in four steps counts twice.
    by_hand = torch.tensor([0.0, 0.0, 0.0, 4.0]) - 0.1 + 0.5 * after * torch.tensor(
        [1.0, 1.0, 1.0, 0.0]) - before
    torch.testing.assert_close(earned, by_hand)
    torch.testing.assert_close(told.weights, torch.tensor([4.0, -0.1]))


def test_an_update_goes_down_the_cross_entropy_of_reward_beside_the_drivers_chances():
    """The first step of Adam is as long as its rate, against the slope's sign."""
    both = seen([0, 0, 0, 0], [1, 1, 0, 0], arrived=[0, 1])  # two shown, two driven
    told = discriminator(seen([0, 0], [1, 0], arrived=[0]), weight_rate=0.01, decay=0.0)
    # With no reward at all a step is shown where the driver itself would rarely choose it.
    right = told.update(both, 2, torch.tensor([-1.0, -1.0, -1.0, 1.0]))
    assert right == 0.75
    goal, step = told._found.tolist()
    assert goal == pytest.approx(0.01, rel=1e-3)
    # sigmoid(1) - 1, twice, + sigmoid(1) + sigmoid(-1) > 0: the constant is to fall
    assert step == pytest.approx(-0.01, rel=1e-3)


def test_costs_never_pay():
    both = seen([0, 0, 0, 0], [1, 1, 0, 0])
    free, held = (discriminator(both, costs=costs) for costs in ((), (1,)))
    for each in (free, held):
        for _ in range(5):
            each.update(both, 2, torch.full((4,), 5.0))  # all looks driven: it should pay
    assert free._found[1] > 0.0 and held._found[1] == 0.0


def test_the_average_is_of_what_was_kept():
    told = discriminator(seen([0], [1]))
    for value in (-1.0, -3.0):
        with torch.no_grad():
            told._found.fill_(value)
        told.keep()
    assert told.weights[1] == -2.0


def test_soft_values_count_every_choice_and_its_chance():
    dqn = Dqn(SOFT, 3, 4, CPU, seed=1)
    buffer = ReplayBuffer(1, 3, CPU, torch.Generator().manual_seed(0))
    obs = torch.randn(1, 3, generator=torch.Generator().manual_seed(2))
    buffer.add(Transitions(obs, torch.tensor([2]), torch.tensor([0.5]), torch.tensor([0.9]), obs))
    values = dqn.values(obs)[0].double().clone()
    soft = 0.1 * float(torch.logsumexp(values / 0.1, 0))
    error = dqn.update(buffer)
    np.testing.assert_allclose(error, values[2] - (0.5 + 0.9 * soft), rtol=1e-5)
    chances = dqn.log_chances(obs).exp()[0].numpy()
    now = np.exp(dqn.values(obs)[0].numpy() / 0.1)
    np.testing.assert_allclose(chances, now / now.sum(), rtol=1e-4)


def test_soft_values_reach_over_one_step():
    with pytest.raises(ValueError, match='n_step 1'):
        replace(SOFT, n_step=2)


class Corridor:
    """Five cells in a row; the last one is where to go. Choices: back, on."""

    count = 8

    def reset(self, seed):
        self._at = torch.arange(self.count) % 4
        self._ticks = torch.zeros(self.count)
        return self._at.float().unsqueeze(1)

    def step(self, choices):
        after = (self._at + 2 * choices - 1).clamp(min=0)
        self._ticks += 1
        arrived = after == 4
        late = ~arrived & (self._ticks >= 12)
        ended = arrived | late
        self._at = torch.where(ended, torch.arange(self.count) % 4, after)
        self._ticks[ended] = 0
        return Steps(self._at.float().unsqueeze(1), torch.zeros(self.count), arrived, late,
                     after.float().unsqueeze(1), arrived)


@pytest.mark.long
def test_a_driver_learns_what_was_shown_from_a_reward_that_says_why():
    way = np.arange(4)
    shown = seen(way.tolist(), (way + 1).tolist(), [1] * 4, arrived=[3])
    found = set_against_each_other(
        AirlConfig(DiscriminatorConfig(weight_rate=0.01), recent_rounds=20, batch=32,
                   capacity=2000),
        replace(SOFT, steps=8000), Corridor(), lambda obs: obs / 4, 2, features, (1,), shown,
        seed=0, judge=lambda net: DrivingScore(0.0, 0.0, 1))
    goes = found.driver.dqn.best(torch.arange(4.0).unsqueeze(1) / 4)
    assert goes.tolist() == [1] * 4
    goal, step = found.weights.tolist()
    assert goal > 0.0 >= step
    assert 0.4 < found.told_apart < 0.8  # it cannot tell the two any more


def test_steps_are_shown_from_the_first_command_to_move_where_all_was_seen(clutter):
    steps, width = 5, clutter.obs_dim
    obs = np.arange((steps + 1) * width, dtype=np.float32).reshape(steps + 1, width)
    valid = np.ones(obs.shape, bool)
    valid[4] = False
    actions = np.array([[0.0, 0.0], [0.5, 0.0], [0.26, 1.4], [0.5, 0.0], [0.5, 0.0]], np.float32)
    table = np.array([[0.0, 0.0], [0.25, 1.5], [0.5, 0.0]])
    episode = Episode('e', obs, valid, actions, np.ones(steps, bool),
                      np.arange(steps + 1) * clutter.period_ns, Outcome.SUCCESS, 'goal',
                      clutter.hash)
    shown = shown_in([episode, episode], clutter, table)
    np.testing.assert_array_equal(shown.steps.before, np.tile(obs[[1, 2]], (2, 1)))
    np.testing.assert_array_equal(shown.steps.after, np.tile(obs[[2, 3]], (2, 1)))
    assert shown.choices.tolist() == [2, 1] * 2
    assert not shown.steps.arrived.any()
    assert isinstance(shown.steps, StepTensors)
