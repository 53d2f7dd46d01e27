"""The passes over memory of an update, each against NumPy; larger than the blocks they go by."""

import numpy as np
import pytest

pytest.importorskip('numba')

from ilw_learner.networks import fused_kernels


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (7, 2)])
def test_a_bias_is_added_to_every_row_and_the_relu_cuts_what_is_negative(shape):
    out, bias = numbers(*shape), numbers(shape[1], seed=1)
    plain, cut = out.copy(), out.copy()
    fused_kernels.add_bias(plain, bias)
    fused_kernels.add_bias_relu(cut, bias)
    assert np.allclose(plain, out + bias)
    assert np.allclose(cut, np.maximum(out + bias, 0.0))


@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (7, 2)])
def test_slopes_are_summed_over_the_rows_whatever_was_there_before(shape):
    slope, total = numbers(*shape), np.full(shape[1], 9.0, np.float32)
    fused_kernels.sum_rows(slope, total)
    assert np.allclose(total, slope.sum(axis=0), atol=1e-6)


def test_the_slope_of_a_relu_is_nothing_where_it_gave_nothing():
    slope, out = numbers(6, 4), np.maximum(numbers(6, 4, seed=1), 0.0)
    assert (out == 0.0).any() and (out > 0.0).any()
    wanted, total = np.where(out > 0.0, slope, 0.0), np.full(4, 9.0, np.float32)
    fused_kernels.relu_slope(slope, out, total)
    assert np.array_equal(slope, wanted)
    assert np.allclose(total, wanted.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize('huber', [0.3, 1.0, 2.5])
def test_hubers_slope_is_the_error_up_to_its_limit_over_all_elements(huber):
    out, wanted = 2.0 * numbers(6, 3), 2.0 * numbers(6, 3, seed=1)
    slope = np.full((6, 3), 9.0, np.float32)
    fused_kernels.huber_slope(out, wanted, np.float32(huber), slope)
    assert np.allclose(slope, np.clip(out - wanted, -huber, huber) / (huber * 18), atol=1e-6)
    assert (np.abs(out - wanted) > huber).any()


@pytest.mark.parametrize('size', [0, 1, 2, 777])
def test_a_length_is_euclids(size):
    vector = numbers(size)
    assert fused_kernels.length(vector) == pytest.approx(float(np.linalg.norm(vector)), rel=1e-5)


@pytest.mark.parametrize('size', [1, 2047, 2048, 2049, 5000])
def test_the_adam_kernel_reaches_every_parameter(size):
    rng = np.random.default_rng(size)
    p, grad, first, second, average = (rng.standard_normal(size).astype(np.float32)
                                       for _ in range(5))
    second = np.abs(second)
    g = grad * 0.5
    m, v = first + 0.1 * (g - first), second + 0.001 * (g * g - second)
    wanted = 0.9 * p - 0.01 * m / (np.sqrt(v) * 1.5 + 1e-8)
    moved = average + 0.25 * (wanted - average)
    still = average.copy()
    fused_kernels.adam(p.copy(), grad, first.copy(), second.copy(), still, 0.01, 1.5, 0.9, 0.5,
                       0.0)
    assert np.array_equal(still, average)
    fused_kernels.adam(p, grad, first, second, average, 0.01, 1.5, 0.9, 0.5, 0.25)
    for found, right in ((p, wanted), (first, m), (second, v), (average, moved)):
        assert np.allclose(found, right, atol=1e-5)
