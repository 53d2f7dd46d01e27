"""Success that fell is noticed, and success that did not is left alone, about as often as said."""

import math

import numpy as np
import pytest

from ilw_core.scores.fall import FALL, LIMIT, FallWatch
from ilw_core.scores.statistics import Tried

KNOWN = Tried(45, 50)


def test_the_evidence_is_the_likelihood_ratio_by_hand():
    watch = FallWatch(Tried(19, 20))
    before = watch.reference
    after = before - FALL
    watch.add(success=False)
    watch.add(success=True)
    assert watch.evidence == pytest.approx(
        math.log((1 - after) / (1 - before)) + math.log(after / before))
    assert watch.last == Tried(1, 2)


def test_what_went_well_long_ago_does_not_excuse_a_fall():
    watch = FallWatch(KNOWN)
    for _ in range(500):
        watch.add(success=True)
    assert (watch.evidence, watch.last) == (0.0, Tried(0, 0))
    failures = 0
    while not watch.fallen:
        watch.add(success=False)
        failures += 1
    assert failures == math.ceil(LIMIT / math.log(
        (1 - watch.reference + FALL) / (1 - watch.reference)))
    assert watch.last == Tried(0, failures)


def test_it_is_held_to_the_lower_side_of_what_was_counted_and_to_no_extreme():
    assert FallWatch(KNOWN).reference < 0.9
    assert FallWatch(Tried(9, 10)).reference < FallWatch(KNOWN).reference
    assert FallWatch(Tried(50, 50)).reference == 0.95
    assert FallWatch(Tried(0, 0)).reference == pytest.approx(FALL + 0.05)


def episodes_until(ratio, rng, most, before=KNOWN):
    watch = FallWatch(before)
    for n in range(1, most + 1):
        watch.add(success=bool(rng.random() < ratio))
        if watch.fallen:
            return n
    return None


def test_a_fall_of_thirty_points_is_found_soon():
    rng = np.random.default_rng(0)
    found = [episodes_until(0.6, rng, 300) for _ in range(400)]
    assert None not in found
    assert np.median(found) <= 15
    assert np.quantile(found, 0.9) <= 40


def test_success_that_is_as_it_was_is_rarely_called_fallen():
    rng = np.random.default_rng(1)
    found = [episodes_until(0.9, rng, 1000) for _ in range(100)]
    false, driven = sum(n is not None for n in found), sum(n or 1000 for n in found)
    assert 1000 * false / driven < 2.0


def test_success_that_rose_is_not_called_fallen():
    rng = np.random.default_rng(2)
    assert not any(episodes_until(0.97, rng, 1000) for _ in range(50))
