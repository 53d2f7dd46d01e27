"""A scripted person takes the stick after a reaction time, holds it a while, gives it back."""

import numpy as np

from ilw_sim.driver.corrector import Corrector

PERIOD_NS = 100_000_000


def holds(looks, seed=0):
    """Return at which ticks it holds the stick, for (fails, cost, cost ahead) of each."""
    person = Corrector(np.random.default_rng(seed))
    return [person.look(i * PERIOD_NS, fails=fails, cost=cost, cost_ahead=ahead)
            for i, (fails, cost, ahead) in enumerate(looks)]


def test_it_never_touches_the_stick_while_the_way_leads_nearer():
    assert not any(holds([(False, 9.0 - 0.05 * i, 8.0 - 0.05 * i) for i in range(100)]))


def test_it_takes_over_between_three_and_seven_tenths_after_seeing_that_the_way_fails():
    looks = [(i >= 5, 9.0 - 0.05 * i, 8.0 - 0.05 * i) for i in range(30)]
    firsts = {holds(looks, seed).index(True)
              for seed in range(30)}
    assert firsts <= set(range(8, 13))
    assert len(firsts) > 2, 'people do not always take as long'


def test_a_way_that_only_seemed_to_fail_is_left_alone():
    assert not any(holds([(i in (5, 6), 9.0 - 0.05 * i, 8.0 - 0.05 * i) for i in range(40)]))


def test_it_takes_over_when_nothing_got_nearer_for_eight_seconds():
    first = holds([(False, 9.0, 9.0)] * 100).index(True)
    assert 80 + 3 <= first <= 80 + 8


def test_a_slow_turn_is_no_straying_as_long_as_the_way_then_leads_nearer():
    assert not any(holds([(False, 9.0, 8.5)] * 100))


def test_it_gives_back_after_two_seconds_at_least_and_only_when_all_is_well():
    looks = [(True, 9.0, 8.0)] * 30 + [(False, 9.0, 8.9)] * 10 + [(False, 9.0, 8.0)] * 5
    held = holds(looks)
    first = held.index(True)
    assert held[first:40] == [True] * (40 - first)
    assert held[40:] == [False] * 5
    soon = holds([(i < 12, 9.0, 8.0) for i in range(70)], seed=1)
    assert sum(soon[:soon.index(True) + 40]) == 20


def test_while_the_stick_must_be_held_nothing_that_is_seen_gives_it_back():
    person = Corrector(np.random.default_rng(0))
    looks, must = 0, []
    while not person.holds:
        person.look(looks * PERIOD_NS, fails=True, cost=9.0, cost_ahead=8.0)
        assert not person.must_hold(looks * PERIOD_NS) or person.holds
        looks += 1
    begun = looks - 1
    for i in range(begun, begun + 30):
        must.append(person.must_hold(i * PERIOD_NS))
    assert must == [True] * 20 + [False] * 10
    assert person.look((begun + 20) * PERIOD_NS, fails=False, cost=9.0, cost_ahead=8.0) is False


def test_one_that_strayed_is_driven_past_what_held_it():
    before = [8.8 + 0.01 * (i % 5) for i in range(100)]
    straying = [(False, cost, cost) for cost in before]
    first = holds(straying).index(True)
    driven = [(False, 8.8 - 0.1 * i, 8.0 - 0.1 * i) for i in range(60)]
    held = holds(straying[:first + 1] + driven)[first:]
    assert all(driven[i - 1][1] > 6.81 for i in range(1, held.index(False)))
    assert driven[held.index(False) - 1][1] <= 6.81
    failing = [(i < 12, 9.0, 8.0) for i in range(70)]
    assert sum(holds(failing, seed=1)) == 20, 'after a collision ahead it is soon enough'


def test_who_gets_nowhere_lets_go_after_fifteen_seconds_and_may_take_over_again():
    held = holds([(True, 9.0, 9.0)] * 400)
    first = held.index(True)
    assert held[first:first + 151] == [True] * 150 + [False]
    again = held.index(True, first + 151)
    assert 3 <= again - (first + 150) <= 9
