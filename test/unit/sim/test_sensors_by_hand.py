"""What the sensors measure of motions worked out by hand, and URDFs of known answers."""

from dataclasses import replace
import importlib.util
import math
from pathlib import Path
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.base.urdf import _transform
from ilw_sim.physics.diff_drive import DiffDrive
from ilw_sim.physics.robot import robot_of
from ilw_sim.sensing.options import SensorOptions
from ilw_sim.sensing.sensors import Sensors

DRIVE = DiffDrive(0.05, 0.4, 1.0, 30.0, 0.1, 0.2)
QUIET = SensorOptions(36, 8.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0)
PERIOD_S = 0.1


class Motion:
    """A world that is told where the robot is and how it moves."""

    drive, timestep_s, substeps = DRIVE, PERIOD_S / 24, 24

    def __init__(self):
        self.at, self.linear, self.angular = (0.0, 0.0, 0.0), np.zeros(3), np.zeros(3)
        self.rolled, self.seen = np.zeros(2), np.full(36, 2.0)

    def pose(self):
        return self.at

    def velocity(self):
        return self.linear.copy(), self.angular.copy()

    def wheels(self):
        return self.rolled.copy(), np.zeros(2)

    def ranges(self, pose, angles, range_max_m):
        return self.seen.copy()


def sensors(options=QUIET, seed=0):
    world = Motion()
    return world, Sensors(world, options, np.random.default_rng(seed), PERIOD_S)


def reading(world, made, **now):
    for name, value in now.items():
        setattr(world, name, np.array(value) if name != 'at' else value)
    made.watch(24)
    return made.read(0)


def felt(imu):
    a = imu.linear_acceleration
    return [a.x, a.y, a.z]


# -- the IMU

def test_at_rest_it_feels_gravity_upwards_and_no_turn():
    world, made = sensors()
    imu = reading(world, made, at=(1.0, 2.0, 0.7)).imu
    assert felt(imu) == pytest.approx([0.0, 0.0, 9.81])
    assert imu.angular_velocity.z == 0.0
    assert imu.orientation_covariance[0] == -1.0, 'it knows no orientation'


@pytest.mark.parametrize('yaw', [0.0, 0.8, -2.2, 3.0])
def test_speeding_up_is_felt_ahead_and_braking_behind(yaw):
    world, made = sensors()
    heading = np.array([math.cos(yaw), math.sin(yaw), 0.0])
    assert felt(reading(world, made, at=(0.0, 0.0, yaw), linear=0.3 * heading).imu) == (
        pytest.approx([3.0, 0.0, 9.81]))
    assert felt(reading(world, made, linear=0.3 * heading).imu) == pytest.approx([0, 0, 9.81])
    assert felt(reading(world, made, linear=0.1 * heading).imu) == pytest.approx(
        [-2.0, 0.0, 9.81])


@pytest.mark.parametrize('turn', [0.5, -1.2])
@pytest.mark.parametrize('yaw', [0.3, -2.0, 2.8])
def test_in_a_curve_it_is_pulled_to_the_inside_and_turns_as_the_robot_does(turn, yaw):
    """Left is +y (REP 103), so a left curve is felt as + v * w on y."""
    world, made = sensors()
    speed, step = 0.4, 1e-4
    for angle in (yaw - step, yaw):
        direction = np.array([math.cos(angle), math.sin(angle), 0.0]) * speed
        imu = reading(world, made, at=(0.0, 0.0, angle), linear=direction,
                      angular=[0.0, 0.0, turn]).imu
    change_rate = speed * step / PERIOD_S  # of a turn to the left, whichever the gyro says
    assert felt(imu)[1] == pytest.approx(change_rate, rel=1e-2)
    assert felt(imu)[0] == pytest.approx(0.0, abs=1e-6)
    assert imu.angular_velocity.z == turn


def test_a_drop_is_felt_as_less_weight():
    world, made = sensors()
    assert felt(reading(world, made, linear=[0.0, 0.0, -0.2]).imu)[2] == pytest.approx(7.81)


@pytest.mark.parametrize(('options', 'gyro', 'acceleration'), [
    (replace(QUIET, gyro_noise_radps=0.2), 0.2, 0.0),
    (replace(QUIET, acceleration_noise_mps2=0.7), 0.0, 0.7)])
def test_its_noise_is_as_large_as_was_asked(options, gyro, acceleration):
    world, made = sensors(options)
    found = [reading(world, made).imu for _ in range(600)]
    turns = np.array([[m.angular_velocity.x, m.angular_velocity.y, m.angular_velocity.z]
                      for m in found])
    pulls = np.array([felt(m) for m in found])
    assert turns.std(axis=0) == pytest.approx([gyro] * 3, rel=0.12)
    assert pulls.std(axis=0) == pytest.approx([acceleration] * 3, rel=0.12)
    assert pulls.mean(axis=0) == pytest.approx([0.0, 0.0, 9.81], abs=0.12)


# -- odometry

@pytest.mark.parametrize(('rolled', 'speed', 'turn'), [
    ((2.0, 2.0), 1.0, 0.0), ((-1.0, 1.0), 0.0, 2.5), ((1.0, 3.0), 1.0, 2.5),
    ((0.0, 0.8), 0.2, 1.0)])
def test_odometry_is_what_the_wheels_rolled(rolled, speed, turn):
    world, made = sensors()
    odom = reading(world, made, rolled=rolled).odom
    assert odom.twist.twist.linear.x == pytest.approx(speed * 0.1 / PERIOD_S)
    assert odom.twist.twist.angular.z == pytest.approx(turn * 0.1 / PERIOD_S)
    yaw = 2 * math.atan2(odom.pose.pose.orientation.z, odom.pose.pose.orientation.w)
    assert yaw == pytest.approx(turn * 0.1)


def test_each_wheel_slips_by_itself():
    """The same slip of both would never turn a robot that drives straight."""
    world, made = sensors(replace(QUIET, odom_slip_noise_ratio=0.05))
    turns, speeds = [], []
    for k in range(1, 500):
        twist = reading(world, made, rolled=(2.0 * k, 2.0 * k)).odom.twist.twist
        speeds.append(twist.linear.x)
        turns.append(twist.angular.z)
    # Both wheels roll 1 m/s; of each the error is 5 %.
    assert np.std(speeds) == pytest.approx(0.05 / math.sqrt(2.0), rel=0.15)
    assert np.std(turns) == pytest.approx(0.05 * math.sqrt(2.0) / 0.4, rel=0.15)
    assert abs(np.corrcoef(speeds, turns)[0, 1]) < 0.15


def test_each_wheel_has_an_error_of_its_own_that_stays():
    turns = []
    for seed in range(200):
        world, made = sensors(replace(QUIET, odom_scale_noise_ratio=0.05), seed)
        first, second = (reading(world, made, rolled=(2.0 * k, 2.0 * k)).odom.twist.twist
                         for k in (1, 2))
        assert first.angular.z == pytest.approx(second.angular.z)
        turns.append(first.angular.z)
    assert np.std(turns) == pytest.approx(0.05 * math.sqrt(2.0) / 0.4, rel=0.2)


# -- the lidar

def test_a_scan_is_cut_at_its_nearest_and_has_no_return_beyond_its_farthest():
    world, made = sensors()
    scan = reading(world, made, seen=[0.05, 0.1, 3.0, 8.0, 8.01, math.inf] + [1.0] * 30).scan
    assert scan.ranges[:6].tolist() == pytest.approx(
        [0.1, 0.1, 3.0, 8.0, math.inf, math.inf], rel=1e-6)
    assert (scan.range_min, scan.range_max) == (pytest.approx(0.1), 8.0)


def test_the_lidars_noise_is_as_large_as_was_asked():
    world, made = sensors(replace(QUIET, lidar_noise_m=0.03))
    seen = np.concatenate([reading(world, made).scan.ranges for _ in range(60)])
    assert np.std(seen) == pytest.approx(0.03, rel=0.08) and np.mean(seen) == pytest.approx(
        2.0, abs=0.003)


# -- URDFs

@pytest.mark.parametrize(('rpy', 'point', 'where'), [
    ((0.0, 0.5, 0.0), (1.0, 0.0, 0.0), (math.cos(0.5), 0.0, -math.sin(0.5))),
    ((0.0, 0.5, 0.0), (0.0, 0.0, 1.0), (math.sin(0.5), 0.0, math.cos(0.5))),
    ((0.5, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, math.cos(0.5), math.sin(0.5))),
    ((0.0, 0.0, 0.5), (1.0, 0.0, 0.0), (math.cos(0.5), math.sin(0.5), 0.0)),
    ((math.pi / 2, 0.0, math.pi / 2), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    ((0.0, math.pi / 2, math.pi / 2), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0))])
def test_an_origin_rolls_then_pitches_then_yaws(rpy, point, where):
    origin = {'xyz': '0.1 0.2 0.3', 'rpy': ' '.join(map(str, rpy))}
    place = _transform(SimpleNamespace(get=origin.get))
    assert place @ [*point, 1.0] == pytest.approx(
        [*np.add(where, (0.1, 0.2, 0.3)), 1.0])


_SPEC = importlib.util.spec_from_file_location('urdfs', Path(__file__).with_name('test_robot.py'))
sys.modules['urdfs'] = urdfs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(urdfs)
own = urdfs.own


@pytest.mark.parametrize(('left', 'right', 'fastest'), [(20, 12, 12), (7, 20, 7), (9, 9, 9)])
def test_both_wheels_can_do_what_the_slower_one_can(own, left, right, fastest):
    wheels = ''.join(urdfs.WHEEL.format(
        side=side, y=y, x=0.0, shape=urdfs.CYLINDER, kind='collision',
        limit=f'<limit velocity="{speed}" effort="2"/>')
        for side, y, speed in (('left', 0.125, left), ('right', -0.125, right)))
    text = f'<robot name="own"><link name="base_link">{urdfs.BOX}</link>{wheels}</robot>'
    assert robot_of(own(text)).speed_radps == fastest


@pytest.mark.parametrize(('radius', 'at'), [(0.3, '0 0 0'), (0.25, '0.1 0.05 0'),
                                            (0.2, '-0.2 0.1 0.4')])
def test_a_sphere_reaches_as_far_as_its_radius(own, radius, at):
    body = (f'<collision><origin xyz="{at}"/><geometry><sphere radius="{radius}"/></geometry>'
            f'</collision>')
    x, y, _ = map(float, at.split())
    assert robot_of(own(urdfs.urdf(body=body))).radius_m == pytest.approx(
        math.hypot(x, y) + radius)


@pytest.mark.parametrize(('rpy', 'reach'), [
    ('0 0 0', math.hypot(0.3, 0.05)), ('0 0 0.7853981633974483', math.hypot(0.3, 0.05)),
    ('0 1.5707963267948966 0', math.hypot(0.1, 0.05)),
    ('0 0.5 0', math.hypot(0.3 * math.cos(0.5) + 0.1 * math.sin(0.5), 0.05))])
def test_a_box_that_leans_is_as_long_as_its_shadow(own, rpy, reach):
    body = (f'<collision><origin rpy="{rpy}"/><geometry><box size="0.6 0.1 0.2"/></geometry>'
            f'</collision>')
    assert robot_of(own(urdfs.urdf(body=body, sides=(('left', 0.02), ('right', -0.02))))
                    ).radius_m == pytest.approx(reach, abs=2e-3)


@pytest.mark.parametrize('sign', [1.0, -1.0])
def test_a_mast_that_leans_forward_reaches_forward(own, sign):
    """Pitch is a turn about y (left): what stands on top goes ahead."""
    mast = (f'<link name="top"><collision><origin xyz="0 0 0.6"/><geometry><sphere radius="0.05"/>'
            f'</geometry></collision></link><joint name="mast" type="fixed">'
            f'<parent link="base_link"/><child link="top"/>'
            f'<origin xyz="0 0 0" rpy="0 {0.4 * sign} 0"/></joint>')
    base = (f'<collision><origin xyz="{0.2 * sign} 0 0"/><geometry><sphere radius="0.02"/>'
            f'</geometry></collision>')
    robot = robot_of(own(urdfs.urdf(body=base, more=mast, x=0.1 * sign,
                                    shape='<sphere radius="0.05"/>')))
    assert robot.radius_m == pytest.approx(0.6 * math.sin(0.4) - 0.1 + 0.05, abs=2e-3)
