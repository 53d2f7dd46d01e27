"""The Wilson interval against published values."""

import pytest

from ilw_core.scores.statistics import wilson


@pytest.mark.parametrize(('successes', 'trials', 'low', 'high'), [
    (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (95, 100, 0.8882, 0.9785),
    (1, 29, 0.0061, 0.1718),
])
def test_wilson_agrees_with_the_literature(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-4)


def test_nothing_tried_is_nothing_known():
    assert wilson(0, 0) == (0.0, 1.0)


def test_more_successes_than_trials_is_a_bug():
    with pytest.raises(ValueError, match='within'):
        wilson(3, 2)
