"""Silence makes the arbiter decide, but a simulated clock may leap."""

import pytest

from ilw_teleop.arbiter import Arbiter
from ilw_teleop.request import Request, Source
from ilw_teleop.senders import Senders
from ilw_teleop.watchdog import Watchdog

P = 100_000_000
MS = 1_000_000
T0 = 1_000_000_000_000


@pytest.fixture
def arbiter(clutter):
    made = Arbiter(clutter)
    names = clutter.action.names
    made.offer(Request(1, T0, True, clutter.hash, names, 0.1, 1, [0.2, 0.0]), T0, T0)
    assert made.decide(T0, T0).source is Source.PERSON
    return made


def test_on_hardware_silence_counts_at_once(arbiter):
    watchdog = Watchdog(arbiter)
    assert watchdog.poll(T0 + P, T0 + P, 0) is None
    assert watchdog.poll(T0 + 2 * P, T0 + 2 * P, 0).reasons[0] == 'silent'


def test_in_simulation_the_last_request_must_be_long_ago_in_wall_time_too(arbiter):
    watchdog = Watchdog(arbiter, 50 * MS, 450 * MS)
    late = T0 + 3 * P
    assert watchdog.hears(0, active=True)
    assert watchdog.poll(late, late, 0) is None
    assert watchdog.poll(late, late, 49 * MS) is None
    assert watchdog.poll(late, late, 50 * MS).reasons[0] == 'silent'


def test_after_a_leap_the_driver_has_time_to_plan(arbiter):
    watchdog = Watchdog(arbiter, 50 * MS, 450 * MS)
    late = T0 + 11 * P
    watchdog.leap(0)
    assert watchdog.poll(late, late, 0) is None
    assert watchdog.poll(late, late, 449 * MS) is None
    assert watchdog.poll(late, late, 450 * MS) is not None
    assert watchdog.poll(late + P, late + P, 460 * MS) is not None  # the leap is over


def test_a_driver_that_spoke_after_the_leap_gets_no_extra_time(arbiter):
    watchdog = Watchdog(arbiter, 50 * MS, 450 * MS)
    watchdog.leap(0)
    assert watchdog.hears(10 * MS, active=True)
    late = T0 + 11 * P
    assert watchdog.poll(late, late, 59 * MS) is None
    assert watchdog.poll(late, late, 60 * MS) is not None


def test_a_clock_that_stops_stops_the_robot(arbiter):
    watchdog = Watchdog(arbiter, 50 * MS, 450 * MS)
    watchdog.tick(0)
    assert watchdog.poll(T0 + P, T0 + P, 0) is None
    assert watchdog.poll(T0 + P, T0 + P, 1000 * MS) is None
    decision = watchdog.poll(T0 + P, T0 + P, 1001 * MS)
    assert decision.applied.tolist() == [0.0, 0.0]
    assert watchdog.poll(T0 + P, T0 + P, 1100 * MS) is None  # said once
    assert not watchdog.hears(1150 * MS, active=True)
    watchdog.tick(1190 * MS)
    assert watchdog.hears(1200 * MS, active=True)


def test_a_clock_that_has_not_begun_decides_nothing(arbiter):
    assert Watchdog(arbiter).poll(0, 0, 10**12) is None


def test_an_arbiter_that_hung_itself_disarms_the_policy(arbiter):
    watchdog = Watchdog(arbiter)
    arbiter.arm()
    watchdog.poll(T0 + P, T0 + P, 0)
    watchdog.poll(T0 + 2 * P, T0 + 2 * P, 1_500 * MS)
    assert arbiter.armed
    watchdog.poll(T0 + 3 * P, T0 + 3 * P, 3_001 * MS)
    assert not arbiter.armed


def test_two_senders_fall_back_again_and_again_and_a_restarted_one_only_once():
    alone, two = Senders(), Senders()
    for k, number in enumerate([1, 2, 3, 1, 2, 3, 4]):
        assert alone.take(number, k * P) == (k == 3), 'another sender than before'
        assert not alone.several(k * P)
    assert not any(Senders().take(number, 0) for number in (None, 0))
    for k, number in enumerate([7, 1, 8, 2, 9]):
        two.take(number, k * P)
    assert two.several(4 * P)
    assert not two.several(20 * P)  # the other has gone
