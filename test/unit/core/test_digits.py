"""Numbers that broke a bound look different from it; those that only round otherwise do not."""

import pytest

from ilw_core.text.digits import apart, percents_apart


@pytest.mark.parametrize(('value', 'bound', 'expected'), [
    (0.5, 0.4, ('0.5', '0.4')),
    (0.40004, 0.4, ('0.40004', '0.4')),
    (8.9996, 9.0, ('8.9996', '9')),
    (50.0012, 50.0, ('50.001', '50')),
    (-1.20001, -1.2, ('-1.20001', '-1.2')),
    (1234.5, 1234.0, ('1234.5', '1234')),
])
def test_a_broken_bound_is_seen(value, bound, expected):
    assert apart(value, bound) == expected


@pytest.mark.parametrize('bound', [0.4, 0.1, 1.2, 0.3])
def test_what_float32_makes_of_a_bound_is_the_bound(bound):
    import numpy as np

    assert apart(float(np.float32(bound)), bound) == (f'{bound:g}', f'{bound:g}')


@pytest.mark.parametrize(('ratio', 'bound', 'expected'), [
    (-0.05, -0.05, ('-5.0%', '-5.0%')),
    (-0.0503, -0.05, ('-5.03%', '-5.00%')),
    (0.79996, 0.8, ('+79.996%', '+80.000%')),
    (0.7, 0.8, ('+70.0%', '+80.0%'))])
def test_percentages_have_the_decimals_they_need(ratio, bound, expected):
    assert percents_apart(ratio, bound) == expected
