"""What the arm's experts do follows from what is seen, and nowhere do they stand for good."""

import math

import numpy as np
import pytest

from ilw_sim.arm.tasks.lift import LiftExpert
from ilw_sim.arm.tasks.reach import ReachExpert
from ilw_sim.arm.tasks.view import Intent, View

SIDE_M, OPEN_M = 0.04, 0.04
CUBE = np.array([0.5, 0.0, 0.02])


def lift(off, finger_m=OPEN_M, turned=0.0):
    """Return what the expert wants with the tool so far from the cube [m]."""
    view = View(np.add(CUBE, off), 0.0, finger_m, {'cube': (CUBE, turned)}, 0)
    return LiftExpert(SIDE_M, OPEN_M).drive(view)


def stands(intent: Intent) -> bool:
    return not intent.linear_mps.any() and not intent.turn_radps


def test_far_from_the_cube_it_goes_there_with_open_fingers():
    wanted = lift([0.1, -0.2, 0.3])
    assert wanted.linear_mps[0] < 0.0 < wanted.linear_mps[1]
    assert wanted.linear_mps[2] < 0.0 and not wanted.close


def test_low_beside_the_cube_it_goes_up_first():
    wanted = lift([0.08, 0.0, 0.0])
    assert wanted.linear_mps[2] > 0.1 and not wanted.linear_mps[:2].any()


@pytest.mark.parametrize('off_m', [0.0, 0.004, -0.008])
def test_between_open_fingers_the_cube_is_gripped_though_a_little_aside(off_m):
    wanted = lift([off_m, -off_m, off_m])
    assert stands(wanted) and wanted.close


def test_what_it_grips_it_lifts():
    wanted = lift([0.0, 0.0, 0.0], finger_m=SIDE_M / 2)
    assert wanted.close and wanted.linear_mps == pytest.approx([0.0, 0.0, 0.2])


def test_a_turned_cube_is_not_gripped_before_the_tool_is_turned_too():
    wanted = lift([0.0, 0.0, 0.0], turned=0.4)
    assert wanted.turn_radps > 0.0 and not wanted.close
    assert lift([0.0, 0.0, 0.1], turned=math.pi / 2).turn_radps == pytest.approx(0.0)


def test_fingers_that_are_a_little_closed_do_not_keep_it_from_going_on():
    assert not stands(lift([0.02, 0.0, 0.05], finger_m=0.033))


def test_closed_fingers_open_before_it_moves_beside_the_cube():
    wanted = lift([0.0, 0.0, 0.05], finger_m=0.01)
    assert stands(wanted) and not wanted.close


def test_wherever_the_tool_is_with_open_fingers_something_happens():
    for aside in np.linspace(0.0, 0.2, 41):
        for above in np.linspace(-0.01, 0.3, 32):
            wanted = lift([aside, 0.0, above])
            fast = float(np.linalg.norm(wanted.linear_mps)) > 0.02
            assert fast or wanted.close, (aside, above)


def test_the_reaching_expert_goes_over_the_cube_that_is_meant():
    cubes = {'red': (CUBE, 0.0), 'blue': (np.add(CUBE, [0.0, 0.2, 0.0]), 0.0)}
    for target, sign in ((0, -1.0), (1, 1.0)):
        view = View(np.add(CUBE, [0.0, 0.1, 0.2]), 0.0, OPEN_M, cubes, target)
        assert sign * ReachExpert(SIDE_M).drive(view).linear_mps[1] > 0.0
