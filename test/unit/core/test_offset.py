"""The codec ``offset``: where something lies, seen from the tool, by hand."""

import math
from types import SimpleNamespace as Plain

import numpy as np
import pytest

from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_core.features.codecs.offset import offset


def pose(x, y, z, yaw=0.0, *, down=False):
    """Return a PoseStamped; ``down``: it looks at the table, as the tool of an arm does."""
    sin, cos = math.sin(yaw / 2), math.cos(yaw / 2)
    turned = (cos, sin, 0.0, 0.0) if down else (0.0, 0.0, sin, cos)
    return Plain(pose=Plain(position=Plain(x=x, y=y, z=z), orientation=Plain(
        **dict(zip('xyzw', turned, strict=True)))))


def seen(cube, tool, **options):
    feature = offset('cube', Section({'pose_from': 'tool', **options}, 'observation.cube'))
    return feature.encode({'cube': cube, 'tool': tool})


def test_the_way_is_along_the_axes_of_the_frame_however_the_tool_is_turned():
    for yaw in (0.0, 1.0, -2.0):
        values = seen(pose(0.5, 0.1, 0.02), pose(0.4, 0.3, 0.22, yaw, down=True))
        assert values[:3] == pytest.approx([0.1, -0.2, -0.2])


def test_the_turn_is_the_cubes_past_the_tools():
    values = seen(pose(0.5, 0.1, 0.02, 0.7), pose(0.5, 0.1, 0.2, 0.2, down=True))
    assert values[3:] == pytest.approx([math.sin(0.5), math.cos(0.5)])


def test_a_cube_looks_alike_after_a_quarter_turn():
    tool = pose(0.4, 0.0, 0.2, 0.1, down=True)
    turned = [seen(pose(0.5, 0.0, 0.0, 0.3 + k * math.pi / 2), tool, alike=4) for k in range(4)]
    for each in turned:
        assert each == pytest.approx(turned[0], abs=1e-6)
    assert turned[0][3] == pytest.approx(math.sin(0.8))


def test_what_is_far_is_at_the_end_of_the_range_and_what_is_nowhere_is_not_known():
    tool = pose(0.0, 0.0, 0.0, down=True)
    assert seen(pose(3.0, -3.0, 0.1), tool, distance_max_m=0.5)[:3] == pytest.approx(
        [0.5, -0.5, 0.1])
    assert np.isnan(seen(pose(math.nan, 0.0, 0.0), tool)[0])
    broken = pose(0.1, 0.0, 0.0)
    broken.pose.orientation.w = 0.0
    assert np.isnan(seen(broken, tool)[3:]).all()


def test_of_what_looks_alike_however_it_is_turned_only_the_way_is_told():
    values = seen(pose(0.5, 0.1, 0.02, 0.7), pose(0.4, 0.3, 0.22, down=True), alike=0)
    assert values == pytest.approx([0.1, -0.2, -0.2])
    feature = offset('ball', Section({'pose_from': 'tool', 'alike': 0}, 'observation.ball'))
    assert feature.names == ('ball.x_m', 'ball.y_m', 'ball.z_m')
    assert len(feature.low) == len(feature.high) == 3


def test_a_cube_that_looks_alike_less_than_never_is_refused():
    with pytest.raises(ContractError, match=r'observation\.cube\.alike must be a whole number'):
        offset('cube', Section({'pose_from': 'tool', 'alike': -1}, 'observation.cube'))
