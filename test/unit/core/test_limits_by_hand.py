"""The limiter with numbers worked out by hand, at irregular times, after what it did not do."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.limits import Limiter, limit
from ilw_core.storage.locate import config_file

PLAIN = replace(load_contract(config_file('tasks', 'clutter')).action,
                low=np.array([-0.3, -1.5]), high=np.array([0.5, 1.1]),
                max_rate=np.array([1.0, 3.0]))
SMOOTH = replace(PLAIN, max_acceleration=np.array([2.0, 9.0]))
JERKY = replace(SMOOTH, max_jerk=np.array([20.0, np.inf]))  # windows of 0.2 s and none


@pytest.mark.parametrize(('wanted', 'before', 'elapsed_s', 'applied', 'reasons'), [
    ((0.2, -0.8), (0.15, -0.7), 0.1, (0.2, -0.8), ()),
    ((0.2, -0.8), (0.0, 0.0), 0.1, (0.1, -0.3), ('rate',)),
    ((0.2, -0.8), (0.0, 0.0), 0.3, (0.2, -0.8), ()),
    ((0.9, 0.0), (0.45, 0.0), 0.1, (0.5, 0.0), ('range',)),
    ((0.0, -2.0), (0.0, -1.4), 0.1, (0.0, -1.5), ('range',)),
    ((-0.9, 9.0), (0.5, 1.0), 0.2, (0.3, 1.1), ('range', 'rate')),
    ((0.1, 0.3), (0.0, 0.0), 0.1, (0.1, 0.3), ()),      # exactly as much as is allowed
    ((0.2, 0.1), (0.0, 0.1), 0.0, (0.0, 0.1), ('rate',))])
def test_range_and_rate_of_each_value_alone(wanted, before, elapsed_s, applied, reasons):
    found, why = limit(PLAIN, np.array(wanted), np.array(before), elapsed_s)
    assert found == pytest.approx(applied, abs=2e-9)
    assert why == reasons


def test_without_acceleration_the_limiter_is_the_limit():
    limiter = Limiter(PLAIN, np.array([0.1, -0.2]))
    applied, why = limiter.towards(np.array([0.4, -0.3]), 0.2)
    assert applied == pytest.approx([0.3, -0.3], abs=2e-9) and why == ('rate',)
    assert limiter.applied is applied


def test_a_smooth_start_gains_rate_by_the_acceleration():
    limiter = Limiter(SMOOTH, np.zeros(2))
    xs = [limiter.towards(np.array([0.5, -1.5]), 0.1) for _ in range(3)]
    # 2 m/s2: rates 0.2, 0.4, 0.6 per second, of at most 1; 9 rad/s2: 0.9, 1.8, 2.7 of at most 3
    assert xs[0][0] == pytest.approx([0.02, -0.09])
    assert xs[1][0] == pytest.approx([0.06, -0.27])
    assert xs[2][0] == pytest.approx([0.12, -0.54])
    assert xs[0][1] == ('rate', 'smooth')


def test_a_jump_ends_the_motion_that_was_under_way():
    limiter = Limiter(SMOOTH, np.zeros(2))
    for _ in range(4):
        limiter.towards(np.array([0.5, -1.5]), 0.1)
    limiter.jump(np.array([0.05, 0.4]))
    assert limiter.applied.tolist() == [0.05, 0.4]
    applied, _ = limiter.towards(np.array([0.5, -1.5]), 0.1)
    assert applied == pytest.approx([0.05 + 0.02, 0.4 - 0.09])


def test_a_jump_empties_the_window_of_the_mean():
    limiter = Limiter(JERKY, np.zeros(2))
    for _ in range(10):
        limiter.towards(np.array([0.5, 0.0]), 0.05)
    limiter.jump(np.array([-0.2, 0.0]))
    for _ in range(5):
        assert limiter.towards(np.array([-0.2, 0.0]), 0.05)[0] == pytest.approx([-0.2, 0.0])


def test_the_mean_is_that_of_the_window_that_jerk_and_acceleration_give():
    limiter, plain = Limiter(JERKY, np.zeros(2)), Limiter(SMOOTH, np.zeros(2))
    path = [(-1.0, 0.0), (0.0, 0.0)]
    for k in range(1, 16):
        applied, _ = limiter.towards(np.array([0.4, 0.3]), 0.03)
        path.append((0.03 * k, float(plain.towards(np.array([0.4, 0.3]), 0.03)[0][0])))
        at = np.linspace(0.03 * k - 0.2, 0.03 * k, 20_001)
        expected = np.interp(at, *np.array(path).T).mean()
        assert applied[0] == pytest.approx(expected, abs=1e-5)
        assert applied[1] == pytest.approx(plain.applied[1])  # no jerk limit, no mean


def test_no_time_no_change():
    limiter = Limiter(SMOOTH, np.array([0.1, 0.2]))
    assert limiter.towards(np.array([0.5, 1.0]), 0.0)[0].tolist() == [0.1, 0.2]
    assert Limiter(PLAIN, np.array([0.1, 0.2])).towards(
        np.array([0.5, 1.0]), 0.0)[0] == pytest.approx([0.1, 0.2])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.5, 0.7), st.floats(-2.0, 1.5), st.integers(4, 210),
                          st.sampled_from([False] * 7 + [True])), min_size=4, max_size=40))
def test_rate_and_acceleration_hold_at_irregular_times_and_after_jumps(asked):
    limiter, before, rate = Limiter(SMOOTH, np.zeros(2)), np.zeros(2), np.zeros(2)
    for forward, turn, ms, jumps in asked:
        if jumps:
            before, rate = np.clip([forward, turn], SMOOTH.low, SMOOTH.high), np.zeros(2)
            limiter.jump(before)
        dt_s = ms / 1000
        applied, _ = limiter.towards(np.array([forward, turn]), dt_s)
        assert np.all((applied >= SMOOTH.low) & (applied <= SMOOTH.high))
        new = (applied - before) / dt_s
        assert np.all(np.abs(new) <= SMOOTH.max_rate + 1e-6)
        stopped = np.isclose(applied, SMOOTH.low) | np.isclose(applied, SMOOTH.high)
        assert np.all((np.abs(new - rate) <= SMOOTH.max_acceleration * dt_s + 1e-6) | stopped)
        before, rate = applied, new


@pytest.mark.parametrize('dt_s', [0.01, 0.02, 0.05])
@pytest.mark.parametrize('target', [(0.5, -1.5), (-0.3, 1.1), (0.07, 0.2)])
def test_a_target_is_reached_in_the_time_that_the_limits_allow(dt_s, target):
    limiter = Limiter(SMOOTH, np.zeros(2))
    steps = 0
    while not np.allclose(limiter.applied, target, atol=1e-6) and steps < 2000:
        limiter.towards(np.array(target), dt_s)
        steps += 1
    way, a, top = np.abs(target), SMOOTH.max_acceleration, SMOOTH.max_rate
    least = np.where(way * a < top ** 2, 2 * np.sqrt(way / a), way / top + top / a)
    assert least.max() - 2 * dt_s <= steps * dt_s <= least.max() + 4 * dt_s
