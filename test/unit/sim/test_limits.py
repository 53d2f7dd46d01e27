"""The limits that the environment and the arbiter share, with numbers worked out by hand."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.limits import Limiter, limit

CLUTTER = load_contract(Path(__file__).parents[3] / 'config/tasks/clutter.yaml').action


def test_an_action_within_the_limits_passes_unchanged():
    applied, reasons = limit(CLUTTER, np.array([0.2, -0.8]), np.zeros(2), 0.1)
    assert applied.tolist() == [0.2, -0.8]
    assert reasons == ()


def test_range_comes_before_rate_and_both_are_reported():
    applied, reasons = limit(CLUTTER, np.array([9.0, 0.0]), np.zeros(2), 0.1)
    np.testing.assert_allclose(applied, [0.2, 0.0], atol=1e-8)  # 2.0 m/s2 for 0.1 s
    assert reasons == ('range', 'rate')


def test_a_previous_action_outside_the_range_is_left_at_the_rate_limit():
    applied, reasons = limit(CLUTTER, np.array([0.5, 0.0]), np.array([0.5, 1.5]), 0.1)
    np.testing.assert_allclose(applied, [0.5, 0.7], atol=1e-8)
    assert reasons == ('rate',)


SMOOTH = replace(CLUTTER, max_acceleration=np.array([1.5, 20.0]),
                 max_jerk=np.array([np.inf, 300.0]))


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.2, 0.7), st.floats(-2.0, 2.0), st.integers(1, 30)),
                min_size=1, max_size=8))
def test_acceleration_and_jerk_are_kept_where_the_contract_gives_them(stretches):
    limiter, dt = Limiter(SMOOTH, np.zeros(2)), 0.02
    xs = [np.zeros(2)] * 3
    for speed, turn, steps in stretches:
        for _ in range(steps):
            xs.append(limiter.towards(np.array([speed, turn]), dt)[0])
    x = np.array(xs)
    rate = np.diff(x, axis=0) / dt
    assert (x >= SMOOTH.low).all() and (x <= SMOOTH.high).all()
    assert (np.abs(rate) <= SMOOTH.max_rate + 1e-6).all()
    change = np.diff(rate, axis=0) / dt
    assert (np.abs(change) <= SMOOTH.max_acceleration + 1e-6).all()
    jerk = np.diff(change, axis=0) / dt
    assert (np.abs(jerk) <= SMOOTH.max_jerk + 1e-4).all()


@pytest.mark.parametrize('target', [[0.5, 1.5], [0.3, -0.7], [0.05, 0.01]])
def test_a_smooth_step_arrives_without_swinging_over(target):
    limiter = Limiter(SMOOTH, np.zeros(2))
    x = np.array([limiter.towards(np.array(target), 0.02)[0] for _ in range(200)])
    assert x[-1] == pytest.approx(target, abs=1e-6)
    over = (x - np.array(target)) * np.sign(target)
    assert (over <= 1e-9).all()
