"""What of a goal a block covers: exact areas of rectangles, as a feature of a contract."""

import math
from types import SimpleNamespace as Plain

import cv2
import numpy as np
import pytest

from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_core.features.codecs.overlap import overlap, shared_area

PARTS = {'bar': [0.0, 0.042857, 0.2, 0.05], 'stem': [0.0, -0.057143, 0.05, 0.15]}
PIXEL_M = 0.0005


def feature(**options):
    given = {'pose_from': 'goal', 'parts_m': PARTS} | options
    return overlap('overlap', Section(given, 'task.observation.overlap'))


def pose(x, y, yaw):
    return Plain(pose=Plain(
        position=Plain(x=x, y=y, z=0.3),
        orientation=Plain(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))))


def covered(here, there, **options):
    return float(feature(**options).encode({'overlap': pose(*here), 'goal': pose(*there)})[0])


def drawn(x, y, yaw):
    """Return the pixels of a T, bool."""
    picture = np.zeros((1200, 1200), np.uint8)
    axes = np.array([[math.cos(yaw), -math.sin(yaw)], [math.sin(yaw), math.cos(yaw)]])
    for mx, my, wide, long in PARTS.values():
        corners = np.array([(mx + a * wide / 2, my + b * long / 2)
                            for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))])
        there = (corners @ axes.T + (x, y)) / PIXEL_M + 600
        cv2.fillPoly(picture, [np.round(there * 16).astype(np.int32)], 1, shift=4)
    return picture.astype(bool)


def test_a_block_in_its_place_covers_all_of_it_and_one_far_away_nothing():
    assert covered((0.4, 0.1, 2.0), (0.4, 0.1, 2.0)) == pytest.approx(1.0, abs=1e-6)
    assert covered((0.4, 0.1, 2.0), (0.4, 0.1, 2.0 + 2 * math.pi)) == pytest.approx(1.0, abs=1e-6)
    assert covered((0.0, 0.0, 0.0), (0.4, 0.0, 1.0)) == 0.0


@pytest.mark.parametrize(('by', 'lost'), [
    ((0.01, 0.0), 0.05 * 0.01 + 0.15 * 0.01),  # at the end of the bar, and beside the stem
    ((0.0, 0.01), 0.2 * 0.01)])  # at the end of the stem, and under the rest of the bar
def test_a_shift_costs_the_strips_that_it_uncovers(by, lost):
    assert covered((*by, 0.0), (0.0, 0.0, 0.0)) == pytest.approx(1.0 - lost / 0.0175, abs=1e-4)


def test_upside_down_it_covers_what_both_have():
    # About the middle of its bar: all of the bar; the stems lie apart.
    assert covered((0.0, 0.042857, math.pi), (0.0, -0.042857, 0.0)) == pytest.approx(
        0.2 * 0.05 / 0.0175, abs=1e-4)


def test_areas_are_those_of_a_fine_raster():
    rng = np.random.default_rng(0)
    for _ in range(40):
        here = (*rng.uniform(-0.08, 0.08, 2), rng.uniform(-math.pi, math.pi))
        there = (*rng.uniform(-0.08, 0.08, 2), rng.uniform(-math.pi, math.pi))
        one, other = drawn(*here), drawn(*there)
        share = (one & other).sum() / other.sum()
        assert covered(here, there) == pytest.approx(share, abs=0.015)


def test_rectangles_share_what_opencv_says():
    rng = np.random.default_rng(1)
    for _ in range(200):
        boxes = [((*rng.uniform(-1, 1, 2).tolist(),), (*rng.uniform(0.2, 2, 2).tolist(),),
                  float(rng.uniform(0, 180))) for _ in range(2)]
        one, other = (cv2.boxPoints(box) for box in boxes)
        area = cv2.intersectConvexConvex(one, other)[0]
        assert shared_area(*([tuple(map(float, p)) for p in corners] for corners in (
            _left_about(one), _left_about(other)))) == pytest.approx(area, abs=1e-4)


def _left_about(corners):
    """Return corners anticlockwise."""
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[1]
    return corners if ax * by - ay * bx > 0.0 else corners[::-1]


def test_what_is_not_known_is_not_zero():
    assert math.isnan(covered((math.nan, 0.0, 0.0), (0.0, 0.0, 0.0)))


def test_columns_of_a_bag_give_the_bits_of_live_messages():
    rng = np.random.default_rng(2)
    poses = [[(*rng.uniform(-0.05, 0.05, 2), rng.uniform(-3, 3)) for _ in range(2)]
             for _ in range(20)]
    made = feature()
    live = [made.encode({'overlap': pose(*a), 'goal': pose(*b)}) for a, b in poses]
    columns = np.array([[v for each in pair for at in [pose(*each).pose] for v in (
        at.position.x, at.position.y, *vars(at.orientation).values())] for pair in poses]).T
    assert np.array_equal(made.encode_columns(list(columns)), np.array(live))


@pytest.mark.parametrize(('parts', 'says'), [
    ({}, 'one rectangle'), ({'bar': [0.0, 0.0, 0.2]}, 'list of 4 numbers'),
    ({'bar': [0.0, 0.0, 0.2, 0.0]}, 'two sizes above 0')])
def test_an_outline_that_is_none_is_refused(parts, says):
    with pytest.raises(ContractError, match=says):
        feature(parts_m=parts)
