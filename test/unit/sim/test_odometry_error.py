"""What the simulated sensors say of their own noise, against worked numbers and against truth."""

import math

import numpy as np
import pytest

from ilw_sim.sensing import readings
from ilw_sim.sensing.odometry_error import OdometryError
from ilw_sim.simulation import Simulation

PLANE = np.ix_((0, 1, 5), (0, 1, 5))


def plane(covariance):
    return np.asarray(covariance).reshape(6, 6)[PLANE]


def test_straight_ahead_slip_grows_along_the_way_and_turns_into_a_sideways_error():
    error = OdometryError(0.0, 0.01, track_m=0.5)
    for _ in range(4):
        error.move(0.0, 1.0, 1.0)
    p = plane(error.pose_covariance())
    assert p[0, 0] == pytest.approx(4 * 0.01 ** 2 / 2, rel=1e-3), 'each wheel errs on its own'
    turn = 2 * 0.01 ** 2 / 0.5 ** 2
    assert p[2, 2] == pytest.approx(4 * turn, rel=1e-3)
    assert p[1, 1] == pytest.approx((9 + 4 + 1) * turn, rel=1e-3), 'heading error times the way'
    assert p[1, 2] == pytest.approx((3 + 2 + 1) * turn, rel=1e-3)


@pytest.mark.parametrize('heading', [0.0, 0.7, math.pi / 2, -2.5])
def test_the_ellipse_turns_with_the_heading(heading):
    along, error = OdometryError(0.0, 0.02, 0.3), OdometryError(0.0, 0.02, 0.3)
    for travel in ((0.1, 0.12), (0.2, 0.1)):
        along.move(0.0, *travel)
        error.move(heading, *travel)
    cos, sin = math.cos(heading), math.sin(heading)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    assert plane(error.pose_covariance()) == pytest.approx(
        turn @ plane(along.pose_covariance()) @ turn.T, abs=1e-8)


@pytest.mark.parametrize(('ticks', 'ratio'), [(1, 0.002), (5, 0.002), (40, 0.01)])
def test_an_error_that_stays_the_same_adds_up_by_its_deviation_not_its_variance(ticks, ratio):
    error = OdometryError(ratio, 0.0, track_m=0.4)
    for _ in range(ticks):
        error.move(0.0, 0.1, 0.1)
    assert plane(error.pose_covariance())[0, 0] == pytest.approx(
        (ratio * 0.1 * ticks) ** 2 / 2, rel=1e-2, abs=2e-9)


@pytest.mark.parametrize(('forward', 'turn', 'noise_mps', 'noise_radps'), [
    (0.4, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.3, 0.5, 0.02, 0.05)])
def test_the_speeds_are_as_uncertain_as_the_wheels_make_them(
        forward, turn, noise_mps, noise_radps):
    rng, track = np.random.default_rng(0), 0.24
    wheels = np.array([forward - turn * track / 2, forward + turn * track / 2])
    drawn = wheels * (1 + 0.03 * rng.standard_normal((200_000, 2)))
    speeds = np.stack([drawn.mean(axis=1), (drawn[:, 1] - drawn[:, 0]) / track], axis=1)
    speeds += np.array([noise_mps, noise_radps]) * rng.standard_normal(speeds.shape)
    p = np.array(OdometryError(0.0, 0.03, track).twist_covariance(
        (forward, turn), noise_mps, noise_radps)).reshape(6, 6)[np.ix_((0, 5), (0, 5))]
    assert p == pytest.approx(np.cov(speeds.T), rel=0.02, abs=8e-6)


@pytest.mark.long
@pytest.mark.parametrize(('forward', 'turn'), [(0.2, 0.0), (0.0, 0.8), (0.25, 0.3)])
def test_the_covariance_covers_how_far_odometry_is_off(clutter, forward, turn):
    simulation, squares, steps = Simulation(clutter), [], 25
    for seed in range(30):
        simulation.reset(seed)
        ticks = [simulation.step(np.array([forward, turn])) for _ in range(steps)]
        if any(tick.contact for tick in ticks):
            continue  # wheels that spin at a wall are no odometry
        off = np.subtract(simulation.odom_pose, simulation.pose)
        off[2] = readings.wrap(off[2])
        p = plane(simulation.tick.readings.odom.pose.covariance)
        squares.append(off @ np.linalg.solve(p, off))
    simulation.close()
    assert len(squares) > 10
    assert 1.0 < np.mean(squares) < 12.0, 'three would be exact; physics slips a little more'


def test_no_covariance_of_odometry_and_imu_is_zero_and_noise_is_its_square(clutter):
    simulation = Simulation(clutter)
    measured = simulation.reset(1).readings
    simulation.close()
    for covariance in (measured.odom.pose.covariance, measured.odom.twist.covariance,
                       measured.ground_truth.pose.covariance):
        full = np.reshape(covariance, (6, 6))
        assert np.all(np.linalg.eigvalsh(full) > 0.0)
    imu = measured.imu
    assert imu.orientation_covariance[0] == -1.0, 'it measures none'
    assert np.reshape(imu.angular_velocity_covariance, (3, 3)) == pytest.approx(
        np.eye(3) * 0.005 ** 2, rel=1e-3)
    assert np.reshape(imu.linear_acceleration_covariance, (3, 3)) == pytest.approx(
        np.eye(3) * 0.05 ** 2, rel=1e-3)
