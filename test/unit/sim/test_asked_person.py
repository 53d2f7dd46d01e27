"""A scripted person takes the stick when asked, after a while, and gives it back."""

import numpy as np

from ilw_sim.driver.asked import AskedPerson

TICK_NS = 50_000_000


def held(person, asks, begin_ns=0):
    """Return at which ticks the stick is held; ``asks``: whether the policy asks at each."""
    found = []
    for tick, each in enumerate(asks):
        person.hear(each)
        found.append(person.look(begin_ns + tick * TICK_NS))
    return np.array(found)


def test_it_never_takes_the_stick_unasked():
    assert not held(AskedPerson(np.random.default_rng(0)), [False] * 1000).any()


def test_it_takes_the_stick_0_3_to_0_7_s_after_it_was_asked():
    person, found = AskedPerson(np.random.default_rng(0)), []
    for _ in range(50):
        person.begin()
        found.append(np.flatnonzero(held(person, [True] * 20))[0] * TICK_NS / 1e9)
    assert 0.3 <= min(found) < max(found) <= 0.75
    assert len(set(found)) > 3


def test_it_gives_it_back_when_it_is_not_asked_any_more():
    found = held(AskedPerson(np.random.default_rng(0)), [True] * 60 + [False] * 40)
    assert found[15:60].all()
    assert not found[60:].any()


def test_it_holds_the_stick_for_a_second_at_least_and_fifteen_at_most():
    short = held(AskedPerson(np.random.default_rng(0)), [True] * 15 + [False] * 50)
    assert short.sum() == 20
    long = held(AskedPerson(np.random.default_rng(0)), [True] * 330)
    assert long.sum() in range(300, 320)
    assert np.diff(np.flatnonzero(np.diff(long.astype(int))))[0] == 300


def test_a_request_that_is_taken_back_before_it_reacts_is_none():
    assert not held(AskedPerson(np.random.default_rng(0)), ([True] * 4 + [False] * 4) * 20).any()
