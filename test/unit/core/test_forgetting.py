"""Forward transfer, negative backward transfer and area under the curve, beside hand's work."""

import math

import pytest

from ilw_core.scores.forgetting import StageMatrix, mean_matrix
from ilw_core.scores.statistics import Tried, weighted_sum, wilson


def of(ratio, n=100):
    return None if ratio is None else Tried(round(ratio * n), n)


def matrix(cells, curves=None):
    return StageMatrix(
        tuple('abcd'[:len(cells)]), tuple(tuple(map(of, row)) for row in cells),
        tuple(tuple(map(of, curve)) for curve in curves or [[row[i]]
                                                            for i, row in enumerate(cells)]))


FORGETS = matrix([[0.9, 0.2, 0.1],
                  [0.6, 0.8, 0.3],
                  [0.4, 0.7, 0.5]],
                 [[0.5, 0.9, 0.7], [0.2, 0.4, 0.8], [0.3, 0.5, 0.5]])


def test_negative_backward_transfer_is_the_mean_loss_after_later_stages():
    # a: ((0.9 - 0.6) + (0.9 - 0.4)) / 2 = 0.4; b: 0.8 - 0.7 = 0.1; c has no later stage
    assert FORGETS.negative_backward_transfer().value == pytest.approx((0.4 + 0.1) / 2)


def test_forward_transfer_is_the_mean_along_each_stage_the_best_kept():
    # a: (0.5 + 0.9 + 0.9) / 3, b: (0.2 + 0.4 + 0.8) / 3, c: (0.3 + 0.5 + 0.5) / 3
    assert FORGETS.forward_transfer().value == pytest.approx((2.3 + 1.4 + 1.3) / 9)


def test_the_area_is_that_along_its_stage_and_after_later_ones():
    a, b, c = (2.3 / 3 + 0.6 + 0.4) / 3, (1.4 / 3 + 0.7) / 2, 1.3 / 3
    assert FORGETS.area_under_curve().value == pytest.approx((a + b + c) / 3)


def test_what_gets_better_later_is_negative():
    assert matrix([[0.5, 0.0], [0.75, 1.0]]).negative_backward_transfer().value == -0.25


def test_a_task_that_cannot_be_driven_any_more_is_not_counted():
    partly = matrix([[0.9, 0.2, 0.1], [None, 0.8, 0.3], [0.7, 0.6, 0.5]])
    assert partly.negative_backward_transfer().value == pytest.approx((0.2 + 0.2) / 2)
    never = matrix([[0.9, None], [None, 0.8]])
    assert never.negative_backward_transfer() is None
    assert never.area_under_curve().value == pytest.approx((0.9 + 0.8) / 2)


@pytest.mark.parametrize('cells', [[[None]], [[0.5, 0.5]], [[0.5, 0.5], [0.5, None]]])
def test_a_stage_whose_own_task_was_not_driven_is_refused(cells):
    with pytest.raises(ValueError, match='task'):
        matrix(cells, [[0.5] for _ in cells])


def test_of_a_difference_the_interval_is_newcombes():
    """56 of 70 and 48 of 80: method 10 gives 0.0524 to 0.3339 (Newcombe 1998, table II)."""
    value, low, high = weighted_sum([(1.0, Tried(56, 70)), (-1.0, Tried(48, 80))])
    assert (value, low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_of_one_ratio_it_is_wilsons_and_of_half_of_it_half():
    tried = Tried(9, 10)
    low, high = wilson(9, 10)
    assert weighted_sum([(1.0, tried)]) == pytest.approx((0.9, low, high))
    assert weighted_sum([(0.5, tried)]) == pytest.approx((0.45, low / 2, high / 2))
    assert weighted_sum([(-1.0, tried)]) == pytest.approx((-0.9, -high, -low))


def test_the_same_trials_in_two_parts_are_not_two_independent_ones():
    tried = Tried(5, 10)
    assert weighted_sum([(0.5, tried), (0.5, tried)]) == pytest.approx(
        weighted_sum([(1.0, tried)]))
    apart = weighted_sum([(0.5, tried), (0.5, Tried(5, 10))])
    _, high = wilson(5, 10)
    assert apart[2] - apart[0] == pytest.approx((high - 0.5) / math.sqrt(2.0))


def test_nothing_forgotten_in_few_trials_is_not_sure():
    figure = matrix([[1.0, 0.5], [1.0, 1.0]]).negative_backward_transfer()
    assert figure.value == 0.0 and figure.low < -0.02 and figure.high > 0.02


def test_several_trainings_count_together():
    one, other = (matrix([[a, 0.0], [b, 1.0]]) for a, b in ((1.0, 0.5), (0.5, 0.5)))
    both = mean_matrix([one, other])
    assert both.cells[0][0] == Tried(150, 200) and both.cells[1][0] == Tried(100, 200)
    assert both.negative_backward_transfer().value == pytest.approx(0.25)
    with pytest.raises(ValueError, match='same stages'):
        mean_matrix([one, FORGETS])
