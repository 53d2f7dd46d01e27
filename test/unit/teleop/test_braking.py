"""How far a robot still goes: numbers worked out by hand, at 2 m/s2 and a tenth of a second."""

import pytest

from ilw_teleop.guards.braking import Braking

P = 100_000_000
T0 = 1_000_000_000


def at_speed(speed, ticks=10):
    braking = Braking(2.0, 0.1)
    for k in range(ticks):
        braking.sent(speed, T0 + k * P)
    braking.pass_time(T0 + ticks * P)
    return braking


def test_a_robot_that_stands_goes_one_period_and_its_braking_way():
    assert Braking(2.0, 0.1).way_m(0.5) == pytest.approx(0.05 + 0.0625)
    assert Braking(2.0, 0.1).way_m(0.0) == 0.0


def test_a_robot_that_drives_obeys_a_period_late():
    assert at_speed(0.5).way_m(0.0) == pytest.approx(0.05 + 0.0625)
    assert at_speed(0.5).way_m(0.5) == pytest.approx(0.05 + 0.05 + 0.0625)
    # It brakes to 0.4 in half a period: 0.0225 m, the other half at 0.4: 0.02 m; then 0.04 m.
    assert at_speed(0.5).way_m(0.4) == pytest.approx(0.05 + 0.0225 + 0.02 + 0.04)


def test_it_slows_no_faster_than_it_brakes():
    braking = at_speed(0.5)
    braking.sent(0.0, T0 + 10 * P)
    braking.pass_time(T0 + 11 * P)     # the stop is obeyed from here on, at the latest
    assert braking.way_m(0.0) == pytest.approx(0.04 + 0.0225)
    braking.pass_time(T0 + 20 * P)
    assert braking.way_m(0.0) == 0.0


def test_backward_counts_like_forward_and_a_reset_is_forgotten():
    braking = at_speed(-0.5)
    assert braking.way_m(0.0) == pytest.approx(0.1125)
    braking.forget()
    assert braking.way_m(0.0) == 0.0
    assert braking.gone_m(T0) == 0.0


def test_who_never_drove_has_gone_nowhere():
    assert Braking(2.0, 0.1).gone_m(T0) == 0.0


@pytest.mark.parametrize('way', [0.0, 0.05, 0.1126, 0.15, 0.3])
def test_the_fastest_speed_uses_the_way_and_no_more(way):
    braking = at_speed(0.3)
    fastest = braking.fastest_mps(way)
    assert fastest == 0.0 or braking.way_m(fastest) == pytest.approx(way, abs=1e-6)
    assert braking.way_m(fastest + 1e-3) > way
