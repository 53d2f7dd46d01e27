"""Where a goal lies from the robot, in numbers and in words."""

import math

import pytest

from ilw_core.contract.file import load_contract
from ilw_core.features.goal import bearing_text, far_from_goal, polar, somewhere, topics_of
from ilw_core.storage.locate import config_file


@pytest.mark.parametrize(('pose', 'goal', 'distance_m', 'bearing_deg'), [
    ((0, 0, 0), (3, 4), 5.0, 53.13), ((1, 1, math.pi / 2), (1, 3), 2.0, 0.0),
    ((0, 0, math.pi / 2), (2, 0), 2.0, -90.0),
    ((0, 0, math.radians(170)), (-1, -0.1), 1.005, 15.7), ((2, -1, math.pi), (3, -1), 1.0, 180.0)])
def test_distance_and_bearing_by_hand(pose, goal, distance_m, bearing_deg):
    distance, bearing = polar(pose, goal)
    assert distance == pytest.approx(distance_m, abs=1e-3)
    assert abs(math.degrees(bearing)) == pytest.approx(abs(bearing_deg), abs=0.1)
    if abs(bearing_deg) < 179:
        assert math.degrees(bearing) == pytest.approx(bearing_deg, abs=0.1)


@pytest.mark.parametrize(('degrees', 'text'), [
    (0, 'ahead'), (-5, 'ahead'), (35, '35° left'), (-101, '101° right'), (180, 'behind'),
    (-177, 'behind')])
def test_a_bearing_is_said_as_a_person_says_it(degrees, text):
    assert bearing_text(math.radians(degrees)) == text


@pytest.mark.parametrize(('distance_m', 'far'), [(0.0, False), (0.59, False), (0.61, True)])
def test_far_begins_half_a_radius_outside(distance_m, far):
    assert far_from_goal(distance_m, 0.4) is far
    assert not far_from_goal(distance_m, 0.0)  # a rule says what counts, not the place


def test_a_contract_that_observes_neither_has_the_usual_topics(maze, clutter):
    assert topics_of(maze) == ('odom', 'goal')
    assert topics_of(clutter) == ('odom', 'goal')
    lift = load_contract(config_file('tasks', 'lift_state'))
    assert topics_of(lift) == ('odom', 'goal'), 'the pose of its tool is no goal'


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf, 1e300, -2e6])
def test_what_is_no_place_is_none(number):
    assert somewhere(1.0, -3.0) and not somewhere(1.0, number)
