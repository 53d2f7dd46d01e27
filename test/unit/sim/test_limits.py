"""The limits that the environment and the arbiter share, with numbers worked out by hand."""

from pathlib import Path

import numpy as np

from ilw_core.contract import load_contract
from ilw_core.limits import limit

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
