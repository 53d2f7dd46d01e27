"""The emulated base against closed-form answers."""

import math

import numpy as np
import pytest


@pytest.mark.parametrize('seconds', [0.05, 0.137, 0.6])
def test_the_forward_speed_follows_a_step_as_a_first_order_lag(course, seconds):
    drive = course(lag_s=0.12, turn_lag_s=0.3).command(0.4, 0.0).at(seconds)
    left = math.exp(-seconds / 0.12)
    assert drive.twist == pytest.approx((0.4 * (1.0 - left), 0.0), abs=1e-12)
    assert drive.pose[0] == pytest.approx(0.4 * (seconds - 0.12 * (1.0 - left)), abs=1e-9)


@pytest.mark.parametrize('seconds', [0.05, 0.137, 0.6])
def test_the_turn_rate_follows_with_its_own_lag(course, seconds):
    drive = course(lag_s=0.12, turn_lag_s=0.3).command(0.0, 1.0).at(seconds)
    left = math.exp(-seconds / 0.3)
    assert drive.twist == pytest.approx((0.0, 1.0 - left), abs=1e-12)
    assert drive.pose[2] == pytest.approx(seconds - 0.3 * (1.0 - left), abs=1e-9)


def test_nothing_moves_before_the_latency_is_over_and_something_right_after(course):
    driven = course(latency_s=0.08).command(0.4, 0.0, 1.0)
    assert driven.at(1.08).twist == (0.0, 0.0)
    assert driven.at(1.0801).twist[0] == pytest.approx(0.4 * (1.0 - math.exp(-0.0001 / 0.05)))


def test_jitter_has_the_mean_that_was_asked_for(course):
    begun = []
    for seed in range(400):
        driven = course(seed=seed, latency_s=0.03, jitter_s=0.02).command(0.4, 0.0)
        speed = driven.at(0.4).twist[0]  # 0.4 s is 8 lags: its log tells when it began
        begun.append(0.4 + 0.05 * math.log(1.0 - speed / 0.4))
    assert min(begun) >= 0.03 - 1e-6
    assert np.mean(begun) == pytest.approx(0.05, abs=4 * 0.02 / math.sqrt(400))


def test_a_late_command_is_not_overtaken_by_the_next(course):
    for seed in range(50):
        driven = course(seed=seed, jitter_s=0.3).command(0.4, 0.0).command(0.1, 0.0, 0.01)
        assert driven.at(9.0).twist[0] == pytest.approx(0.1)


def test_without_commands_it_stops_after_its_own_time_out(course):
    driven = course(timeout_s=0.5, latency_s=0.1, lag_s=0.05).command(0.4, 0.0)
    assert driven.at(0.6).twist[0] == pytest.approx(0.4, abs=1e-4)
    assert driven.at(0.65).twist[0] == pytest.approx(0.4 * math.exp(-1.0), abs=1e-4)
    assert driven.command(0.2, 0.0, 3.0).at(3.5).twist[0] == pytest.approx(0.2, abs=1e-3)


def test_gains_scale_what_was_asked_for(course):
    speed, turn = course(gain_ratio=0.9).command(0.4, 0.5).moved(2.0, 4.0)
    assert (speed, turn) == pytest.approx((0.36, 0.45))


def test_commands_below_a_dead_zone_are_zero_and_above_it_whole(course):
    traits = {'dead_zone_mps': 0.05, 'turn_dead_zone_radps': 0.2}
    for asked, expected in (((0.049, 0.0), (0.0, 0.0)), ((0.05, 0.0), (0.05, 0.0)),
                            ((-0.3, 0.19), (-0.3, 0.0)), ((0.04, -0.2), (0.0, -0.2))):
        assert course(**traits).command(*asked).moved(2.0, 3.0) == pytest.approx(expected)


def test_a_wheel_below_its_dead_zone_stands_and_the_other_goes_on(course):
    # 0.1 m/s and 0.8 rad/s: the left wheel is asked for 0.004 m/s, the right one for 0.196.
    speed, turn = course(wheel_dead_zone_mps=0.01).command(0.1, 0.8).moved(2.0, 3.0)
    assert (speed, turn) == pytest.approx((0.098, 0.196 / 0.24))


@pytest.mark.parametrize('kind', ['gain_difference_ratio', 'radius_difference_ratio'])
def test_unequal_wheels_make_an_arc_of_the_computed_radius(course, kind):
    driven = course(**{kind: 0.05}, track_ratio=1.1).command(0.3, 0.0)
    left, right, track = 0.975, 1.025, 1.1 * 0.24
    radius = 0.5 * track * (right + left) / (right - left)
    a, b, c = (np.array(driven.at(seconds).pose[:2]) for seconds in (2.0, 12.0, 22.0))
    sides = [np.linalg.norm(p - q) for p, q in ((a, b), (b, c), (c, a))]
    area = 0.5 * abs((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0])
    assert np.prod(sides) / (4.0 * area) == pytest.approx(radius)  # circle through three points


def test_encoders_see_what_motors_do_and_not_what_tyres_do(course):
    motors = course(gain_difference_ratio=0.05).command(0.3, 0.0).at(5.0)
    assert motors.odom_pose == pytest.approx(motors.pose)
    tyres = course(radius_ratio=0.9, radius_difference_ratio=0.05).command(0.3, 0.0).at(5.0)
    assert tyres.odom_pose[1:] == (0.0, 0.0)
    assert tyres.pose[2] > 0.2
    assert tyres.path_length_m == pytest.approx(0.9 * tyres.odom_pose[0], rel=1e-3)


def test_motors_of_unequal_strength_turn_it_only_while_it_speeds_up(course):
    driven = course(lag_s=0.1, turn_lag_s=0.1, lag_difference_ratio=0.1).command(0.4, 0.0)
    assert driven.at(0.05).twist[1] > 0.05  # the right one is the stronger
    assert driven.at(3.0).twist == pytest.approx((0.4, 0.0), abs=1e-9)
    lost = 0.4 * 3.0 - 0.5 * sum(driven.drive.wheel_rad) * 0.033
    assert lost / 0.4 == pytest.approx(0.1, rel=2 * 0.1 ** 2)  # the lag, to second order


def test_a_battery_takes_from_both_gains_as_time_goes_by(course):
    driven = course(battery_sag_per_s=1e-3).command(0.4, 0.5)
    moved = driven.command(0.4, 0.5, 59.0).moved(99.5, 100.5)
    assert moved == pytest.approx((0.36, 0.45), abs=1e-4)  # which it follows with its lag
    assert driven.drive.charge_ratio == pytest.approx(0.8995)


def test_slips_cost_the_part_of_the_way_that_was_asked_for_and_odometry_does_not_know(course):
    ways = []
    for seed in range(30):
        driven = course(seed=seed, slips_per_s=0.5, slip_s=0.2, slip_loss_ratio=0.5)
        drive = driven.command(0.4, 0.0).at(50.0)
        ways.append(drive.path_length_m / drive.odom_pose[0])
        assert drive.odom_pose[2] == 0.0
        assert drive.pose[2] != 0.0
    # A slip follows 2 s after the last one's end: 1 / 2.2 s of them, a quarter of 0.2 s lost each.
    assert np.mean(ways) == pytest.approx(1.0 - 0.5 * 0.5 * 0.2 / 2.2, abs=0.003)


def test_a_wall_holds_the_body_and_not_the_wheels(course, hall):
    driven = course(world=hall).command(0.5, 0.0)
    drive = driven.at(20.0)
    assert drive.touched == 'wall'
    assert 4.0 - 0.16 - 0.006 < drive.pose[0] <= 4.0 - 0.16
    assert drive.odom_pose[0] > 10.0
    assert driven.command(-0.5, 0.0, 20.0).at(22.0).pose[0] < 3.1, 'it can back off'


def test_a_command_that_is_no_number_is_refused(course):
    drive = course().command(0.3, 0.0).command(math.nan, 0.0, 0.1).at(2.0)
    assert drive.refused == 1
    assert drive.twist[0] == pytest.approx(0.3)
