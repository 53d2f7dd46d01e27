"""Beams and contacts against geometry done by hand, and by a second way to the same number."""

import math

import numpy as np
import pytest

from ilw_emulator.room import Room
from ilw_emulator.world import EmulatedWorld


def room(radius_m=0.16, **rows):
    return Room(EmulatedWorld('made', (0.0, 0.0, 0.0), (1.0, 0.0), **rows), radius_m)


def test_a_wall_without_thickness_is_met_at_its_distance_over_the_cosine():
    angles = np.radians([0.0, 30.0, -30.0, 60.0, 180.0, 90.0])
    found = room(segments=((2.0, -2.0, 2.0, 2.0),)).ranges(0.5, 0.0, angles, 10.0)
    expected = [1.5, 1.5 / math.cos(math.pi / 6), 1.5 / math.cos(math.pi / 6), math.inf,
                math.inf, math.inf]  # at 60 degrees it would be met at y = 2.6
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_turned_box_is_met_at_its_corner_and_on_its_slope():
    box = room(boxes=((3.0, 0.0, math.pi / 4, 0.5, 0.5),))
    corner = math.sqrt(0.5)
    found = box.ranges(0.0, 0.0, np.array([0.0, math.atan2(0.3, 3.0 - corner + 0.3)]), 10.0)
    np.testing.assert_allclose(found, [3.0 - corner, math.hypot(0.3, 3.0 - corner + 0.3)])


def test_a_cylinder_is_met_in_front_and_a_beam_past_it_is_not():
    past = math.asin(0.5 / 2.0)
    found = room(cylinders=((2.0, 0.0, 0.5),)).ranges(
        0.0, 0.0, np.array([0.0, past - 1e-6, past + 1e-6, math.pi]), 10.0)
    np.testing.assert_allclose(found, [1.5, math.sqrt(4.0 - 0.25), np.inf, np.inf], rtol=1e-3)


def test_the_nearest_of_several_is_seen_and_nothing_beyond_the_range():
    both = room(segments=((1.0, -1.0, 1.0, 1.0),), cylinders=((3.0, 0.0, 0.5), (-3.0, 0.0, 0.5)))
    assert both.ranges(0.0, 0.0, np.array([0.0, math.pi]), 2.4).tolist() == [1.0, math.inf]
    assert room().ranges(0.0, 0.0, np.zeros(2), 2.4).tolist() == [math.inf] * 2


@pytest.mark.parametrize('seed', range(5))
def test_beams_agree_with_marching_by_the_clearance(seed):
    rng = np.random.default_rng(seed)
    made = room(
        segments=tuple(map(tuple, rng.uniform(-5, 5, (4, 4)))),
        boxes=tuple((*rng.uniform(-5, 5, 2), rng.uniform(0, 3), *rng.uniform(0.1, 0.6, 2))
                    for _ in range(4)),
        cylinders=tuple((*rng.uniform(-5, 5, 2), rng.uniform(0.1, 0.6)) for _ in range(4)))
    x, y = next(p for p in rng.uniform(-5, 5, (100, 2)) if made.clearance(*p)[0] > 0.2)
    angles = np.linspace(0.0, 2.0 * math.pi, 50)
    for angle, found in zip(angles, made.ranges(x, y, angles, 8.0), strict=True):
        way = 0.0
        while way <= 8.0 and (free := made.clearance(
                x + way * math.cos(angle), y + way * math.sin(angle))[0]) > 1e-9:
            way += free
        assert min(found, 8.0) == pytest.approx(min(way, 8.0), abs=1e-4)


def test_what_is_touched_has_the_name_of_its_kind():
    made = room(walls=((1.0, 0.0, 0.0, 0.1, 1.0),), boxes=((0.0, 2.0, 0.3, 0.2, 0.2),),
                cylinders=((-2.0, 0.0, 0.5),))
    for x, y, expected in ((0.739, 0.0, ''), (0.741, 0.0, 'wall'), (0.0, 1.7, 'box'),
                           (-1.339, 0.0, ''), (-1.341, 0.0, 'cylinder')):
        assert made.touches(x, y) == expected, (x, y)


def test_contacts_are_found_whatever_was_looked_at_before():
    rng = np.random.default_rng(1)
    remembering = room(cylinders=((0.0, 0.0, 0.3),))
    x = y = 0.0
    for _ in range(500):
        x, y = np.clip(np.array([x, y]) + rng.normal(0.0, 0.1, 2), -1.0, 1.0)
        assert bool(remembering.touches(x, y)) == (math.hypot(x, y) < 0.46)
