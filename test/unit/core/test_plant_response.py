"""The reference model of a plant, against hand-worked numbers and plain integration."""

import math

import numpy as np
import pytest

from ilw_core.base.plant import NO_LIMIT, Plant
from ilw_core.base.plant_response import poses, respond, targets, travel


def euler(plant, stamps, commands, query, step_s=1e-4):
    """Integrate the model's definition in tiny steps: another way to the same numbers."""
    most_v, most_w = (np.inf if most == NO_LIMIT else most * step_s for most in (
        plant.acceleration_mps2, plant.turn_acceleration_radps2))
    v = w = x = y = yaw = asked_v = asked_w = 0.0
    found, t, goal = [], min(query[0], stamps[0]) - 0.05, np.zeros(2)
    queue = [(s + plant.delay_s, c) for s, c in zip(stamps, commands, strict=True)]
    for at in query:
        while t < at:
            while queue and queue[0][0] <= t:
                cv, cw = queue.pop(0)[1]
                forward = plant.gain * (0.0 if abs(cv) < plant.dead_zone_mps else cv)
                turn = plant.turn_gain * (0.0 if abs(cw) < plant.turn_dead_zone_radps else cw)
                goal = np.array([forward, turn + plant.pull_radpm * forward])
            asked_v += np.clip(goal[0] - asked_v, -most_v, most_v)
            asked_w += np.clip(goal[1] - asked_w, -most_w, most_w)
            v += step_s / plant.lag_s * (asked_v - v)
            w += step_s / plant.turn_lag_s * (asked_w - w)
            x, y = x + step_s * v * math.cos(yaw), y + step_s * v * math.sin(yaw)
            yaw += step_s * w
            t += step_s
        found.append((v, w, x, y, yaw))
    return np.array(found)


def test_a_step_reaches_63_percent_one_time_constant_after_the_delay():
    plant = Plant(delay_s=0.1, lag_s=0.2, gain=0.5)
    speed = respond(plant, np.array([1.0]), np.array([[1.0, 0.0]]),
                    np.array([0.5, 1.1, 1.3, 1.5, 9.0]))
    assert speed[:, 0] == pytest.approx([0.0, 0.0, 0.5 * (1 - math.exp(-1)),
                                         0.5 * (1 - math.exp(-2)), 0.5])
    assert not speed[:, 1].any()


def test_a_plant_of_defaults_does_what_it_is_told_at_once():
    stamps, commands = np.array([0.0, 1.0, 1.0, 2.0]), np.array(
        [[0.3, 0.1], [9.0, 9.0], [-0.2, 0.5], [0.0, 0.0]])
    assert respond(Plant(), stamps, commands, np.array([0.0, 0.999, 1.0, 1.5, 2.0])) == (
        pytest.approx(np.array([[0.3, 0.1], [0.3, 0.1], [-0.2, 0.5], [-0.2, 0.5], [0.0, 0.0]])))
    assert travel(Plant(), stamps, commands, np.array([3.0]))[0] == pytest.approx([0.1, 0.6])


def test_dead_zones_gains_and_pull_make_the_targets():
    plant = Plant(gain=0.9, turn_gain=1.1, pull_radpm=0.2, dead_zone_mps=0.05,
                  turn_dead_zone_radps=0.1)
    assert targets(plant, np.array([[0.04, 0.09], [0.05, -0.1], [-1.0, 0.0]])) == pytest.approx(
        np.array([[0.0, 0.0], [0.045, -0.11 + 0.009], [-0.9, -0.18]]))


@pytest.mark.parametrize('limits', [{}, {'acceleration_mps2': 1.5,
                                         'turn_acceleration_radps2': 2.5}])
def test_random_driving_equals_small_steps(limits):
    rng = np.random.default_rng(3)
    stamps = np.cumsum(rng.uniform(0.02, 0.3, 25))
    commands = rng.uniform(-0.5, 0.5, (25, 2))
    plant = Plant(delay_s=0.07, lag_s=0.15, turn_lag_s=0.08, gain=0.93, turn_gain=1.1,
                  pull_radpm=0.3, dead_zone_mps=0.1, turn_dead_zone_radps=0.15,
                  **limits)
    query = np.linspace(stamps[0], stamps[-1] + 1.0, 40)
    truth = euler(plant, stamps, commands, query)
    assert respond(plant, stamps, commands, query) == pytest.approx(truth[:, :2], abs=2e-3)
    way = poses(plant, stamps, commands, query)
    assert way == pytest.approx(truth[:, 2:], abs=1e-3)
    turned = travel(plant, stamps, commands, query)[:, 1]
    assert way[:, 2] == pytest.approx(turned - turned[0], abs=1e-12)


def test_an_acceleration_limit_makes_ramps_of_steps():
    plant = Plant(acceleration_mps2=2.0)
    stamps, commands = np.array([0.0, 1.0, 1.1]), np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    at = np.array([0.25, 0.5, 1.0, 1.05, 1.1, 1.15, 1.2, 5.0])
    assert respond(plant, stamps, commands, at)[:, 0] == pytest.approx(
        [0.5, 1.0, 1.0, 0.9, 0.8, 0.9, 1.0, 1.0])
    # Up to 0.5 s a triangle, a rectangle, then a dent of 0.2 x 0.2 / 2.
    assert travel(plant, stamps, commands, np.array([2.0]))[0, 0] == pytest.approx(
        0.25 + 1.5 - 0.02)


def test_a_lagged_ramp_stays_one_time_constant_behind():
    plant = Plant(lag_s=0.1, acceleration_mps2=0.5)
    speed = respond(plant, np.array([0.0]), np.array([[10.0, 0.0]]), np.array([4.0]))
    assert speed[0, 0] == pytest.approx(0.5 * (4.0 - 0.1))


def test_driving_a_circle_comes_back():
    way = poses(Plant(), np.array([0.0]), np.array([[0.5, 1.0]]),
                np.linspace(0.0, 2 * math.pi, 9), start=(1.0, 2.0, 0.0))
    assert way[-1] == pytest.approx([1.0, 2.0, 2 * math.pi], abs=1e-8)
    assert way[4] == pytest.approx([1.0, 3.0, math.pi], abs=1e-8)


def test_nobody_who_commands_nothing_moves():
    assert not respond(Plant(), np.zeros(0), np.zeros((0, 2)), np.array([1.0, 2.0])).any()
    assert poses(Plant(), np.zeros(0), np.zeros((0, 2)), np.zeros(0)).shape == (0, 3)


def test_stamps_that_fall_are_refused():
    with pytest.raises(ValueError, match='never fall'):
        respond(Plant(), np.array([1.0, 0.5]), np.zeros((2, 2)), np.array([1.0]))


def test_a_switch_a_rounding_error_from_a_query_does_no_harm():
    stamps = np.arange(60) * 0.1
    commands = np.tile([[0.3, 0.5], [0.1, -0.5]], (30, 1))
    exact = poses(Plant(delay_s=0.1), stamps, commands, stamps + 0.1)
    beside = poses(Plant(delay_s=0.1), stamps, commands, np.nextafter(stamps + 0.1, np.inf))
    assert beside == pytest.approx(exact, abs=1e-9)
