"""The whole machine: what arrives when, with which stamp, and what of it is noise."""

from dataclasses import replace
import math

import numpy as np
import pytest

from ilw_core.errors import ContractError
from ilw_emulator.profile import load_emulator
from ilw_emulator.robot import Robot
from ilw_emulator.traits import (
    Body,
    ClockTraits,
    DriveTraits,
    LidarTraits,
    LinkTraits,
    OdometryTraits,
    Traits,
)

BEGIN = 1_000_000_000_000


def machine(world, seed=0, **parts):
    return Robot(replace(Traits(), **parts), Body(), world, seed, BEGIN)


def arrivals(robot, seconds, commands=()):
    """Return everything that arrives; ``commands``: (second, forward, turn)."""
    found = []
    for at, *command in (*commands, (seconds, None)):
        while (one := robot.advance(BEGIN + round(at * 1e9))) is not None:
            found.append(one)
        if command != [None]:
            robot.command(*command, BEGIN + round(at * 1e9))
    return found


def of(found, topic):
    return [one for one in found if one.topic == topic]


def test_sensors_have_their_rates_and_their_own_phases(hall):
    found = arrivals(machine(hall, lidar=LidarTraits(rate_hz=8.0)), 10.0)
    for topic, rate in (('odom', 50.0), ('joint_states', 50.0), ('scan', 8.0)):
        stamps = [one.stamp_ns for one in of(found, topic)]
        assert len(stamps) == 10 * rate
        assert np.ptp(np.diff(stamps)) <= 1
    assert (of(found, 'scan')[0].stamp_ns - of(found, 'odom')[0].stamp_ns) % 20_000_000


def test_ages_lie_between_measurement_and_stamp_and_transits_between_stamp_and_arrival(hall):
    odometry = OdometryTraits(age_s=0.03, transit_s=0.02)
    robot = machine(hall, odometry=odometry, drive=DriveTraits(timeout_s=60.0))
    found = of(arrivals(robot, 3.0, [(1.0, 0.2, 0.0)]), 'odom')
    assert {one.at_ns - one.stamp_ns for one in found} == {20_000_000}
    for one in found:
        moving_s = max(0.0, (one.stamp_ns - BEGIN) / 1e9 - 0.03 - 1.0)
        assert one.message.twist.twist.linear.x == pytest.approx(
            0.2 * (1.0 - math.exp(-moving_s / 0.05)), abs=1e-6)


def test_jitter_delays_and_never_overtakes(hall):
    odometry = OdometryTraits(transit_s=0.001, jitter_s=0.03)
    found = of(arrivals(machine(hall, odometry=odometry), 60.0), 'odom')
    late = np.array([one.at_ns - one.stamp_ns for one in found]) / 1e9
    assert late.min() >= 0.001
    assert np.mean(late) > 0.031  # waiting for the ones before comes on top
    assert np.all(np.diff([one.stamp_ns for one in found]) > 0)


def test_the_clock_is_off_and_drifts(hall):
    found = of(arrivals(machine(hall, clock=ClockTraits(0.25, 100.0)), 100.0), 'odom')
    for one in (found[0], found[-1]):
        gone_s = (one.at_ns - BEGIN) / 1e9
        assert (one.stamp_ns - one.at_ns) / 1e9 == pytest.approx(0.25 + 1e-4 * gone_s, abs=1e-8)
        stamp = one.message.header.stamp
        assert stamp.sec * 10 ** 9 + stamp.nanosec == one.stamp_ns


def test_lost_messages_are_as_many_as_asked_for(hall):
    found = arrivals(machine(hall, odometry=OdometryTraits(loss_ratio=0.2)), 100.0)
    assert len(of(found, 'odom')) == pytest.approx(4000, abs=4 * math.sqrt(5000 * 0.16))
    assert len(of(found, 'scan')) == 1000


@pytest.mark.long
def test_in_a_gap_of_the_network_nothing_gets_through(hall):
    found = arrivals(machine(hall, link=LinkTraits(gaps_per_min=6.0, gap_s=0.5)), 300.0)
    for topic, period in (('odom', 0.02), ('scan', 0.1)):
        pauses = np.diff([one.stamp_ns for one in of(found, topic)]) / 1e9
        gaps = pauses[pauses > 2 * period]
        assert len(gaps) == pytest.approx(300.0 / 10.5, abs=3 * math.sqrt(28.6))
        assert gaps.min() >= 0.5 - 1e-6
        assert np.median(gaps) <= 0.5 + 2 * period


def test_odometry_has_the_noise_asked_for(hall):
    odometry = OdometryTraits(noise_mps=0.02, noise_radps=0.1)
    found = of(arrivals(machine(hall, odometry=odometry), 40.0), 'odom')
    twists = np.array([(m.twist.twist.linear.x, m.twist.twist.angular.z)
                       for m in (one.message for one in found)])
    np.testing.assert_allclose(twists.std(0), [0.02, 0.1], rtol=0.1)
    np.testing.assert_allclose(twists.mean(0), 0.0, atol=0.01)


def test_the_lidar_sees_walls_from_where_it_really_sits(hall):
    lidar = LidarTraits(beams=360.0, mount_x_m=0.1, mount_y_m=-0.05, mount_yaw_rad=math.pi / 2)
    scan = of(arrivals(machine(hall, lidar=lidar), 1.0), 'scan')[0].message
    beam = {round(math.degrees(scan.angle_min + i * scan.angle_increment)): float(r)
            for i, r in enumerate(scan.ranges)}
    # It is told to look ahead and looks left: ahead of it is the wall at y = 4.
    assert beam[0] == pytest.approx(4.0 - 1.95, abs=1e-5)
    assert beam[-90] == pytest.approx(4.0 - 1.1, abs=1e-5)
    assert beam[90] == pytest.approx(1.1, abs=1e-5)


def test_beams_are_noisy_and_some_are_missing(hall):
    lidar = LidarTraits(beams=360.0, noise_m=0.02, missing_ratio=0.1)
    scans = np.array([one.message.ranges for one in
                      of(arrivals(machine(hall, lidar=lidar), 20.0), 'scan')])
    assert np.mean(np.isinf(scans)) == pytest.approx(0.1, abs=0.01)
    assert np.nanstd(np.where(np.isinf(scans), np.nan, scans), axis=0).mean() == pytest.approx(
        0.02, rel=0.05)


@pytest.mark.parametrize('profile', ['mild', 'typical', 'nasty'])
def test_the_same_seed_gives_the_same_bits_and_another_one_others(hall, profile):
    made = load_emulator(profile)

    def drive(seed):
        robot = Robot(made.machine(7), made.body, hall, seed, BEGIN)
        return [(one.at_ns, one.stamp_ns, repr(one.message)) for one in
                arrivals(robot, 5.0, [(i / 10, 0.1, 0.5) for i in range(40)])]

    assert drive(1) == drive(1)
    assert drive(1) != drive(2)


def test_a_machine_cannot_start_inside_a_wall(hall):
    with pytest.raises(ContractError, match='touches a wall'):
        machine(replace(hall, start=(0.1, 2.0, 0.0)))


def test_commands_reach_the_base_and_its_time_out_holds(hall):
    robot = machine(hall, drive=DriveTraits(timeout_s=0.3))
    found = of(arrivals(robot, 3.0, [(1.0, 0.2, 0.0)]), 'odom')
    seconds = np.array([one.at_ns - BEGIN for one in found]) / 1e9
    speeds = np.array([one.message.twist.twist.linear.x for one in found])
    assert not speeds[seconds < 1.0].any()
    assert speeds.max() == pytest.approx(0.2 * (1.0 - math.exp(-0.3 / 0.05)), rel=0.1)
    assert 1.28 < seconds[speeds.argmax()] <= 1.3
    assert speeds[seconds > 2.3].max() < 1e-6
