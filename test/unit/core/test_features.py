"""Each codec against numbers worked out by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.features.lidar_sectors import sector_minimum


def test_sectors_are_centred_ahead_and_go_counter_clockwise():
    ranges = np.full(360, 5.0, dtype=np.float32)
    ranges[0] = 1.0      # straight ahead
    ranges[90] = 2.0     # left
    ranges[356] = 0.5    # four degrees to the right is still ahead
    ranges[350] = 3.0    # ten degrees to the right is the last sector
    sectors = sector_minimum(ranges, 0.0, math.radians(1.0), 0.1, 4.0, 36)
    assert sectors[0] == np.float32(0.5)
    assert sectors[9] == 2.0
    assert sectors[35] == 3.0
    assert sectors[18] == 4.0


def test_no_return_is_free_space_but_no_beam_is_unknown():
    ranges = np.array([np.inf, np.nan, 0.01, 1.0], dtype=np.float32)
    sectors = sector_minimum(ranges, 0.0, math.pi / 2, 0.1, 4.0, 4)
    assert sectors[0] == 4.0
    assert math.isnan(sectors[1]), 'NaN is not a measurement'
    assert math.isnan(sectors[2]), 'below range_min is not a measurement'
    assert sectors[3] == 1.0


def test_goal_is_seen_from_the_robot(clutter, odometry):
    goal = SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=1.0, y=3.0, z=0.0)))
    feature = next(s.feature for s in clutter.sources if s.name == 'goal')
    seen = feature.encode({'goal': goal, 'velocity': odometry(x=1.0, y=1.0, yaw=0.0)})
    assert seen == pytest.approx([2.0, 1.0, 0.0], abs=1e-6), 'two metres to the left'
    seen = feature.encode({'goal': goal, 'velocity': odometry(x=1.0, y=1.0, yaw=math.pi)})
    assert seen == pytest.approx([2.0, -1.0, 0.0], abs=1e-6), 'now to the right'


def test_reflection_twice_is_the_same_observation(clutter):
    rng = np.random.default_rng(0)
    for source in clutter.sources:
        index, sign = source.feature.mirror
        values = rng.normal(size=source.feature.dim)
        once = values[list(index)] * sign
        assert once[list(index)] * np.array(sign) == pytest.approx(values)


def test_pose_is_position_and_direction(maze, odometry):
    feature = maze.sources[0].feature
    assert feature.encode({'pose': odometry(x=1.0, y=2.0, yaw=math.pi / 2)}) == pytest.approx(
        [1.0, 2.0, 1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(('angle_min', 'increment', 'beams'), [
    (float('nan'), 0.1, 36), (0.0, float('inf'), 36), (1e30, 0.1, 36), (0.0, 0.0, 200_000)])
def test_a_scan_that_makes_no_sense_is_missing_not_free(angle_min, increment, beams):
    sectors = sector_minimum(np.full(beams, 2.0), angle_min, increment, 0.1, 4.0, 8)
    assert np.isnan(sectors).all()


def test_a_goal_at_infinity_is_missing(clutter, odometry):
    goal = next(s for s in clutter.sources if s.name == 'goal').feature
    for x in (float('inf'), float('nan')):
        at = SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=x, y=0.0)))
        assert np.isnan(goal.encode({'goal': at, 'velocity': odometry()})).all()
