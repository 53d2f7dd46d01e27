"""What the robot measures of its world, with noise from the episode's random generator."""

from dataclasses import dataclass
import math
from types import SimpleNamespace as Plain
from typing import TYPE_CHECKING

import numpy as np

from ilw_core.base.plant import Plant
from ilw_sim.physics.actuation import Past
from ilw_sim.physics.diff_drive import Pose, advance
from ilw_sim.sensing import readings
from ilw_sim.sensing.odometry_error import OdometryError
from ilw_sim.sensing.options import SensorOptions

if TYPE_CHECKING:  # it brings PyBullet
    from ilw_sim.physics.world import World

_GRAVITY_MPS2 = 9.81


@dataclass
class Readings:
    """One tick's measurements, each shaped like its message."""

    scan: Plain
    odom: Plain
    joint_states: Plain
    imu: Plain
    ground_truth: Plain


class Sensors:
    """
    The sensors of one episode. Odometry starts at the true pose and drifts from there.

    A message has the stamp of its tick, as a driver stamps what it has just received; what it
    tells of is older by the plant's delay. Without a plant odometry tells the mean speed of its
    tick; with one, the speed at the instant that it tells of, as encoders read often do.
    """

    def __init__(
        self, world: 'World', options: SensorOptions, rng: np.random.Generator, period_s: float,
        plant: Plant | None = None,
    ) -> None:
        self._world, self._options, self._rng = world, options, rng
        self._period_s, self._plant = period_s, plant
        delays, clock = plant or Plant(), (world.timestep_s, world.substeps)
        self._seen_from: Past[Pose] = Past(delays.scan_delay_s, *clock, world.pose())
        self._turned = Past(delays.odom_delay_s, *clock, world.wheels())
        self._angles = np.arange(options.lidar_rays) * (2.0 * math.pi / options.lidar_rays)
        self._scale = 1.0 + options.odom_scale_noise_ratio * rng.standard_normal(2)
        self.odom_pose: Pose = world.pose()
        self._error = OdometryError(options.odom_scale_noise_ratio, options.odom_slip_noise_ratio,
                                    world.drive.track_m)
        self._wheel_rad = world.wheels()[0]
        self._velocity = world.velocity()[0]

    def watch(self, done: int) -> None:
        """Look at what is told of later; call it after each physics step of a tick, counted."""
        if done == self._seen_from.at:
            self._seen_from.keep(self._world.pose())
        if done == self._turned.at:
            self._turned.keep(self._world.wheels())

    def read(self, stamp_ns: int) -> Readings:
        """Measure once; call it once per tick, in order."""
        pose = self._world.pose()
        position, speed = self._world.wheels()
        linear, angular = self._world.velocity()
        return Readings(
            self._scan(stamp_ns, self._seen_from.read()),
            self._odometry(stamp_ns, *self._turned.read()),
            readings.joint_state(stamp_ns, self._world.drive.joints, position, speed),
            self._imu(stamp_ns, pose, linear, angular),
            readings.odometry(stamp_ns, readings.MAP, pose, (
                linear[0] * math.cos(pose[2]) + linear[1] * math.sin(pose[2]), angular[2])))

    def _scan(self, stamp_ns: int, pose: Pose) -> Plain:
        o = self._options
        ranges = self._world.ranges(pose, self._angles, o.lidar_range_m)
        ranges += o.lidar_noise_m * self._rng.standard_normal(len(ranges))
        ranges[ranges < o.lidar_range_min_m] = o.lidar_range_min_m
        ranges[ranges > o.lidar_range_m] = math.inf  # as REP 117 wants it: noise is no distance
        return readings.laser_scan(
            stamp_ns, ranges, range_min=o.lidar_range_min_m, range_max=o.lidar_range_m,
            scan_time=self._period_s)

    def _odometry(self, stamp_ns: int, position: np.ndarray, speed: np.ndarray) -> Plain:
        slip = self._options.odom_slip_noise_ratio * self._rng.standard_normal(2)
        turned = (position - self._wheel_rad) * (self._scale + slip)
        self._wheel_rad = position
        distance_m, turn_rad = self._world.drive.travel(*turned)
        radius_m = self._world.drive.wheel_radius_m
        self._error.move(self.odom_pose[2] + 0.5 * float(turn_rad),
                         radius_m * float(turned[0]), radius_m * float(turned[1]))
        self.odom_pose = advance(self.odom_pose, float(distance_m), float(turn_rad))
        twist = (float(distance_m) / self._period_s, float(turn_rad) / self._period_s)
        noise_mps = noise_radps = 0.0
        if self._plant is not None:
            noise = self._rng.standard_normal(2)
            noise_mps = self._plant.odom_noise_mps
            noise_radps = self._plant.odom_noise_radps
            now = self._world.drive.travel(*(speed * (self._scale + slip)))
            twist = (float(now[0] + noise_mps * noise[0]), float(now[1] + noise_radps * noise[1]))
        return readings.odometry(
            stamp_ns, readings.ODOM, self.odom_pose, twist, self._error.pose_covariance(),
            self._error.twist_covariance(twist, noise_mps, noise_radps))

    def _imu(
        self, stamp_ns: int, pose: Pose, linear: np.ndarray, angular: np.ndarray,
    ) -> Plain:
        change = (linear - self._velocity) / self._period_s
        self._velocity = linear
        cos, sin = math.cos(pose[2]), math.sin(pose[2])
        felt = np.array([cos * change[0] + sin * change[1], cos * change[1] - sin * change[0],
                         change[2] + _GRAVITY_MPS2])
        o, rng = self._options, self._rng
        return readings.imu(stamp_ns, angular + o.gyro_noise_radps * rng.standard_normal(3),
                            felt + o.acceleration_noise_mps2 * rng.standard_normal(3),
                            o.gyro_noise_radps, o.acceleration_noise_mps2)
