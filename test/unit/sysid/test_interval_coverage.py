"""The 95 % intervals of a fit, over many bases whose truth and noise are known."""

from dataclasses import dataclass

import numpy as np
import pytest

from ilw_sysid.identify.fit import Fit
from ilw_sysid.identify.intervals import student95, uncertainty
from ilw_sysid.identify.problem import NAMES

BASES, SAMPLES, HZ = 300, 2400, 40.0
FREE = np.array([name in ('gain', 'turn_gain', 'pull_radpm') for name in NAMES])
TRUTH = np.array([0.0, 0.1, 0.1, 0.93, 0.88, 0.2, 9.0, 9.0])


@dataclass(frozen=True)
class LinearBase:
    """A base whose odometry is linear in its gains: what was driven, and what was told of it."""

    at_s: np.ndarray
    driven: np.ndarray
    speeds: np.ndarray

    def slopes(self, values, free):
        found = np.zeros((len(self.at_s), 2, 3))
        found[:, 0, 0], found[:, 1, 1] = self.driven[:, 0], self.driven[:, 1]
        found[:, 1, 2] = self.driven[:, 0]
        return found

    def residuals(self, values):
        return self.speeds - self.slopes(values, FREE) @ values[FREE]


def driven_base(rng, memory):
    """Return a fit by least squares of a base with noise that remembers itself."""
    at_s = np.arange(SAMPLES) / HZ
    held = np.repeat(rng.uniform(-1.0, 1.0, (SAMPLES // 20, 2)), 20, axis=0)
    noise = rng.normal(size=(SAMPLES, 2)) * (0.02, 0.06)
    for k in range(1, SAMPLES):
        noise[k] = memory * noise[k - 1] + np.sqrt(1.0 - memory ** 2) * noise[k]
    base = LinearBase(at_s, held, np.zeros((SAMPLES, 2)))
    slopes = base.slopes(TRUTH, FREE)
    base = LinearBase(at_s, held, slopes @ TRUTH[FREE] + noise)
    flat = (slopes / np.array([0.02, 0.06])[:, None]).reshape(-1, 3)
    told = (base.speeds / (0.02, 0.06)).reshape(-1)
    values = TRUTH.copy()
    values[FREE] = np.linalg.lstsq(flat, told, rcond=None)[0]
    scale = np.full((SAMPLES, 2), (0.02, 0.06))
    return Fit(base, values, scale, 0.0, FREE)


@pytest.mark.long
@pytest.mark.parametrize('memory', [0.0, 0.9])
def test_the_truth_lies_inside_as_often_as_said(memory):
    """Too narrow by a fifth, the intervals would hold it in 88 of 100 bases."""
    rng = np.random.default_rng(5)
    inside, errors, halves = [], [], []
    for _ in range(BASES):
        found = driven_base(rng, memory)
        known = uncertainty(found).intervals
        assert set(known) == {'gain', 'turn_gain', 'pull_radpm'}
        for k in np.flatnonzero(FREE):
            interval = known[NAMES[k]]
            inside.append(interval.low <= TRUTH[k] <= interval.high)
            errors.append(found.values[k] - TRUTH[k])
            halves.append((interval.high - interval.low) / 2.0)
            assert interval.low + interval.high == pytest.approx(2.0 * found.values[k])
    assert np.mean(inside) > 0.945
    errors, halves = (np.array(each).reshape(BASES, 3) for each in (errors, halves))
    ratio = halves.mean(axis=0) / errors.std(axis=0)
    assert np.all(ratio > 2.0), 'as wide as they must be'
    assert np.all(ratio < 3.0), 'and not much wider'


@pytest.mark.parametrize(('degrees', 'point'), [
    (3, 3.182), (5, 2.571), (7, 2.365), (10, 2.228), (30, 2.042), (120, 1.980), (10**6, 1.960)])
def test_students_point_is_that_of_the_tables(degrees, point):
    assert float(student95(degrees)) == pytest.approx(point, rel=0.02 if degrees < 5 else 0.004)
