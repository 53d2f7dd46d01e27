"""Weights from the order of drives by noise: found, told apart from chance, safe to drive by."""

import numpy as np
import pytest

from ilw_learner.rewards.drives import DegradedDrives
from ilw_learner.rewards.noise_ranking import MARGIN, weights_of_ranking
from ilw_learner.rewards.noisy_drives import recover_from_drives, steps_of_a_timeout

SHARES = np.linspace(0.0, 1.0, 6)
NAMES = ['goal', 'collision', 'step', 'progress_m']


def drives(slopes, rng, worlds=30, noise=0.3):
    """Return sums (W, M, F) that go by their slope with the share of noise, each world apart."""
    slopes = np.array(slopes)
    shape = worlds, len(SHARES), len(slopes)
    return (SHARES[:, None] * slopes + noise * rng.normal(size=shape)
            + 5.0 * rng.normal(size=(worlds, 1, len(slopes))))


def degraded(sums):
    worlds, count, _ = sums.shape
    return DegradedDrives(sums, np.zeros((worlds, count), bool), SHARES)


def test_what_falls_with_noise_is_wanted_and_what_rises_is_not():
    rng = np.random.default_rng(0)
    sums = drives([-1.0, 1.0, 0.0], rng)
    sums[15:] = sums[:15]
    sums[15:, :, 2] *= -1.0  # half of the worlds say the opposite of the other half
    found = weights_of_ranking(sums, SHARES, rng)
    good, bad, neither = found.weights
    assert good > 0.0 > bad and neither == 0.0
    assert found.known.tolist() == [True, True, False]
    assert found.agreement > 0.85


def test_likelihood_has_its_maximum_where_one_feature_says_it_has():
    """Gaps of 1 and -1 in the ratio 3 : 1 are likeliest under a weight of log 3."""
    sums = np.tile([[[1.0], [0.0]], [[1.0], [0.0]], [[1.0], [0.0]], [[0.0], [1.0]]], (60, 1, 1))
    found = weights_of_ranking(sums, np.array([0.0, 1.0]), np.random.default_rng(0), prior=1e-9)
    assert found.weights[0] == pytest.approx(np.log(3.0), rel=1e-4)
    assert found.agreement == 0.75
    low, high = np.percentile(found.drawn[:, 0], [2.5, 97.5])
    assert low < np.log(3.0) < high
    # Of a share of 3/4 in 240 worlds the log odds have an error of 0.149.
    assert found.drawn[:, 0].std() == pytest.approx(0.149, rel=0.15)


def test_a_ranking_has_weights_in_the_unit_of_their_feature():
    sums = drives([-1.0, 1.0], np.random.default_rng(1))
    metres = np.array([1.0, 1000.0])
    one, other = (weights_of_ranking(each, SHARES, np.random.default_rng(0)).weights
                  for each in (sums, sums * metres))
    np.testing.assert_allclose(other, one / metres, rtol=1e-4)


def test_worlds_that_are_easy_say_nothing():
    """What differs between worlds by far more than by noise is compared within each only."""
    sums = drives([-1.0, 1.0], np.random.default_rng(2), worlds=10)
    moved = sums + 1000.0 * np.arange(len(sums))[:, None, None]
    one, other = (weights_of_ranking(each, SHARES, np.random.default_rng(0)).weights
                  for each in (sums, moved))
    np.testing.assert_allclose(other, one, rtol=1e-6)


def test_what_no_drive_changes_is_not_known():
    rng = np.random.default_rng(3)
    sums = drives([-1.0, 0.0], rng)
    sums[..., 1] = 7.0
    found = weights_of_ranking(sums, SHARES, rng)
    assert found.weights[1] == 0.0 and not found.known[1] and not found.drawn[:, 1].any()


@pytest.mark.long
def test_little_is_known_of_drives_that_do_not_depend_on_noise():
    rng = np.random.default_rng(0)
    known = [weights_of_ranking(drives([0.0] * 3, rng, worlds=12), SHARES, rng).known.sum()
             for _ in range(4)]
    assert sum(known) <= 3  # of 12 at 95 %


def test_of_two_that_say_the_same_one_is_left():
    """Both at once would look unknown, as each could stand for the other."""
    rng = np.random.default_rng(4)
    sums = drives([-1.0, 0.0], rng)
    sums[..., 1] = sums[..., 0] + 1e-3 * rng.normal(size=sums.shape[:2])
    assert weights_of_ranking(sums, SHARES, rng).known.any()


def test_a_feature_that_cannot_be_good_is_not_believed_to_be():
    rng = np.random.default_rng(5)
    sums = drives([-1.0, -1.0], rng)
    assert weights_of_ranking(sums, SHARES, rng).known.all()
    assert weights_of_ranking(sums, SHARES, rng, never_good=(1,)).known.tolist() == [True, False]


def test_shares_that_are_too_near_rank_nothing():
    near = np.array([0.0, 0.5 * MARGIN])
    with pytest.raises(ValueError, match=r'must be 0\.1 apart'):
        weights_of_ranking(np.zeros((3, 2, 1)), near, np.random.default_rng(0))


def test_the_steps_of_a_timeout_are_those_of_a_discount(clutter):
    assert steps_of_a_timeout(clutter, 1.0) == 400.0
    assert steps_of_a_timeout(clutter, 0.99) == pytest.approx(sum(0.99 ** k for k in range(400)))


@pytest.mark.parametrize('early', [0.2, 1.0])
def test_to_collide_is_no_way_out(clutter, early):
    """The worst drives end early: each collides, after a part of the steps of the others."""
    rng = np.random.default_rng(6)
    sums = np.zeros((30, len(SHARES), len(NAMES)))
    sums[..., 2] = 90.0 * (0.4 + 0.6 * SHARES) + rng.normal(size=sums.shape[:2])
    sums[..., 3] = 4.0 - 4.0 * SHARES + 0.3 * rng.normal(size=sums.shape[:2])
    sums[:, :3, 0] = 0.3
    sums[:, -2:, 1] = 0.8
    sums[:, -2:, 2] *= early
    reward, agreement = recover_from_drives(clutter, degraded(sums), NAMES, 0.99, rng)
    assert agreement > 0.9 and reward.discount == 0.99
    assert reward.weights['step'] < 0.0
    stood = reward.weights['step'] * steps_of_a_timeout(clutter, 0.99)
    assert reward.weights['collision'] <= stood + 1e-9
    assert ('collision' in reward.taken) == (reward.weights['collision'] == pytest.approx(stood))


def test_a_collision_that_nobody_had_is_as_bad_as_to_run_out_of_time(clutter):
    rng = np.random.default_rng(7)
    sums = drives([-0.3, 0.0, 40.0, -4.0], rng)
    sums[..., 1] = 0.0
    reward, _ = recover_from_drives(clutter, degraded(sums), NAMES, 0.99, rng)
    assert reward.weights['collision'] == pytest.approx(
        reward.weights['step'] * steps_of_a_timeout(clutter, 0.99))
    assert reward.taken == ('collision',) and 'collision' not in reward.unknown


def test_where_neither_steps_nor_collisions_tell_neither_is_known(clutter):
    rng = np.random.default_rng(8)
    sums = drives([-1.0, 0.0, 0.0, -4.0], rng)
    sums[..., 1:3] = 0.0, 50.0
    reward, _ = recover_from_drives(clutter, degraded(sums), NAMES, 0.99, rng)
    assert set(reward.weights) <= {'goal', 'progress_m'} and 'progress_m' in reward.weights
    assert {'collision', 'step'} <= set(reward.unknown)


def test_what_can_be_had_in_every_step_is_not_believed_to_be_wanted(clutter):
    """Drives with less noise pass more obstacles: a reward for that would be had by standing."""
    rng = np.random.default_rng(9)
    names = [*NAMES, 'near', 'turn_rad']
    sums = drives([-1.0, 0.0, 40.0, -4.0, -4.0, -4.0], rng)
    reward, _ = recover_from_drives(clutter, degraded(sums), names, 0.99, rng)
    assert {'near', 'turn_rad'} <= set(reward.unknown) and 'progress_m' in reward.weights
    assert all(weight < 0.0 for name, weight in reward.weights.items()
               if name not in ('goal', 'progress_m'))
