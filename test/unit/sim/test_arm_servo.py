"""The servo: a twist becomes joint speeds, slower near singularities and limits. No physics."""

import numpy as np
import pytest

from ilw_sim.arm.servo import (
    LOWER_CONDITION,
    STOP_CONDITION,
    JointLimits,
    Servo,
    joint_speeds,
    limited,
    singularity_ratio,
)

LIMITS = JointLimits(np.full(7, -1.0), np.full(7, 1.0), np.full(7, 2.0))
HERE = np.zeros(7)
JACOBIAN = np.eye(6, 7)


def test_the_joints_move_the_tool_as_the_twist_says():
    jacobian = np.random.default_rng(0).normal(size=(6, 7))
    twist = np.array([0.1, -0.2, 0.05, 0.0, 0.3, -0.4])
    assert jacobian @ joint_speeds(jacobian, twist) == pytest.approx(twist, abs=1e-4)


def test_far_from_a_singularity_and_away_from_it_nothing_is_slower():
    assert singularity_ratio(LOWER_CONDITION, STOP_CONDITION) == 1.0
    assert singularity_ratio(25.0, 24.0) == 1.0


def test_towards_a_singularity_the_arm_slows_down_and_stops():
    middle = (LOWER_CONDITION + STOP_CONDITION) / 2
    assert singularity_ratio(middle, middle + 1.0) == pytest.approx(0.5)
    assert singularity_ratio(STOP_CONDITION, STOP_CONDITION + 1.0) == 0.0
    assert singularity_ratio(STOP_CONDITION + 5.0, STOP_CONDITION + 6.0) == 0.0


def test_the_servo_stops_where_its_jacobian_degenerates_and_goes_back_out():
    def jacobian_of(joints):  # its first direction is lost as the first joint goes to 1
        jacobian = JACOBIAN.copy()
        jacobian[0, 0] = 1.0 - joints[0]
        return jacobian

    servo = Servo(JointLimits(np.full(7, -2.0), np.full(7, 2.0), np.full(7, 1e3)), jacobian_of)
    joints = HERE.copy()
    joints[0] = 0.968  # condition 31: beyond the stop
    inwards = servo.speeds(joints, np.array([1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]))
    outwards = servo.speeds(joints, np.array([-1e-3, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert not inwards.any()
    assert outwards[0] == pytest.approx(-1e-3 / 0.032, rel=0.01)


def test_joints_that_would_be_too_fast_are_slowed_alike():
    wanted = np.array([4.0, 1.0, 0.0, 0.0, 0.0, 0.0, -2.0])
    assert limited(wanted, HERE, LIMITS) == pytest.approx(wanted / 2)
    assert limited(wanted / 4, HERE, LIMITS) == pytest.approx(wanted / 4)


def test_a_joint_near_its_limit_stops_the_arm_but_may_go_back():
    near = HERE.copy()
    near[2] = 0.97
    towards = np.array([0.5, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0])
    assert not limited(towards, near, LIMITS).any()
    assert limited(-towards, near, LIMITS) == pytest.approx(-towards)
    assert not limited(-towards, -near, LIMITS).any()


def test_no_twist_is_no_motion_and_asks_for_no_jacobian():
    def never(_):
        raise AssertionError

    assert not Servo(LIMITS, never).speeds(HERE, np.zeros(6)).any()
