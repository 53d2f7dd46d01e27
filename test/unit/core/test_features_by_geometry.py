"""Features of scenes that are alike on no side, their mirror image, and spreads to divide by."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ilw_core.align import encode
from ilw_core.features.rotation import yaw_of
from ilw_learner.data.mirror import mirrored, reflections, with_mirror_images
from ilw_learner.networks.carried_over import carried_spread
from ilw_learner.networks.normalizer import Normalizer
from ilw_sim.sensing.readings import laser_scan, odometry, pose_stamped


def scene(sign=1.0, x=0.7, y=-1.1, yaw=0.6, speed=0.3, turn=-0.8, goal=(2.4, 0.9)):
    """Return the messages of a scene, or of its reflection in the x axis."""
    ranges = np.linspace(0.5, 3.5, 36) + 0.3 * np.sin(np.arange(36.0))
    if sign < 0.0:
        ranges = ranges[(-np.arange(36)) % 36]
    return {'lidar': laser_scan(0, ranges, range_min=0.1, range_max=8.0, scan_time=0.1),
            'velocity': odometry(0, 'odom', (x, sign * y, sign * yaw), (speed, sign * turn)),
            'goal': pose_stamped(0, 'odom', (goal[0], sign * goal[1], 0.0))}


@pytest.mark.parametrize('change', [{}, {'yaw': -2.3, 'turn': 1.1}, {'goal': (-2.0, -0.4)},
                                    {'x': -1.5, 'y': 0.2, 'speed': -0.1}])
def test_the_mirror_of_an_observation_is_the_observation_of_the_mirrored_scene(clutter, change):
    here, there = (encode(clutter, scene(sign, **change)) for sign in (1.0, -1.0))
    index, sign, odd = reflections(clutter)
    assert here[index] * sign == pytest.approx(there, abs=1e-6)
    assert np.abs(here - there).max() > 0.1, 'a scene that is no mirror of itself'
    assert odd.tolist() == [1.0, -1.0]
    names = list(clutter.obs_names)
    assert there[names.index('velocity.turn_radps')] == -here[names.index('velocity.turn_radps')]
    assert there[names.index('velocity.forward_mps')] == here[names.index('velocity.forward_mps')]
    assert there[names.index('goal.bearing_sin')] == pytest.approx(
        -here[names.index('goal.bearing_sin')])


def test_windows_are_followed_by_their_reflections(clutter):
    obs = np.stack([encode(clutter, scene(yaw=yaw)) for yaw in (0.1, 0.7, -0.4, 2.0)])
    actions = np.array([[0.2, 0.5], [0.4, -1.2]], np.float32)
    both_obs, both_actions = with_mirror_images(obs.reshape(2, 2, -1), actions[:, None], clutter)
    assert both_obs.shape == (4, 2, clutter.obs_dim)
    there = np.stack([encode(clutter, scene(-1.0, yaw=yaw)) for yaw in (0.1, 0.7, -0.4, 2.0)])
    assert both_obs[2:].reshape(4, -1) == pytest.approx(there, abs=1e-6)
    assert np.array_equal(both_obs[:2], obs.reshape(2, 2, -1))
    assert np.allclose(both_actions[2:, 0], [[0.2, -0.5], [0.4, 1.2]])
    assert np.allclose(both_actions[:2, 0], actions)


def test_what_is_not_known_is_not_known_on_the_other_side(clutter):
    obs = encode(clutter, scene())[None]
    valid = np.ones_like(obs, dtype=bool)
    valid[0, 5] = False
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Part:
        obs: np.ndarray
        obs_valid: np.ndarray
        actions: np.ndarray

    found = mirrored(Part(obs, valid, np.array([[0.1, 0.7]], np.float32)), clutter)
    assert np.flatnonzero(~found.obs_valid[0]).tolist() == [31]
    assert found.actions[0].tolist() == pytest.approx([0.1, -0.7])


@pytest.mark.parametrize('yaw', [0.0, 0.4, -1.3, 2.9, -3.0])
@pytest.mark.parametrize('goal', [(1.7, 0.4), (-0.6, 2.2), (0.3, -1.9)])
def test_the_goal_is_seen_from_where_the_robot_looks(clutter, yaw, goal):
    names = list(clutter.obs_names)
    found = encode(clutter, scene(x=0.5, y=0.3, yaw=yaw, goal=goal))
    dx, dy = goal[0] - 0.5, goal[1] - 0.3
    ahead = dx * math.cos(yaw) + dy * math.sin(yaw)
    left = -dx * math.sin(yaw) + dy * math.cos(yaw)
    far = math.hypot(dx, dy)
    part = found[[names.index(f'goal.{n}') for n in ('distance_m', 'bearing_sin', 'bearing_cos')]]
    assert part == pytest.approx([far, left / far, ahead / far], abs=1e-6)


@pytest.mark.parametrize('yaw', [0.4, -1.3, 2.9, -3.0, 1.5707])
def test_a_pose_is_read_with_its_heading(maze, yaw):
    found = encode(maze, {'pose': odometry(0, 'odom', (1.5, -0.2, yaw), (0.1, 0.3))})
    assert found == pytest.approx([1.5, -0.2, math.sin(yaw), math.cos(yaw)], abs=1e-6)


@pytest.mark.parametrize('roll', [0.0, 0.3])
@pytest.mark.parametrize('pitch', [0.0, -0.2])
@pytest.mark.parametrize('yaw', [0.5, -2.0, 3.0])
def test_a_heading_is_that_of_the_x_axis_however_the_robot_leans(roll, pitch, yaw):
    cr, sr, cp, sp, cy, sy = (f(a / 2) for a in (roll, pitch, yaw) for f in (math.cos, math.sin))
    turned = SimpleNamespace(
        w=cr * cp * cy + sr * sp * sy, x=sr * cp * cy - cr * sp * sy,
        y=cr * sp * cy + sr * cp * sy, z=cr * cp * sy - sr * sp * cy)
    assert yaw_of(turned) == pytest.approx(yaw)


def test_a_lidar_looks_left_where_its_angles_grow(clutter):
    ranges = np.full(36, 3.0)
    ranges[7] = 0.9  # 70 degrees to the left
    scan = laser_scan(0, ranges, range_min=0.1, range_max=8.0, scan_time=0.1)
    found = encode(clutter, {'lidar': scan})
    assert np.argmin(found[:36]) == 7 and found[7] == pytest.approx(0.9)


# -- spreads

@pytest.mark.parametrize(('values', 'hardly'), [
    ([2.0, 2.0, 2.0], True), ([2.0 - 1e-7, 2.0, 2.0 + 1e-7], True), ([0.0, 1e-7], True),
    ([2.0, 2.03], True), ([2.0, 3.0], False), ([-4.0, 9.0], False)])
def test_what_hardly_changed_in_its_range_is_no_measure_of_what_comes(values, hardly):
    low, high = np.array([-5.0]), np.array([15.0])
    given = np.array(values)[:, None]
    seen = Normalizer.of_observations(given, low, high)
    assert seen.scale[0] == pytest.approx(5.0 if hardly else np.std(values), rel=1e-3)
    acted = Normalizer.of_actions(given, low, high)
    assert acted.scale[0] == pytest.approx(0.2 if hardly else np.std(values), rel=1e-3)
    assert seen.mean[0] == acted.mean[0] == pytest.approx(np.mean(values))


def test_each_column_has_its_own_mean_and_spread():
    values = np.array([[[1.0, -4.0]], [[3.0, 4.0]], [[8.0, 12.0]]])
    low, high = np.array([-10.0, -20.0]), np.array([10.0, 20.0])
    for fitted in (Normalizer.of_observations(values, low, high),
                   Normalizer.of_actions(values, low, high)):
        assert fitted.mean == pytest.approx([4.0, 4.0])
        assert fitted.scale == pytest.approx(values.reshape(3, 2).std(axis=0))


def test_bounds_that_leave_one_value_divide_by_nothing():
    one = np.full(2, 3.0)
    assert Normalizer.of_actions(np.full((4, 2), 3.0), one, one).scale.tolist() == [1.0, 1.0]


def test_bounds_become_minus_two_and_two():
    fitted = Normalizer.of_bounds(np.array([-1.0, 0.0]), np.array([3.0, 10.0]))
    assert ((np.array([-1.0, 0.0]) - fitted.mean) / fitted.scale).tolist() == [-2.0, -2.0]
    assert ((np.array([3.0, 10.0]) - fitted.mean) / fitted.scale).tolist() == [2.0, 2.0]


def test_an_action_that_hardly_changed_where_it_was_learned_gets_the_scale_that_is_needed_now():
    fitted = Normalizer(np.array([5.0, 5.0, 5.0]), np.array([2.0, 2.0, 2.0]))
    learned = {'act_mean': torch.tensor([1.0, 4.0]), 'act_scale': torch.tensor([1.9, 0.01])}
    names, of = ('x', 'finger', 'new'), ('x', 'finger')
    seen = carried_spread(fitted, names, learned, 'act_', of)
    assert seen.scale == pytest.approx([1.9, 0.01, 2.0]), 'what is observed keeps its units'
    carried = carried_spread(fitted, names, learned, 'act_', of, acted=True)
    assert carried.mean.tolist() == [1.0, 4.0, 5.0]
    assert carried.scale == pytest.approx([1.9, 2.0, 2.0])
