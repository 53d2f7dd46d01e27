"""How far a circle drives until it touches a point, held to one that walks there."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from slow_motion import walked_to_touch

from ilw_teleop.guards.swept_way import Places

GRAZE_M = 1e-5
"""What is touched by less within one step of the walk may be missed by it"""
coordinates = st.one_of(st.floats(-1.2, 1.2), st.floats(-0.5, 0.5), st.sampled_from([0.0, 0.16])
                        ).map(lambda metres: round(metres, 9))  # a step rounds off what is less
points = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8)
speeds = st.sampled_from([-0.8, -0.31, -0.04, 0.03, 0.17, 0.5])
turns = st.one_of(st.floats(-1.8, 1.8), st.sampled_from([0.0, 0.0002, -0.003]))
radii = st.sampled_from([0.06, 0.16, 0.45])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(points, speeds, turns, radii, st.sampled_from([0.15, 0.5, 1.3]))
def test_a_circle_touches_where_one_that_walks_does(things, speed, turn, radius, reach):
    found = Places(np.array(things)).way(radius, speed, turn, reach)
    sooner, later = (walked_to_touch(things, radius + side, speed, turn, reach)
                     for side in (GRAZE_M, -GRAZE_M))
    started = [abs(math.hypot(*thing) - radius) < 2 * GRAZE_M for thing in things]
    if not any(started):
        assert min(sooner, reach) - 1e-6 <= min(found, reach) <= min(later, reach) + 1e-6


@pytest.mark.parametrize('speed', [0.5, -0.5])
@pytest.mark.parametrize('bend', [0.0, 1e-3, -0.02, 0.7, 4.0, -11.0])
def test_a_whole_turn_of_an_arc_is_walked(speed, bend):
    rng = np.random.default_rng(round(1000 * abs(bend)))
    for _ in range(20):
        thing = rng.uniform(-0.6, 0.6, 2)
        if abs(np.hypot(*thing) - 0.1) > 0.001:
            found = Places(thing[None]).way(0.1, speed, bend * abs(speed), 7.0)
            by_hand = [walked_to_touch([thing], 0.1 + side, speed, bend * abs(speed), 7.0)
                       for side in (GRAZE_M, -GRAZE_M)]
            assert min(by_hand[0], 7.0) - 1e-6 <= min(found, 7.0) <= min(by_hand[1], 7.0) + 1e-6


@pytest.mark.parametrize('bend', [0.0, 2e-4, -2e-3, 0.3, -3.0, 8.0])
@pytest.mark.parametrize('speed', [0.4, -0.4])
def test_what_stands_at_its_very_edge_in_front_is_met_at_once(speed, bend):
    rng, radius = np.random.default_rng(4), 0.16
    for angle in rng.uniform(-1.4, 1.4, 300):
        at = np.array([[math.copysign(radius, speed) * math.cos(angle), radius * math.sin(angle)]])
        assert 0.0 <= Places(at).way(radius, speed, bend * abs(speed), 1.0) < 1e-5


@pytest.mark.parametrize('side', [1.0, -1.0])
def test_what_is_beside_it_or_would_be_grazed_is_not_in_the_way(side):
    beside = Places(np.array([[0.0, 0.1 * side], [0.0, 0.16 * side], [0.7, 0.25 * side]]))
    assert beside.way(0.25, 0.5, 0.0, 2.0) == math.inf
    assert beside.way(0.25, -0.5, 0.0, 2.0) == math.inf
    assert beside.way(0.25, 0.5, 0.2 * side, 2.0) < 0.7


@pytest.mark.parametrize('arc', [0.05, 0.3, 1.0, 4.0])
def test_what_it_would_only_just_graze_on_an_arc_is_met_there_or_passed(arc):
    rng, radius = np.random.default_rng(2), 0.16
    for angle in rng.uniform(0.5, 2.5, 200):
        for far in (arc + radius, abs(arc - radius)):
            at = np.array([[far * math.sin(angle), arc - far * math.cos(angle)]])
            if np.hypot(*at[0]) > radius + 0.01:
                found = Places(at).way(radius, 0.5, 0.5 / arc, 9.0)
                assert found == math.inf or found == pytest.approx(angle * arc, abs=1e-6)


def test_an_arc_of_ten_kilometres_is_a_straight_line_and_one_of_nine_is_none():
    places = Places(np.array([[9.0, 0.1], [5.0, -0.159]]))
    straight = places.way(0.16, 0.5, 0.0, 20.0)
    for bend in (9.9e-5, -9.9e-5):
        assert places.way(0.16, 0.5, bend * 0.5, 20.0) == straight
        assert places.way(0.16, -0.5, bend * 0.5, 20.0) == math.inf
    for bend in (1.1e-4, -1.1e-4):
        found = places.way(0.16, 0.5, bend * 0.5, 20.0)
        assert found != straight
        assert found == pytest.approx(walked_to_touch(
            [(9.0, 0.1), (5.0, -0.159)], 0.16, 0.5, bend * 0.5, 9.0), abs=1e-5)


@pytest.mark.parametrize('turn', [0.0, 0.4, -1.0])
def test_it_looks_no_farther_than_it_is_asked_to_and_all_the_way_there(turn):
    rng = np.random.default_rng(9)
    for _ in range(60):
        thing, reach = rng.uniform(-1.0, 1.0, 2), rng.uniform(0.05, 0.9)
        found = Places(thing[None]).way(0.16, 0.5, turn, reach)
        if np.hypot(*thing) > reach + 0.16 + 1e-9:
            assert found == math.inf
        else:
            assert found == Places(thing[None]).way(0.16, 0.5, turn, 50.0)
