"""Maximum causal entropy on worlds so small that every way through them can be listed."""

from itertools import product

import numpy as np
import pytest

from ilw_learner.rewards.convex import minimise
from ilw_learner.rewards.maximum_causal_entropy import (
    FiniteWorld,
    best_values,
    demonstrations_of,
    expected_visits,
    recover_weights,
    soft_policy,
    soft_values,
)


def made_up(seed, *, states=5, kinds=3, horizon=4):
    """Return a world that leads anywhere; its last state is an end."""
    rng = np.random.default_rng(seed)
    after = rng.integers(states, size=(states, kinds))
    ends = np.arange(states) == states - 1
    after[ends] = states - 1
    return FiniteWorld(after, ends, horizon), rng.normal(size=states), rng


def all_ways(world, start):
    """Return the states entered on every way from a start, one way per choice of actions."""
    ways = set()
    for actions in product(range(world.after.shape[1]), repeat=world.horizon):
        state, way = start, []
        for k, action in enumerate(actions):
            if world.ends[state]:
                break
            state = int(world.after[state, action])
            way.append((actions[:k + 1], state))
        ways.add(tuple(way))
    return [[state for _, state in way] for way in ways]


@pytest.mark.parametrize('seed', range(6))
def test_values_and_visits_are_those_of_every_way_weighed_by_its_reward(seed):
    world, reward, _ = made_up(seed)
    values = soft_values(world, reward)
    for start in range(4):
        ways = all_ways(world, start)
        weights = np.exp([reward[way].sum() for way in ways])
        assert values[0, start] == pytest.approx(np.log(weights.sum()))
        chances = weights / weights.sum()
        expected = sum(p * np.bincount(way, minlength=5) for p, way in
                       zip(chances, ways, strict=True))
        visits = expected_visits(world, reward, values, np.eye(5)[start])
        np.testing.assert_allclose(visits, expected, atol=1e-12)
        best = max(reward[way].sum() for way in ways)
        assert best_values(world, reward)[start] == pytest.approx(best)


def test_chances_of_actions_add_up_and_follow_what_is_left_to_earn():
    world, reward, _ = made_up(0)
    values = soft_values(world, reward)
    for step in range(world.horizon):
        chances = soft_policy(world, reward, values, step)
        np.testing.assert_allclose(chances.sum(1), 1.0)
        gain = (reward + values[step + 1])[world.after]
        assert (gain.argmax(1) == chances.argmax(1))[~world.ends].all()


def log_likelihood(world, features, weights, ways, prior):
    """Return it per episode, with the prior's."""
    reward = features @ weights
    values = soft_values(world, reward)
    each = [reward[way[1:]].sum() - values[0, way[0]] for way in ways]
    return float(np.mean(each) - 0.5 * prior @ weights ** 2)


def some_ways(world, rng, count=8):
    """Return ways of random actions."""
    ways = []
    for _ in range(count):
        way = [int(rng.integers(4))]
        while len(way) <= world.horizon and not world.ends[way[-1]]:
            way.append(int(world.after[way[-1], rng.integers(3)]))
        ways.append(np.array(way))
    return ways


@pytest.mark.parametrize('seed', range(4))
def test_the_gradient_is_the_finite_difference_of_the_likelihood(seed):
    world, _, rng = made_up(seed)
    features, prior = rng.normal(size=(5, 3)), np.array([0.0, 0.1, 0.5])
    ways, weights = some_ways(world, rng), rng.normal(size=3)
    reward = features @ weights
    shown = demonstrations_of(ways, 5)
    visited = expected_visits(world, reward, soft_values(world, reward), shown.starts)
    gradient = (shown.entered - visited) @ features - prior * weights
    for k, step in enumerate(1e-6 * np.eye(3)):
        up, down = (log_likelihood(world, features, weights + s, ways, prior)
                    for s in (step, -step))
        assert gradient[k] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize('seed', range(4))
def test_what_is_recovered_is_likelier_than_anything_near_it(seed):
    world, _, rng = made_up(seed)
    features, prior = rng.normal(size=(5, 3)), np.full(3, 0.05)
    ways = some_ways(world, rng)
    found = recover_weights(world, features, demonstrations_of(ways, 5), prior)
    best = log_likelihood(world, features, found.weights, ways, prior)
    assert found.found.value == pytest.approx(-best)
    assert found.found.slope < 1e-4
    for _ in range(30):
        other = found.weights + 0.05 * rng.normal(size=3)
        assert log_likelihood(world, features, other, ways, prior) < best
    assert found.mismatch == pytest.approx(np.abs(prior * found.weights).max(), abs=1e-4)


def corridor(length=7, horizon=20):
    """Return a corridor: left, right, and stay; an end on either side, the good one right."""
    inner = np.arange(length)
    after = np.stack([np.maximum(inner - 1, 0), np.minimum(inner + 1, length - 1), inner], axis=1)
    ends = (inner == 0) | (inner == length - 1)
    after[ends] = inner[ends, None]
    return FiniteWorld(after, ends, horizon)


def test_who_hurries_right_wants_the_right_end_and_no_step_more():
    world = corridor()
    features = np.stack([np.eye(7)[6], np.eye(7)[0], (~world.ends).astype(float)], axis=1)
    ways = [np.arange(start, 7) for start in (1, 2, 3, 4)]
    found = recover_weights(world, features, demonstrations_of(ways, 7), np.full(3, 0.01))
    right, left, step = found.weights
    assert right > 1.0 and left < 0.0 and step < -0.5
    worth = best_values(world, features @ found.weights)
    assert (np.diff(worth[1:6]) > 0.0).all()


def test_who_waits_somewhere_likes_it_there_more_than_who_hurries():
    world = corridor()
    features = np.stack([np.eye(7)[6], np.eye(7)[0], np.eye(7)[3]], axis=1)
    hurried = [np.arange(start, 7) for start in (1, 4)]
    waited = [np.array([1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 6]),
              np.array([4, 3, 3, 3, 3, 3, 3, 3, 4, 5, 6])]
    there = [recover_weights(world, features, demonstrations_of(ways, 7),
                             np.full(3, 0.01)).weights[2] for ways in (hurried, waited)]
    assert there[0] < 0.0 < there[1]


def test_the_count_of_a_demonstration_leaves_its_start_out():
    shown = demonstrations_of([np.array([0, 1, 1]), np.array([0, 2])], 3)
    np.testing.assert_allclose(shown.starts, [1.0, 0.0, 0.0])
    np.testing.assert_allclose(shown.entered, [0.0, 1.0, 0.5])
    assert shown.count == 2
    with pytest.raises(ValueError, match='at least one'):
        demonstrations_of([], 3)


def test_a_minimum_is_found_and_says_how_level_it_is():
    centre, scale = np.array([3.0, -2.0]), np.array([1.0, 100.0])

    def bowl(at):
        return float((scale * (at - centre) ** 2).sum()), 2.0 * scale * (at - centre)

    found = minimise(bowl, np.zeros(2))
    np.testing.assert_allclose(found.at, centre, atol=1e-6)
    assert found.slope < 1e-4 and found.value < 1e-9
    rough = minimise(bowl, np.zeros(2), most_steps=1)
    assert rough.slope > found.slope
