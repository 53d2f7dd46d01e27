"""What the gap says of each bag is said of that bag: names on both sides, figures not alike."""

import re

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_sysid.gap.observations import distance, shift_findings, shifts


def episode(contract, *, scale=1.0, offset=0.0, valid=1.0, seed=0, actions=None, ticks=400):
    rng = np.random.default_rng(seed)
    middle = 0.5 * (contract.obs_low + contract.obs_high)
    span = 0.2 * (contract.obs_high - contract.obs_low)
    obs = middle + offset + scale * span * rng.uniform(-1.0, 1.0, (ticks + 1, contract.obs_dim))
    mask = rng.random((ticks + 1, contract.obs_dim)) < valid
    moves = rng.uniform(-0.1, 0.1, (ticks, 2)) if actions is None else actions
    return Episode(
        name='e', outcome=Outcome.UNKNOWN, stop_reason='', contract_hash=contract.hash,
        obs=obs.astype(np.float32), obs_valid=mask,
        stamps_ns=np.arange(ticks + 1) * contract.period_ns, actions=moves.astype(np.float32),
        action_valid=np.ones(ticks, dtype=bool), person_rewards=np.zeros(ticks, np.float32))


def said(contract, sim, real):
    found = shifts(contract, sim, real)
    return found, [(f.level, f.topic, f.what) for f in shift_findings(contract, found)]


@pytest.mark.parametrize('swapped', [False, True])
def test_what_is_missing_is_told_of_the_bag_that_misses_it(maze, swapped):
    bags = [episode(maze), episode(maze, valid=0.6, seed=1)]
    _, found = said(maze, *(bags[::-1] if swapped else bags))
    texts = [what for _, topic, what in found if 'missing' in what and 'pose.x_m' in topic]
    simulated, real = map(int, re.findall(r'(\d+)%', texts[0]))
    assert (simulated > 30) is swapped and (real > 30) is not swapped


@pytest.mark.parametrize('swapped', [False, True])
def test_quantiles_are_those_of_their_bag(maze, swapped):
    span = maze.obs_high - maze.obs_low
    bags = [episode(maze), episode(maze, offset=0.1 * span)]
    found, texts = said(maze, *(bags[::-1] if swapped else bags))
    first = next(s for s in found if s.name == 'pose.x_m')
    low, high = (first.sim, first.real) if not swapped else (first.real, first.sim)
    assert np.subtract(high, low) == pytest.approx([0.1 * span[0]] * 3, rel=1e-3)
    text = next(what for _, topic, what in texts if topic == 'pose.x_m' and 'apart' in what)
    assert f'{first.sim[0]:.3g} to {first.sim[2]:.3g} simulated' in text
    assert f'{first.real[0]:.3g} to {first.real[2]:.3g} real' in text


@pytest.mark.parametrize('side', ['above', 'below'])
def test_the_robot_leaving_the_range_on_either_side_is_told(maze, side):
    span = maze.obs_high - maze.obs_low
    sign = 1.0 if side == 'above' else -1.0
    inside = episode(maze)
    outside = episode(maze, offset=sign * 0.45 * span, seed=1)
    _, texts = said(maze, inside, outside)
    assert any(level == 'bad' and topic == 'pose.x_m' and 'leaves the range' in what
               for level, topic, what in texts)
    _, others = said(maze, outside, inside)
    assert not any(topic == 'pose.x_m' and 'leaves the range' in what
                   for _, topic, what in others), 'only the robot counts'


def test_the_distance_of_two_distributions_is_kolmogorovs():
    assert distance(np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 4.0, 5.0, 6.0])) == 0.5
    assert distance(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.0
    assert distance(np.array([1.0]), np.array([2.0])) == 1.0
    assert distance(np.array([0.0, 0.0, 0.0, 9.0]), np.array([0.0, 9.0])) == 0.25
