"""Paired statistics, held to published examples, to sums by hand and to simulation."""

import itertools

import numpy as np
import pytest

from ilw_core.scores.paired import (
    PairCounts,
    mcnemar_exact,
    mcnemar_power,
    pairs_to_clear,
    pairs_to_decide,
    tango,
)


def test_mcnemars_exact_test_gives_the_published_p():
    # Airway hyper-responsiveness before and after (Bentur et al., 2009), as worked out by
    # Fagerland, Lydersen and Laake (2014): p = 0.070.
    assert mcnemar_exact(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_exact(7, 1) == mcnemar_exact(1, 7)
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(0, 5) == pytest.approx(2 / 32)


def test_tangos_interval_is_the_published_one():
    # The same data, n = 21: Tango's asymptotic score interval is -0.517 to -0.026 (the same).
    low, high = tango(gained=1, lost=7, n=21)
    assert (round(low, 3), round(high, 3)) == (-0.517, -0.026)


def test_tangos_interval_without_discordance_is_that_of_the_score_test():
    # (delta n)^2 / (n delta (1 - delta)) = z^2 has the root z^2 / (n + z^2).
    low, high = tango(0, 0, 44)
    assert high == pytest.approx(3.8415 / (44 + 3.8415), abs=1e-5)
    assert low == pytest.approx(-high)


def test_an_interval_turns_round_with_its_pairs_and_holds_the_difference():
    for gained, lost, n in ((3, 9, 32), (40, 20, 160), (0, 12, 12), (5, 0, 200)):
        low, high = tango(gained, lost, n)
        assert -1.0 <= low <= (gained - lost) / n <= high <= 1.0
        assert tango(lost, gained, n) == pytest.approx((-high, -low))
    assert tango(0, 0, 0) == (-1.0, 1.0)


def test_an_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    gain, loss, n = 0.15, 0.08, 60
    draws = rng.multinomial(n, [gain, loss, 1 - gain - loss], size=3000)
    covered = np.mean([(interval := tango(int(g), int(k), n))[0] <= gain - loss <= interval[1]
                       for g, k, _ in draws])
    assert 0.935 <= covered <= 0.97


def test_power_is_the_sum_over_every_outcome():
    n, gain, loss = 9, 0.5, 0.2
    chances = (gain, loss, 1 - gain - loss)
    expected = sum(
        np.prod([chances[kind] for kind in outcome])
        for outcome in itertools.product(range(3), repeat=n)
        if mcnemar_exact(outcome.count(0), outcome.count(1)) <= 0.05)
    assert mcnemar_power(n, gain, loss) == pytest.approx(expected, abs=1e-5)


def test_so_many_pairs_decide_and_half_of_them_do_not():
    counts = PairCounts(both=60, only_first=5, only_second=15, neither=20)
    needed = pairs_to_decide(counts)
    assert mcnemar_power(needed, 0.15, 0.05) >= 0.8
    assert mcnemar_power(needed // 2, 0.15, 0.05) < 0.6
    # Connor (1987), Biometrics 43: (1.96 sqrt(0.2) + 0.8416 sqrt(0.2 - 0.01))^2 / 0.01 = 154.4
    # for the asymptotic test; the exact one wants a little more.
    assert 154 <= needed <= 185


def test_what_cannot_be_decided_is_said():
    assert pairs_to_decide(PairCounts(90, 5, 5, 0)) is None, 'no difference was seen'
    assert pairs_to_decide(PairCounts(100, 0, 0, 0)) is None
    assert pairs_to_decide(PairCounts(0, 0, 0, 0)) is None
    assert pairs_to_decide(PairCounts(890, 50, 51, 9)) is None, 'one in a thousand'


def test_a_margin_is_cleared_with_enough_pairs_unless_the_second_is_worse_by_more():
    counts = PairCounts(both=90, only_first=4, only_second=4, neither=2)
    needed = pairs_to_clear(counts, 0.05)
    assert tango(0.04 * needed, 0.04 * needed, needed)[0] > -0.05
    assert tango(0.04 * (needed - 1), 0.04 * (needed - 1), needed - 1)[0] <= -0.05
    assert pairs_to_clear(PairCounts(80, 10, 2, 8), 0.05) is None
